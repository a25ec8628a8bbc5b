package forwarder

import (
	"slices"
	"testing"
	"time"

	"github.com/confd/confd/internal/testkit/pictures"
	"github.com/confd/confd/media"
	"github.com/confd/confd/transport"
	"github.com/confd/confd/transport/repair"
)

const ms = int64(time.Millisecond)

// bed is an engine whose worker's turns a test takes, in fake time, with lines whose ports
// are in memory.
type bed struct {
	t      testing.TB
	engine *Engine
	worker *worker
	conf   *Conference
	now    int64
	phones []*phone
	events []Event
	fails  bool // that is expected
}

func newBed(t testing.TB, cfg Config) *bed {
	t.Helper()
	cfg.Workers = 1
	e, err := idle(cfg)
	if err != nil {
		t.Fatal(err)
	}
	b := &bed{t: t, engine: e, worker: e.workers[0], now: 1000 * second}
	b.worker.clock = func() int64 { return b.now }
	b.conf = b.room()
	b.turn()
	return b
}

// room makes a conference whose events are kept.
func (b *bed) room() *Conference {
	return b.engine.NewConference(ConferenceConfig{Events: func(e Event) {
		b.events = append(b.events, e)
		if e.Kind == Failed && !b.fails {
			b.t.Error(e.Err)
		}
	}})
}

var vp8 = media.VideoFormat{Codec: media.VP8}

// both is the usual line: it sends and sees VP8.
func both() LineConfig { return LineConfig{Format: vp8, NACK: true, Send: true, Receive: true} }

// phone is a participant of a bed: the port of a line, and what is behind it.
type phone struct {
	bed  *bed
	line *Line
	cam  *pictures.Camera
	last []pictures.Packet // of the camera, to be retransmitted

	deaf     bool  // it takes neither PLI nor FIR
	stubborn bool  // it never sends a key frame
	delay    int64 // of the path, one way
	lose     func(*pictures.Packet) bool

	every, next int64 // pictures
	arriving    []parcel
	asked       []int64 // key frames
	nacks       int
	limits      []uint64
	keyDue      bool

	heard []pictures.Packet // what it was sent, in order, without retransmissions
	at    []int64           // when
	again []uint16          // what it was sent again
	mute  bool              // do not keep what is sent
	polls int
}

type parcel struct {
	at   int64
	p    transport.VideoPacket
	said *transport.Feedback
}

// join adds a phone with a camera, of VP8 unless that says otherwise.
func (b *bed) join(c LineConfig, cam pictures.Config) *phone {
	b.t.Helper()
	p := b.phone(c, cam)
	if err := b.conf.Add(p.line); err != nil {
		b.t.Fatal(err)
	}
	b.turn()
	return p
}

// phone makes one that is in no conference.
func (b *bed) phone(c LineConfig, cam pictures.Config) *phone {
	cam.Codec = c.Format.Codec
	cam.Source = uint32(len(b.phones) + 1)
	cam.SSRC = cam.Source
	if cam.Codec == media.VP8 && cam.PictureIDBits == 0 {
		cam.PictureIDBits = 15
	}
	p := &phone{bed: b, cam: pictures.New(cam), every: 40 * ms, delay: 5 * ms}
	p.next = b.now + ms
	p.line = NewLine(p, c)
	b.phones = append(b.phones, p)
	return p
}

// films has the phone send pictures from now on.
func (p *phone) films() *phone {
	p.next = p.bed.now + ms
	return p
}

// stop has it send none.
func (p *phone) stop() { p.next = 0 }

// join and films do not go together for who only looks.
func (b *bed) viewer() *phone {
	p := b.join(both(), pictures.Config{})
	p.stop()
	return p
}

// step moves time on by a millisecond: phones send, and the worker takes its turn.
func (b *bed) step() {
	b.now += ms
	for _, p := range b.phones {
		p.film()
	}
	b.turn()
}

func (b *bed) turn() {
	var ready []transport.Token
	for _, p := range b.phones {
		if p.line.token >= 0 && !p.line.resting && p.due() {
			ready = append(ready, transport.Token(p.line.token))
		}
	}
	b.worker.turn(b.now, ready)
}

// run moves time on.
func (b *bed) run(d time.Duration) {
	for end := b.now + int64(d); b.now < end; {
		b.step()
	}
}

// until moves time on until something is true, at most for d.
func (b *bed) until(d time.Duration, what string, is func() bool) {
	b.t.Helper()
	for end := b.now + int64(d); !is(); b.step() {
		if b.now >= end {
			b.t.Fatalf("not within %v: %s", d, what)
		}
	}
}

// count returns how many events there were of a kind about a phone.
func (b *bed) count(k EventKind, p *phone) (n int) {
	for _, e := range b.events {
		if e.Kind == k && (p == nil || e.Line == p.line) {
			n++
		}
	}
	return n
}

// shows has phones see another.
func (b *bed) shows(source *phone, to ...*phone) {
	for _, p := range to {
		if p != source {
			b.conf.Show(p.line, source.line)
		}
	}
	b.turn()
}

func (p *phone) film() {
	if p.next == 0 || p.bed.now < p.next {
		return
	}
	p.next += p.every
	key := p.keyDue && !p.stubborn
	if key {
		p.keyDue = false
	}
	p.send(p.cam.Next(key))
}

// send sends packets to the line.
func (p *phone) send(all []pictures.Packet) {
	for i := range all {
		p.last = append(p.last, all[i])
		if p.lose == nil || !p.lose(&all[i]) {
			p.post(&all[i], p.bed.now+p.delay, false)
		}
	}
	p.last = p.last[max(0, len(p.last)-400):]
}

func (p *phone) post(one *pictures.Packet, at int64, repaired bool) {
	p.arriving = append(p.arriving, parcel{at: at, p: transport.VideoPacket{Arrival: at, SSRC: one.SSRC, Timestamp: one.Timestamp,
		Sequence: one.Sequence, PayloadType: 96, Marker: one.Marker, Repaired: repaired, Encoding: one.Encoding,
		FrameMarking: one.FrameMarking, Payload: one.Payload}})
}

// say sends feedback to the line.
func (p *phone) say(f transport.Feedback) {
	f.Arrival = p.bed.now + p.delay
	p.arriving = append(p.arriving, parcel{at: f.Arrival, said: &f})
}

func (p *phone) due() bool { return len(p.arriving) > 0 && p.arriving[0].at <= p.bed.now }

// Poll and those below make the phone a Port.
func (p *phone) Poll(now int64, limit int, to transport.VideoReceiver) (n int) {
	p.polls++
	slices.SortStableFunc(p.arriving, func(a, b parcel) int { return int(a.at - b.at) })
	for n < limit && n < len(p.arriving) && p.arriving[n].at <= now {
		if one := &p.arriving[n]; one.said != nil {
			to.Feedback(one.said)
		} else {
			to.Video(&one.p)
		}
		n++
	}
	p.arriving = slices.Delete(p.arriving, 0, n)
	return n
}

func (p *phone) SendVideo(_ int64, out []transport.VideoOut) int {
	if p.mute {
		return len(out)
	}
	for i := range out {
		o := &out[i]
		if o.Repair {
			p.again = append(p.again, o.Sequence)
			continue
		}
		p.at = append(p.at, p.bed.now)
		p.heard = append(p.heard, pictures.Packet{Timestamp: o.Timestamp, Sequence: o.Sequence, Marker: o.Marker,
			Payload: slices.Concat(o.Head, o.Body)})
	}
	return len(out)
}

func (p *phone) RequestKeyFrame(now int64, _ uint8) bool {
	if p.deaf {
		return false
	}
	p.asked = append(p.asked, now)
	p.keyDue = true
	return true
}

func (p *phone) NACK(now int64, encoding uint8, lost []uint16) bool {
	if p.deaf {
		return false
	}
	p.nacks++
	for _, sequence := range lost {
		for i := range p.last {
			if one := &p.last[i]; one.Sequence == sequence && one.Encoding == encoding {
				p.post(one, now+2*p.delay, true)
			}
		}
	}
	return true
}

func (p *phone) LimitBitrate(_ int64, bits uint64) bool {
	p.limits = append(p.limits, bits)
	return !p.deaf
}

func (p *phone) Descriptors() []int { return nil }

// check has a strict receiver look at what the phone was sent, and returns the pictures.
func (p *phone) check() []pictures.Seen {
	p.bed.t.Helper()
	c := pictures.NewChecker(p.line.cfg.Format.Codec)
	for i := range p.heard {
		if err := c.Packet(&p.heard[i]); err != nil {
			p.bed.t.Errorf("phone %d sees: %v", p.cam.Source, err)
		}
	}
	return c.Pictures
}

// nack makes the feedback that asks for one packet.
func nack(t testing.TB, sequences ...uint16) transport.Feedback {
	fci, _ := repair.AppendNACK(nil, sequences)
	lost, ok := repair.ReadNACK(fci)
	if !ok {
		t.Fatal("no NACK")
	}
	return transport.Feedback{Kind: transport.FeedbackNACK, Lost: lost}
}
