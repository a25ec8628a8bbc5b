// Package audience is many listeners of one multicast group in one process. Each has sockets,
// a buffer, repair and feedback of its own. The sound of one is decoded; that the others
// would have heard the same is known from their payloads, byte for byte.
package audience

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/confd/confd/bench/load/report"
	"github.com/confd/confd/multicast/listen"
)

// MaxListeners is how many can be asked for; each takes three descriptors.
const MaxListeners = 5000

// audible is the level in dBov from which sound is sound.
const audible = -60

// Options are what to listen to, and how.
type Options struct {
	Listeners int // 1 to MaxListeners
	Session   *listen.Session
	Listen    listen.Config // without its Output
}

// Audience is the listeners. Its methods may be called by any goroutine.
type Audience struct {
	began time.Time
	all   []*listen.Listener
	ears  []*ear
	sound *meter
}

// Start joins the group as often as asked for.
func Start(o Options) (*Audience, error) {
	if o.Listeners < 1 || o.Listeners > MaxListeners {
		return nil, fmt.Errorf("%d multicast listeners: want 1 to %d", o.Listeners, MaxListeners)
	}
	a := &Audience{began: time.Now(), sound: &meter{}}
	decoder, err := listen.NewDecoder(o.Session, a.sound.take)
	if err != nil {
		return nil, err
	}
	said := &book{}
	for i := range o.Listeners {
		e := &ear{said: said}
		if i == 0 {
			e.decoder = decoder
		}
		o.Listen.Output = e
		l, err := listen.Listen(o.Session, o.Listen)
		if err != nil {
			a.Close()
			return nil, fmt.Errorf("listener %d of %d: %w", i+1, o.Listeners, err)
		}
		a.all, a.ears = append(a.all, l), append(a.ears, e)
	}
	return a, nil
}

// Update gives all a new key.
func (a *Audience) Update(s *listen.Session) error {
	var failed []error
	for _, l := range a.all {
		failed = append(failed, l.Update(s))
	}
	return errors.Join(failed...)
}

// Received returns how many packets came to all of them so far.
func (a *Audience) Received() (n uint64) {
	for _, l := range a.all {
		n += l.Stats().Received
	}
	return n
}

// Close ends them and returns what they heard.
func (a *Audience) Close() *report.Audience {
	for _, l := range a.all {
		_ = l.Close()
	}
	r := &report.Audience{Listeners: len(a.all), Seconds: time.Since(a.began).Seconds()}
	var before, after, jitter []float64
	for i, l := range a.all {
		row := listener(i, l.Stats(), a.ears[i])
		r.Add(&row)
		before, after, jitter = append(before, row.LossPercent), append(after, row.LossAfterPercent), append(jitter, row.JitterMS)
	}
	r.LossPercent, r.LossAfterPercent, r.JitterMS = report.NewQuantiles(before), report.NewQuantiles(after), report.NewQuantiles(jitter)
	r.LevelDB, r.Sounded = a.sound.result()
	return r
}

func listener(i int, s listen.Stats, e *ear) report.AudienceMember {
	return report.AudienceMember{
		Number: i + 1, Received: s.Received, Lost: s.LostBefore, LostAfter: s.Lost,
		ByRedundancy: s.ByRedundancy, ByRetransmission: s.ByRetransmission, Foreign: s.Foreign + s.Unauthentic + s.Malformed + s.Unknown,
		AwaitingKey: s.AwaitingKey, Requests: s.Requests, Reports: s.Reports, Different: e.different, Compared: e.compared,
		LossPercent: 100 * s.LossBefore(), LossAfterPercent: 100 * s.LossAfter(), JitterMS: s.JitterMS, ConcealedPercent: 100 * s.Concealed,
	}
}

// meter measures the sound of the one that is decoded. One goroutine at a time gives it some.
type meter struct {
	squares float64
	loud    int // samples of pieces that are audible
}

func (m *meter) take(pcm []int16) {
	sum := 0.0
	for _, v := range pcm {
		sum += float64(v) * float64(v)
	}
	if len(pcm) == 0 || decibels(sum/float64(len(pcm))) < audible {
		return
	}
	m.squares += sum
	m.loud += len(pcm)
}

// result returns the level of what was audible, and whether anything was.
func (m *meter) result() (db float64, sounded bool) {
	if m.loud == 0 {
		return 0, false
	}
	return decibels(m.squares / float64(m.loud)), true
}

func decibels(meanSquare float64) float64 {
	return 10 * math.Log10(max(meanSquare, 1e-9)/(32768*32768))
}
