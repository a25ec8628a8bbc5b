package signal

import (
	"fmt"
	"math"
	"time"

	"github.com/confd/confd/codec/resample"
)

// MaxDelay is the longest delay from mouth to ear that an Ear finds. What comes later was
// not heard.
const MaxDelay = 500 * time.Millisecond

// EarConfig is how an ear is made. Times are of one monotonic clock, nanoseconds.
type EarConfig struct {
	Rate  int   // of the sound that it hears: 8000, 16000 or 48000 samples per second
	Epoch int64 // when a cycle of the room began, or will begin, or would have begun
	Self  int   // the talker whose ear it is, or NoOne
	// CodecDelay is by how much the codecs on the way delay sound beside what their packets
	// take, at most MaxDelay; it is not counted as delay. For a server that decodes and
	// encodes that is the look-ahead of the talkers' codec and of the listener's: G.711 has
	// none, G.722 1.375 ms, Opus 6.5 ms, or 2.5 ms if it is set to low delay.
	CodecDelay time.Duration
	// Found, if not nil, is told what is found as soon as it is certain, which is up to
	// eight seconds later, by who calls Hear.
	Found func(Finding)
}

// NoOne is not a talker: the ear of somebody who never speaks, or a sound of unknown origin.
const NoOne = -1

// Ear listens to one stream of a room. It belongs to one goroutine at a time and allocates
// nothing after NewEar.
type Ear struct {
	room    *Room
	config  EarConfig
	cycle   int64 // ns
	limits  limits
	totals  Totals
	talkers []listened

	convert  *resample.Converter // nil at 8000
	buffer   []int16
	sound    recording
	clock    earClock
	spectrum *spectrum
	ring     [columns]column
	newest   int64 // column; -1 before the first
	swept    int64 // columns before it were searched for what does not belong
	settled  int64 // columns before it are done with

	verdicts schedule // of all spurts
	echoes   schedule // of the own ones
	usual    band     // delays of late, of all talkers
	verdict  verdict
	since    int64 // what began earlier is not judged, ns
	counting int64 // what began or was found earlier is not counted, ns
	strays   [strayed]uint32
	stray    strayCount
	moments  [moments]moment
	counted  int64 // moments before it were summed up
	chirper  *matcher
}

// listened is what an ear knows of one talker.
type listened struct {
	skew        int64 // of the talker's cycle from the room's, ns
	from, until int64 // it speaks, ns; until is 0 as long as it does
	drift       float64
	tally       Tally
	delay       int64 // of the spurt heard last, ns; -1 if none
}

// NewEar makes an ear that knows no talker yet; see Begin. The error says what of c is out
// of range.
func NewEar(room *Room, c EarConfig) (*Ear, error) {
	switch {
	case c.Rate != 8000 && c.Rate != 16000 && c.Rate != 48000:
		return nil, fmt.Errorf("signal: an ear for %d samples per second, want 8000, 16000 or 48000", c.Rate)
	case c.Self != NoOne && (c.Self < 0 || c.Self >= len(room.plans)):
		return nil, fmt.Errorf("signal: the ear of talker %d, want 0 to %d or NoOne", c.Self, len(room.plans)-1)
	case c.CodecDelay < 0 || c.CodecDelay > MaxDelay:
		return nil, fmt.Errorf("signal: codecs delay by %v, want 0 to %v", c.CodecDelay, MaxDelay)
	}
	e := &Ear{room: room, config: c, cycle: int64(room.options.Cycle), talkers: make([]listened, len(room.plans)),
		spectrum: newSpectrum(), chirper: newMatcher(), newest: -1, limits: limitsOf(c.Rate)}
	if c.Rate != earRate {
		e.convert = resample.NewConverter(c.Rate, earRate)
		e.buffer = make([]int16, chunk+1)
		e.clock.late = float64(e.convert.Latency()) * earRate / float64(c.Rate)
	}
	e.clock.late += c.CodecDelay.Seconds() * earRate
	e.verdicts.spurts = room.spurts
	for _, s := range room.spurts {
		if s.Talker == c.Self {
			e.echoes.spurts = append(e.echoes.spurts, s)
		}
	}
	for i := range e.talkers {
		e.talkers[i].from, e.talkers[i].delay = math.MaxInt64, -1
	}
	return e, nil
}

// maxSkew is how far a talker's cycle may be from the room's: a few packets. With more,
// spurts and tones would not be as far from each other as planned.
const maxSkew = 250 * time.Millisecond

// Talk says when a talker speaks. Times are of the ear's clock, nanoseconds.
type Talk struct {
	Start int64   // the first sample of its cycle is sent, or any whole number of cycles off
	From  int64   // it begins to send; what is earlier in the cycle is left out
	Drift float64 // how much slower than the clock it is since then, parts per million
}

// Begin says that a talker speaks from now on; before that, nothing of it may be heard. The
// error says that its cycle is off the room's, which comes round for ever, by more than 250 ms.
func (e *Ear) Begin(talker int, t Talk) error {
	skew := (t.Start - e.config.Epoch) % e.cycle
	switch {
	case skew > e.cycle/2:
		skew -= e.cycle
	case skew < -e.cycle/2:
		skew += e.cycle
	}
	if skew > int64(maxSkew) || skew < -int64(maxSkew) {
		return fmt.Errorf("signal: talker %d's cycle is %v off the room's, want at most %v", talker, time.Duration(skew), maxSkew)
	}
	l := &e.talkers[talker]
	l.skew, l.from, l.until, l.drift, l.delay = skew, t.From, 0, t.Drift*1e-6, -1
	return nil
}

// End says that a talker was silent from a time on.
func (e *Ear) End(talker int, at int64) { e.talkers[talker].until = at }

// Forget begins all counts anew: what was said, or is found to have been heard, before a
// time that has come is not counted any more. Who is heard unexpectedly then is found again.
func (e *Ear) Forget(at int64) {
	e.totals = Totals{}
	for i := range e.talkers {
		e.talkers[i].tally = Tally{}
	}
	e.counting = at
	e.stray.told = false
}

// speaks tells whether the talker speaks all the time, or at any time, between two.
func (l *listened) speaks(from, to int64) (always, ever bool) {
	ever = l.from < to && (l.until == 0 || l.until > from)
	return ever && l.from <= from && (l.until == 0 || l.until >= to), ever
}

// Hear takes the sound of one packet, in order, which arrived at a time.
func (e *Ear) Hear(pcm []int16, arrival int64) {
	if e.clock.packet(e.sound.end, arrival) {
		e.restart(arrival)
	}
	e.take(pcm)
}

// Gap takes n samples for which there was no packet. A gap of a second or more is a new
// beginning: what was going on is not judged. What a sender that is silent leaves out on
// purpose (DTX) is no gap: Hear zeros for it.
func (e *Ear) Gap(n int) {
	if n >= e.config.Rate {
		e.sound.end += int64(n) * earRate / int64(e.config.Rate)
		e.clock.begun = false
		return
	}
	e.sound.lose(int64(n) * earRate / int64(e.config.Rate))
	for ; n > 0; n -= min(n, len(zeros)) {
		e.take(zeros[:min(n, len(zeros))])
	}
}

var zeros [960]int16

const (
	// chunk is how much sound, samples at the ear's rate, is taken at a time.
	chunk = earRate / 50
	// settling is how long after the first packet, ns, what begins is not judged: filters
	// and codecs have nothing before it.
	settling = int64(100e6)
)

// take appends sound and looks at every window that is complete.
func (e *Ear) take(pcm []int16) {
	for len(pcm) > 0 {
		part := pcm[:min(len(pcm), e.config.Rate/50)]
		pcm = pcm[len(part):]
		if e.convert != nil {
			part = e.buffer[:e.convert.Process(e.buffer, part)]
		}
		e.sound.append(part)
		for (e.newest+1)*hop+window <= e.sound.end {
			e.newest++
			e.look()
		}
	}
}

// restart forgets what was going on: nothing before now can be judged.
func (e *Ear) restart(now int64) {
	e.newest = e.sound.end / hop
	for i := range e.ring {
		e.ring[i].lost = true
	}
	e.sound.lost = e.sound.end
	e.swept, e.settled = e.newest+1, e.newest+1
	e.since, e.counted = now+settling, now/momentTime
	e.moments = [moments]moment{}
	e.verdicts.seek(e, now)
	e.echoes.seek(e, now)
	e.usual.forget()
	for i := range e.talkers {
		e.talkers[i].delay = -1
	}
}
