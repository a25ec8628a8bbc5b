package mixer

import (
	"context"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/confd/confd/internal/clock"
	"github.com/confd/confd/media"
)

func newTestCrew(t *testing.T, threads int) (*crew, *counters) {
	t.Helper()
	stats := &counters{}
	r := newCrew(threads, 20e6, stats)
	r.gather(t)
	return r, stats
}

// Whatever the size of a loop and of its parts, each thing is done once, and all are done when
// run returns.
func TestCrewDoesEachThingOnce(t *testing.T) {
	r, _ := newTestCrew(t, 4)
	for size := range 200 {
		for _, chunk := range []int{1, 3, 64} {
			done := make([]int, size)
			r.run(nil, size, chunk, func(_ *Conference, _ *hand, from, to int) {
				for i := from; i < to; i++ {
					done[i]++
				}
			})
			for i, n := range done {
				if n != 1 {
					t.Fatalf("%d of %d in parts of %d: done %d times", i, size, chunk, n)
				}
			}
		}
	}
}

// A job is over when each helper has left it, even one for which the worker had to sleep.
func TestCrewWaitsForWhoIsSlow(t *testing.T) {
	r, _ := newTestCrew(t, 2)
	var came, over atomic.Bool
	for !came.Load() {
		r.run(nil, 2, 1, func(_ *Conference, h *hand, _, _ int) {
			if h.index == 0 {
				for i := 0; i < 1000 && !came.Load(); i++ {
					runtime.Gosched()
				}
				return
			}
			came.Store(true)
			for r.gate.Load()&jobWatched == 0 && !t.Failed() {
				runtime.Gosched()
			}
			over.Store(true)
		})
	}
	if !over.Load() {
		t.Error("the job ended before its last part")
	}
}

// meet makes parts of which each thread has to do one.
func meet(n int32) func() {
	var came atomic.Int32
	return func() {
		for came.Add(1); came.Load() < n; {
			runtime.Gosched()
		}
	}
}

// A panic of a helper is the caller's, once all others have stopped.
func TestCrewHandsPanicsOn(t *testing.T) {
	r, _ := newTestCrew(t, 3)
	for guilty := range 3 {
		together := meet(3)
		var inside atomic.Int32
		func() {
			defer func() {
				f, ok := recover().(*fault)
				if !ok || f.reason != "test" || !strings.Contains(string(f.stack), "TestCrewHandsPanicsOn") || inside.Load() != 0 {
					t.Errorf("by %d: %+v, %d inside", guilty, f, inside.Load())
				}
			}()
			r.run(nil, 3, 1, func(_ *Conference, h *hand, _, _ int) {
				inside.Add(1)
				defer inside.Add(-1)
				together()
				if h.index == guilty {
					panic("test")
				}
			})
		}()
	}
	n := 0
	var mu sync.Mutex
	r.run(nil, 9, 1, func(*Conference, *hand, int, int) { mu.Lock(); n++; mu.Unlock() })
	if n != 9 {
		t.Errorf("afterwards %d of 9 parts", n)
	}
}

// A helper that has given its share of a period does no more until that is over: the worker
// is left alone with the rest.
func TestHelperKeepsToItsShare(t *testing.T) {
	r, stats := newTestCrew(t, 2)
	helper := r.hands[1]
	together := meet(2)
	r.run(nil, 2, 1, func(*Conference, *hand, int, int) { together() })
	for r.parked.Load() == 0 {
		r.duty.Store(false)
		runtime.Gosched()
	}
	// Nobody else touches what a parked helper has given.
	r.every = int64(time.Second)
	helper.spent, helper.since = r.share-1, clock.Now()
	before := stats.Helped.Load()
	late := meet(2)
	var parts [2]atomic.Int32
	r.run(nil, 500, 1, func(_ *Conference, h *hand, _, _ int) {
		if parts[h.index].Add(1) == 1 {
			late()
		}
	})
	if n := parts[1].Load(); n != 1 || parts[0].Load() != 499 || stats.Helped.Load() == before {
		t.Errorf("the helper did %d parts, want the one in which its time was over", n)
	}
}

// Threads are called as work grows, and let go when a good deal less is left.
func TestDemand(t *testing.T) {
	var d demand
	settle := func(cost int64) int {
		for range 60 {
			d.observe(cost, 4e6)
		}
		return max(d.threads, 1)
	}
	const ms = int64(1e6)
	for i, c := range []struct {
		cost int64
		want int
	}{
		{0, 1}, {39 * ms / 10, 1}, {41 * ms / 10, 2}, {39 * ms / 10, 2}, {31 * ms / 10, 2}, {29 * ms / 10, 1},
		{81 * ms / 10, 3}, {61 * ms / 10, 3}, {59 * ms / 10, 2}, {121 * ms, 31}, {0, 1},
	} {
		if got := settle(c.cost); got != c.want {
			t.Errorf("%d: %d threads for %d ns, want %d", i, got, c.cost, c.want)
		}
	}
}

// busySource takes its time.
type busySource struct{ took time.Duration }

func (b busySource) Poll(int64, int, media.Receiver) int {
	for began := time.Now(); time.Since(began) < b.took; {
	}
	return 0
}

// A panic on a helper's thread ends the conference whose part it was, and no other.
func TestPanicOfAHelperStaysInItsConference(t *testing.T) {
	splitAll = true
	defer func() { splitAll = false }()
	var armed atomic.Bool
	panicsAlone(t, Config{Slots: 1}, 3, helperPanics{&armed}, &armed, "helperPanics")
}

// helperPanics panics on any thread but the worker's, which waits for that.
type helperPanics struct{ armed *atomic.Bool }

func (h helperPanics) Poll(int64, int, media.Receiver) int {
	if !h.armed.Load() {
		return 0
	}
	for began := time.Now(); time.Since(began) < 100*time.Millisecond; runtime.Gosched() {
		if strings.Contains(string(stackOf()), "mixer.(*crew).help(") {
			panic("test")
		}
	}
	return 0
}

func stackOf() []byte {
	b := make([]byte, 1<<14)
	return b[:runtime.Stack(b, false)]
}

// Small conferences leave the helpers asleep; one whose tick takes long calls them, and is
// done sooner for it.
func TestHelpersAreCalledWhenATickIsLong(t *testing.T) {
	eng, err := New(Config{Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	eng.Start()
	defer eng.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	small := eng.NewConference(ConferenceConfig{})
	if err := small.ApplyWait(ctx, AddInput(NewInput(nothing{}, InputConfig{}))); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if err := small.ApplyWait(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if s := eng.Stats(); s.HelperWakes+s.Splits > 0 {
		t.Errorf("%d wake-ups and %d split ticks of a room of one", s.HelperWakes, s.Splits)
	}
	large := eng.NewConference(ConferenceConfig{})
	for range 4 * callChunk {
		large.Apply(AddInput(NewInput(busySource{50 * time.Microsecond}, InputConfig{})))
	}
	for eng.Stats().Splits == 0 || eng.Stats().Helped == 0 {
		if err := large.ApplyWait(ctx); err != nil {
			t.Fatalf("%v: %+v", err, eng.Stats())
		}
	}
	if s := eng.Stats(); s.HelperWakes == 0 {
		t.Errorf("%+v", s)
	}
}
