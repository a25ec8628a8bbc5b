package signal

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

func TestOptionsAtTheirEdges(t *testing.T) {
	for _, k := range []struct {
		o  Options
		ok bool
	}{
		{Options{Talkers: 1}, true}, {Options{}, false}, {Options{Talkers: MaxTalkers}, true}, {Options{Talkers: MaxTalkers + 1}, false},
		{Options{Talkers: 1, Mixed: 1}, true}, {Options{Talkers: 1, Mixed: -1}, false},
		{Options{Talkers: 1, Cycle: MinCycle}, true}, {Options{Talkers: 1, Cycle: MinCycle - CycleUnit}, false},
		{Options{Talkers: 1, Cycle: MaxCycle}, true}, {Options{Talkers: 1, Cycle: MaxCycle + CycleUnit}, false},
		{Options{Talkers: 1, Cycle: MinCycle + 20*time.Millisecond}, false},
	} {
		r, err := NewRoom(k.o)
		if (err == nil) != k.ok {
			t.Errorf("%+v: %v", k.o, err)
		}
		if err == nil && (r.Options().Mixed == 0 || r.Options().Cycle == 0) {
			t.Errorf("%+v: options in force are %+v", k.o, r.Options())
		}
	}
}

// rooms calls f with rooms of all sizes.
func rooms(t *testing.T, f func(t *testing.T, r *Room)) {
	for _, n := range []int{1, 3, 8, 20, 50, 200} {
		for _, continuous := range []bool{false, true} {
			for seed := range uint64(3) {
				o := Options{Talkers: n, Seed: seed, Continuous: continuous}
				t.Run(fmt.Sprintf("%d/%v/%d", n, continuous, seed), func(t *testing.T) { f(t, newRoom(t, o)) })
			}
		}
	}
}

func TestPlans(t *testing.T) {
	rooms(t, func(t *testing.T, r *Room) {
		for i := range r.options.Talkers {
			plan, end := r.Plan(i), time.Duration(0)
			if len(plan) == 0 {
				t.Fatalf("talker %d never speaks", i)
			}
			for k, s := range plan {
				switch {
				case s.Talker != i || s.Start%cell != 0 || s.Length%cell != 0 || s.Length < 300*time.Millisecond || s.Length > 3*time.Second:
					t.Errorf("talker %d: %+v", i, s)
				case r.options.Continuous && s.Start != end:
					t.Errorf("talker %d begins at %v, stopped at %v", i, s.Start, end)
				case !r.options.Continuous && k > 0 && s.Start < end+200*time.Millisecond:
					t.Errorf("talker %d begins at %v, stopped at %v", i, s.Start, end)
				}
				end = s.End()
			}
			if end > r.options.Cycle || r.options.Continuous && end != r.options.Cycle {
				t.Errorf("talker %d ends at %v of %v", i, end, r.options.Cycle)
			}
		}
	})
}

func TestSpeechIsThatOfP59(t *testing.T) {
	var talk, pause time.Duration
	spurts, pauses := 0, 0
	for seed := range uint64(200) {
		for i, r := 0, newRoom(t, Options{Talkers: 3, Seed: seed, Cycle: MaxCycle}); i < 3; i++ {
			plan := r.Plan(i)
			for k := range plan {
				talk += plan[k].Length
				spurts++
				if k > 0 {
					pause += plan[k].Start - plan[k-1].End()
					pauses++
				}
			}
		}
	}
	check := func(what string, got time.Duration, n int, want float64) {
		if mean := got.Seconds() / float64(n); mean < 0.96*want || mean > 1.04*want {
			t.Errorf("mean %s of %d is %.3f s, want %.3f s", what, n, mean, want)
		}
	}
	check("talk spurt", talk, spurts, 1.004)
	check("pause", pause, pauses, 1.587)
}

func TestMarksAreApart(t *testing.T) {
	rooms(t, func(t *testing.T, r *Room) {
		var at []time.Duration
		for _, s := range r.spurts {
			if s.Marked {
				at = append(at, s.Start)
			}
		}
		slices.Sort(at)
		for i := range at {
			next := at[(i+1)%len(at)]
			if i == len(at)-1 {
				next += r.options.Cycle
			}
			if len(at) > 1 && next-at[i] < 160*time.Millisecond {
				t.Errorf("marks at %v and %v", at[i], next)
			}
		}
		// A mark takes 160 ms; not all of what is left between them can be used.
		most := min(len(r.spurts), int(r.options.Cycle/(160*time.Millisecond)))
		if len(at) < most/2 || r.options.Talkers <= 3 && !r.options.Continuous && len(at) < len(r.spurts)*9/10 {
			t.Errorf("%d of %d spurts are marked, there is room for %d", len(at), len(r.spurts), most)
		}
	})
}

// As long as there are tones enough nobody has another's tone or its neighbour, and nobody
// stays where he is.
func TestTonesDiffer(t *testing.T) {
	rooms(t, func(t *testing.T, r *Room) {
		together, same := 0, 0
		for i, a := range r.spurts {
			for k, x := range a.tones {
				if k > 0 && max(x.place, a.tones[k-1].place)-min(x.place, a.tones[k-1].place) < farthest {
					t.Errorf("talker %d: %d after %d", a.Talker, x.place, a.tones[k-1].place)
				}
			}
			for _, b := range r.spurts[i+1:] {
				if a.Talker == b.Talker {
					continue
				}
				n, m := meet(a, b)
				together += n
				same += m
			}
		}
		switch n := r.options.Talkers; {
		case n <= 8 && same > together/50, n == 20 && !r.options.Continuous && same > together/20:
			t.Errorf("of %d pairs of tones at one time %d are the same or neighbours", together, same)
		case same > together/8: // by chance it would be a tenth
			t.Errorf("of %d pairs of tones at one time %d are the same or neighbours", together, same)
		}
	})
}

// meet counts the pairs of tones of two spurts that sound at one time, though the one comes
// 20 ms early or late, and those that are the same or neighbours.
func meet(a, b *Spurt) (together, same int) {
	const late = 20 * time.Millisecond
	if a.End()+late <= b.Start || b.End()+late <= a.Start {
		return 0, 0
	}
	for _, x := range a.tones {
		for _, y := range b.tones {
			if x.to+late > y.from && y.to+late > x.from {
				together++
				if d := int(x.place) - int(y.place); -1 <= d && d <= 1 {
					same++
				}
			}
		}
	}
	return together, same
}

func TestRoomsWithEqualOptionsAreEqual(t *testing.T) {
	a, b := newRoom(t, Options{Talkers: 5, Seed: 4}), newRoom(t, Options{Talkers: 5, Seed: 4})
	other := newRoom(t, Options{Talkers: 5, Seed: 5})
	for i := range 5 {
		if !slices.Equal(a.Render(i, 8000), b.Render(i, 8000)) {
			t.Errorf("talker %d differs", i)
		}
		if slices.Equal(a.Render(i, 8000), other.Render(i, 8000)) {
			t.Errorf("talker %d is the same with another seed", i)
		}
	}
}

// A spurt is crowded if more than are mixed speak during it, or stopped less than 0.8 s before.
func TestCrowded(t *testing.T) {
	for _, n := range []int{8, 9, 20} {
		r := newRoom(t, Options{Talkers: n, Seed: 2, Mixed: 8})
		count := 0
		for _, s := range r.spurts {
			want := false
			for at := s.Start; at < s.End(); at += cell {
				want = want || r.holding(at) > 8
			}
			if s.crowded != want {
				t.Errorf("%d talkers: talker %d at %v: %v", n, s.Talker, s.Start, s.crowded)
			}
			if want {
				count++
			}
		}
		if n == 8 && count > 0 || n == 20 && count == 0 {
			t.Errorf("%d talkers: %d spurts are crowded", n, count)
		}
	}
}

// holding counts the talkers who speak at a time or stopped just before.
func (r *Room) holding(at time.Duration) (n int) {
	for _, plan := range r.plans {
		if slices.ContainsFunc(plan, func(s Spurt) bool {
			after := (at - s.Start + r.options.Cycle) % r.options.Cycle
			return after < s.Length+800*time.Millisecond
		}) {
			n++
		}
	}
	return n
}
