//go:build linux

package trial

import (
	"context"
	"fmt"
	"math"
	"net/netip"
	"runtime"
	"strings"
	"time"

	"github.com/confd/confd/bench/load/fleet"
	"github.com/confd/confd/bench/load/signal"
)

// spareProcessors are more than goroutines of this process are ever at work: threads at
// real-time priority must not wait for a processor of the runtime.
const spareProcessors = 64

// Callers are a fleet at play.
type Callers struct {
	*fleet.Fleet
	quiet  context.CancelFunc
	silent chan struct{} // closed when they play no more
}

// Play makes the callers of a load, and lets them play until Close. They are silent until they are
// connected. They speak G.711 in packets of 20 ms, without pauses, and one thread plays them. Whom
// they hear is verified in the first room: there is one ear, so that next to nothing is computed
// while a server is measured. Change, if it is not nil, makes something else of that.
func (l *Load) Play(change func(*fleet.Config)) (*Callers, error) {
	c, err := l.phones()
	if err != nil {
		return nil, err
	}
	if change != nil {
		change(&c)
	}
	f, err := fleet.New(c)
	if err != nil {
		return nil, err
	}
	if c.RealTime {
		runtime.GOMAXPROCS(max(runtime.GOMAXPROCS(0), spareProcessors))
	}
	ctx, quiet := context.WithCancel(context.Background())
	p := &Callers{f, quiet, make(chan struct{})}
	go func() {
		defer close(p.silent)
		f.Run(ctx)
	}()
	return p, nil
}

// RealTime has their thread ask for real-time priority.
func RealTime(c *fleet.Config) { c.RealTime = true }

// Close ends their play and frees their sockets.
func (p *Callers) Close() {
	p.quiet()
	<-p.silent
	p.Fleet.Close()
}

// ByRoom returns the callers' numbers room by room, talkers first.
func (p *Callers) ByRoom() (all []int) {
	c := p.Config()
	for room := range c.Rooms {
		for i := room; i < c.Callers; i += c.Rooms {
			all = append(all, i)
		}
	}
	return all
}

// Locals returns their addresses, room by room.
func (p *Callers) Locals() (all []netip.AddrPort) {
	for _, i := range p.ByRoom() {
		all = append(all, p.Local(i))
	}
	return all
}

// Reach connects them to a server that has no SIP: to its addresses, room by room.
func (p *Callers) Reach(legs []netip.AddrPort, payloadType uint8) error {
	for k, i := range p.ByRoom() {
		if err := p.Connect(i, fleet.Peer{Media: legs[k], PayloadType: payloadType}); err != nil {
			return err
		}
	}
	return nil
}

// patience is how long it takes at most until enough is judged.
const patience = 12 * time.Second

// Judged waits until ears have judged enough, but not for ever, and returns what the callers have
// met by then.
func (p *Callers) Judged(ctx context.Context, enough func(*fleet.Report) bool) (r *fleet.Report, err error) {
	for end := time.Now().Add(patience); ; {
		if r = p.Report(); enough(r) || time.Now().After(end) {
			return r, nil
		}
		if err := Wait(ctx, 100*time.Millisecond); err != nil {
			return r, err
		}
	}
}

// EachOnce tells whether each talker of the first room has been judged, and Heard is known.
func EachOnce(r *fleet.Report) bool {
	for _, t := range r.Rooms[0].Talkers {
		if t.Expected+t.Crowded == 0 {
			return false
		}
	}
	h := &r.Rooms[0].Heard
	return h.Expected > 0 || h.PlacesDue > 0
}

// Heard returns the part of what should be heard that is, 0 to 1, as far as it has been judged: of
// talk spurts or, where always more speak than are mixed, of the time in which somebody must be.
// It is 0 if nothing has been judged.
func Heard(r *fleet.Report) float64 {
	all, _ := r.Heard()
	switch {
	case all.Expected > 0:
		return float64(all.Heard) / float64(all.Expected)
	case all.PlacesDue > 0:
		return min(1, all.PlacesHeard.Seconds()/all.PlacesDue.Seconds())
	}
	return 0
}

// Starved returns how many callers got less than nine tenths of what the window should hold.
func Starved(r *fleet.Report) (n int) {
	due := int(r.Window / packetTime)
	for i := range r.Callers {
		if r.Callers[i].Received*10 < due*9 {
			n++
		}
	}
	return n
}

// Fault is what should not be, and how often it was.
type Fault struct {
	What  string
	Count int
}

// Health names everything that should not be and was: others' faults, and what the callers met.
func Health(r *fleet.Report, others ...Fault) string {
	c := r.Counts()
	all, _ := r.Heard()
	var bad []string
	for _, f := range append(others, Fault{"packets lost", c.Lost}, Fault{"packets out of order", c.Reordered},
		Fault{"callers starved", Starved(r)}, Fault{"talkers heard who should not be", all.Counts[signal.Own] + all.Counts[signal.Unexpected]}) {
		if f.Count > 0 {
			bad = append(bad, fmt.Sprintf("%d %s", f.Count, f.What))
		}
	}
	if len(bad) == 0 {
		bad = []string{"no packet lost"}
	}
	return fmt.Sprintf("%s; callers late %.2f ms", strings.Join(bad, ", "), Milliseconds(r.Late))
}

// Milliseconds returns a time in ms.
func Milliseconds(d time.Duration) float64 { return float64(d) / 1e6 }

// Text writes a time in ms; the longest that there is, which a histogram has where it knows no end,
// is "any".
func Text(d time.Duration) string {
	if d == math.MaxInt64 {
		return "any"
	}
	return fmt.Sprintf("%.3f", Milliseconds(d))
}

// Wait returns after d, or when ctx ends.
func Wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
