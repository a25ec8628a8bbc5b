package mixer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/confd/confd/media"
)

// tray is an outbox whose packets are the sinks that they are of.
type tray struct {
	t      *testing.T
	wait   []*reader
	closed bool
}

// reader is a sink that sends by way of a tray.
type reader struct {
	left atomic.Bool // nobody may touch it any more
	held atomic.Int32
	got  atomic.Int64
}

func (r *reader) Send(o *media.Outgoing) {
	x := o.Outbox.(*tray)
	r.held.Add(1)
	x.wait = append(x.wait, r)
}

func (x *tray) Flush() (p media.Posted) {
	for _, r := range x.wait {
		if r.left.Load() {
			x.t.Error("a packet waited for a sink that had left")
		}
		r.held.Add(-1)
		r.got.Add(1)
	}
	p.Packets, p.Batches = len(x.wait), min(len(x.wait), 1)
	x.wait = x.wait[:0]
	return p
}

func (x *tray) Close() {
	if x.closed = true; len(x.wait) > 0 {
		x.t.Error("an outbox was closed with packets in it")
	}
}

// trays makes outboxes and keeps them.
type trays struct {
	t   *testing.T
	mu  sync.Mutex
	all []*tray
}

func (y *trays) make() (media.Outbox, error) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.all = append(y.all, &tray{t: y.t})
	return y.all[len(y.all)-1], nil
}

// Whatever a sink is told, or wherever it goes, what was sent to it before has left, whoever of
// the threads had it.
func TestNothingWaitsForWhoLeaves(t *testing.T) {
	for _, split := range []bool{false, true} {
		t.Run(fmt.Sprintf("split %v", split), func(t *testing.T) {
			boxes := &trays{t: t}
			eng := newEngine(t, Config{Workers: 3, Outbox: boxes.make})
			eng.forced = split
			eng.Start()
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			conferences := []*Conference{eng.NewConference(ConferenceConfig{}), eng.NewConference(ConferenceConfig{})}
			var staying []*reader
			for _, c := range conferences {
				for range 100 {
					r := &reader{}
					staying = append(staying, r)
					c.Apply(Attach(NewOutput(r, OutputConfig{Format: narrow(t)}), c.Full(), nil))
				}
			}
			for i := range 12 {
				at, to := conferences[i%2], conferences[1-i%2]
				r := &reader{}
				out := NewOutput(r, OutputConfig{Format: narrow(t)})
				told := Do(func() {
					if r.held.Load() > 0 {
						t.Error("a sink was told something while a packet waited for it")
					}
				})
				steps := [][]Op{{Attach(out, at.Full(), nil)}, {told}, {Move(nil, []*Output{out}, to, to.Full()), told}}
				for _, ops := range steps {
					if err := at.ApplyWait(ctx, ops...); err != nil {
						t.Fatal(err)
					}
				}
				if err := to.ApplyWait(ctx, told, Detach(out)); err != nil {
					t.Fatal(err)
				}
				r.left.Store(true)
				if n := int64(out.Sent()); r.got.Load() != n || n == 0 {
					t.Errorf("%d packets left of %d", r.got.Load(), n)
				}
			}
			eng.Close()
			boxes.check(eng, staying, split)
		})
	}
}

// check says whether everything left in the end, by as many outboxes as there should be.
func (y *trays) check(eng *Engine, all []*reader, several bool) {
	y.t.Helper()
	for _, r := range all {
		if r.held.Load() != 0 || r.got.Load() == 0 {
			y.t.Fatalf("%d packets wait at the end, %d have left", r.held.Load(), r.got.Load())
		}
	}
	if len(y.all) != 3 || slices.ContainsFunc(y.all, func(x *tray) bool { return !x.closed }) {
		y.t.Errorf("%d outboxes, want 3, all closed", len(y.all))
	}
	s := eng.Stats()
	if err := eng.Outboxes(); err != nil || s.Batches == 0 || s.Batched < s.Batches || s.Unbatched != 0 {
		y.t.Errorf("%d batches of %d packets, %d singly: %v", s.Batches, s.Batched, s.Unbatched, err)
	}
	if several && s.Splits == 0 {
		y.t.Error("no conference was split")
	}
}

// A room that fails takes no packet of others with it, and none of its own.
func TestPacketsOfAFailedRoomLeave(t *testing.T) {
	boxes := &trays{t: t}
	eng := newEngine(t, Config{Workers: 1, Slots: 1, Outbox: boxes.make})
	eng.Start()
	defer eng.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c, r := eng.NewConference(ConferenceConfig{}), &reader{}
	out, bad := NewOutput(r, OutputConfig{Format: narrow(t)}), NewOutput(&panicking{}, OutputConfig{Format: narrow(t)})
	c.Apply(Attach(out, c.Full(), nil), Attach(bad, c.Full(), nil))
	if err := c.ApplyWait(ctx); err != nil {
		t.Fatal(err)
	}
	if err := c.ApplyWait(ctx, Detach(out)); err != nil {
		t.Fatal(err)
	}
	r.left.Store(true)
	if eng.Stats().Panics != 1 || r.got.Load() != 1 {
		t.Errorf("%d panics, %d packets left, want one of each", eng.Stats().Panics, r.got.Load())
	}
}

type panicking struct{}

func (*panicking) Send(*media.Outgoing) { panic("test") }

// Where there can be no outbox it is told why, and sinks are called without.
func TestNoOutbox(t *testing.T) {
	refused := errors.New("not permitted")
	for _, c := range []struct {
		make func() (media.Outbox, error)
		want error
	}{{nil, errNoOutboxes}, {func() (media.Outbox, error) { return nil, refused }, refused}} {
		eng := newEngine(t, Config{Workers: 2, Outbox: c.make})
		eng.Start()
		called := make(chan media.Outbox, 1)
		conf := eng.NewConference(ConferenceConfig{})
		conf.Apply(Attach(NewOutput(told(called), OutputConfig{Format: narrow(t)}), conf.Full(), nil))
		if x := <-called; x != nil {
			t.Errorf("a sink got %v", x)
		}
		eng.Close()
		if err := eng.Outboxes(); err != c.want || eng.Stats().Batches != 0 {
			t.Errorf("%v, %d batches; want %v and none", err, eng.Stats().Batches, c.want)
		}
	}
}

// told is a sink that tells which outbox it got.
type told chan media.Outbox

func (c told) Send(o *media.Outgoing) {
	select {
	case c <- o.Outbox:
	default:
	}
}
