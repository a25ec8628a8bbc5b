package forwarder

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestWheelTakesWhoIsDue(t *testing.T) {
	var w wheel
	a, b, c := &Line{}, &Line{}, &Line{}
	w.take(100*step, nil)
	w.set(a, 103*step)
	w.set(b, 103*step+1) // the step after
	w.set(c, 99*step)    // past: the next step
	if w.next() != 101*step {
		t.Errorf("next at %d, want 101", w.next()/step)
	}
	for _, want := range []struct {
		at   int64
		take []*Line
	}{{100, nil}, {101, []*Line{c}}, {102, nil}, {103, []*Line{a}}, {104, []*Line{b}}, {200, nil}} {
		if got := w.take(want.at*step, nil); !slices.Equal(got, want.take) {
			t.Errorf("at %d: %d lines, want %d", want.at, len(got), len(want.take))
		}
	}
	if w.next() != 0 || w.used != [words]uint64{} {
		t.Error("an empty wheel is due")
	}
}

// The earlier of two times counts; who is dropped does not come.
func TestWheelSetAgain(t *testing.T) {
	var w wheel
	a, b, c := &Line{}, &Line{}, &Line{}
	w.take(1000*step, nil)
	w.set(a, 1040*step)
	w.set(a, 1010*step)
	w.set(a, 1050*step)
	w.set(b, 1010*step)
	w.set(c, 90_000*step)
	w.drop(b)
	w.drop(b)
	if got := w.take(1010*step, nil); !slices.Equal(got, []*Line{a}) {
		t.Errorf("%d lines at 1010, want one", len(got))
	}
	if w.next() != (1000+horizon)*step {
		t.Errorf("what is far away is looked at in %d steps, want %d", w.next()/step-1000, horizon)
	}
	if got := w.take(1_000_000*step, nil); !slices.Equal(got, []*Line{c}) {
		t.Errorf("%d lines after a long sleep, want one", len(got))
	}
}

// Whatever is set and dropped comes at its time, or not, as in a plain list.
func TestWheelAgainstAList(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	var w wheel
	lines := make([]Line, 200)
	due := map[*Line]int64{}
	now := int64(5000)
	for range 20_000 {
		l := &lines[r.IntN(len(lines))]
		switch r.IntN(4) {
		case 0:
			w.drop(l)
			delete(due, l)
		case 1, 2:
			at := now + 1 + r.Int64N(horizon)
			w.set(l, at*step)
			if old, in := due[l]; !in || at < old {
				due[l] = at
			}
		case 3:
			now += r.Int64N(5)
			for _, l := range w.take(now*step, nil) {
				if at, in := due[l]; !in || at > now {
					t.Fatalf("taken at %d, due %d (%v)", now, at, in)
				}
				delete(due, l)
			}
			for _, at := range due {
				if at <= now {
					t.Fatalf("not taken at %d, due %d", now, at)
				}
			}
		}
	}
}
