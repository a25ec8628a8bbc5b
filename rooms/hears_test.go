package rooms

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

func list(names ...string) *[]string { return &names }

// hear says that by is heard by who, as lists have it: the rule, without any cleverness.
func mayHear(l, s *hearer) bool {
	lists := func(list *[]string, h *hearer) bool {
		if list == nil || slices.Contains(*list, h.id) {
			return true
		}
		for _, g := range h.groups {
			if slices.Contains(*list, groupPrefix+g) {
				return true
			}
		}
		return false
	}
	if !s.speaks || l.deaf || !lists(s.heardBy, l) {
		return false
	}
	return lists(l.hears, s) || s.insists && s.heardBy != nil
}

// exact checks an arrangement against the rule, and that there is none with fewer mixes.
func exact(t *testing.T, all []hearer, a arrangement) {
	t.Helper()
	for i := range all {
		if !all[i].listens {
			if a.of[i] != -1 {
				t.Fatalf("%s has no sink and gets mix %d", all[i].id, a.of[i])
			}
			continue
		}
		for j := range all {
			if i == j {
				continue
			}
			want := mayHear(&all[i], &all[j])
			if got := a.mixes[a.of[i]].has(j); got != want {
				t.Fatalf("%s hears %s: %v, want %v\n%+v\n%+v", all[i].id, all[j].id, got, want, all, a)
			}
		}
	}
	if least := fewest(all); least > 0 && len(a.mixes) != least {
		t.Fatalf("%d mixes, though %d would do\n%+v", len(a.mixes), least, all)
	}
}

// fewest tries every way to serve a few listeners; it returns 0 if there are none, or many.
func fewest(all []hearer) int {
	var ways [][2]string
	for i := range all {
		if !all[i].listens {
			continue
		}
		set := newBitset(len(all))
		for j := range all {
			if i != j && mayHear(&all[i], &all[j]) {
				set.set(j)
			}
		}
		without := string(set.key(nil))
		set.set(i)
		ways = append(ways, [2]string{without, string(set.key(nil))})
		if !all[i].speaks {
			ways[len(ways)-1][1] = without
		}
	}
	if len(ways) > 9 {
		return 0
	}
	least := len(ways)
	for choice := range 1 << len(ways) {
		mixes := make(map[string]bool)
		for i, w := range ways {
			mixes[w[choice>>i&1]] = true
		}
		least = min(least, len(mixes))
	}
	return least
}

func people(n int, change func(i int, h *hearer)) []hearer {
	all := make([]hearer, n)
	for i := range all {
		all[i] = hearer{id: fmt.Sprintf("p%d", i), listens: true, speaks: true}
		if change != nil {
			change(i, &all[i])
		}
	}
	return all
}

// The cost of a room is its distinct mixes.
func TestArrange(t *testing.T) {
	for _, c := range []struct {
		name  string
		all   []hearer
		mixes int
	}{
		{"nobody", nil, 0},
		{"one", people(1, nil), 1},
		{"everyone hears everyone", people(100, nil), 1},
		{"one is deaf", people(100, func(i int, h *hearer) { h.deaf = i == 7 }), 2},
		{"all are deaf", people(100, func(_ int, h *hearer) { h.deaf = true }), 1},
		{"one only listens", people(100, func(i int, h *hearer) { h.speaks = i > 0 }), 1},
		{"one only speaks", people(100, func(i int, h *hearer) { h.listens = i > 0 }), 1},
		{"a lecture: only the first is heard", people(100, func(_ int, h *hearer) { h.hears = list("p0") }), 1},
		{"a lecture by who is not there", people(100, func(_ int, h *hearer) { h.hears = list("zz") }), 1},
		{"a coach whispers to the agent", people(3, func(i int, h *hearer) {
			if i == 0 {
				h.heardBy = list("p1")
			}
		}), 2},
		{"an interpreter's channel", people(100, func(i int, h *hearer) {
			switch {
			case i == 0: // the interpreter hears the floor
				h.heardBy = list("group:french")
			case i < 50:
				h.groups = []string{"french"}
				h.hears = list("p0")
			}
		}), 2},
		{"a sidebar of three", people(100, func(i int, h *hearer) {
			if i < 3 {
				h.groups = []string{"side"}
				h.hears, h.heardBy = list("group:side"), list("group:side")
			}
		}), 2},
		{"ten tables of ten", people(100, func(i int, h *hearer) {
			g := fmt.Sprintf("table-%d", i%10)
			h.groups = []string{g}
			h.hears = list("group:" + g)
		}), 10},
		{"an announcement to one, who lists nobody", append(people(10, func(i int, h *hearer) {
			if i == 3 {
				h.hears = list()
			}
		}), hearer{id: "a", speaks: true, heardBy: list("p3"), insists: true}), 2},
	} {
		a := arrange(c.all)
		exact(t, c.all, a)
		if len(a.mixes) != c.mixes {
			t.Errorf("%s: %d mixes, want %d", c.name, len(a.mixes), c.mixes)
		}
	}
}

// Whatever the lists say, everyone hears exactly whom the rule lets it, at the fewest mixes,
// which become no more when somebody leaves, and one more at the most, once and for all, for
// callers without lists.
func TestArrangeIsExact(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		exact2(t, rng)
	}
}

func exact2(t *testing.T, rng *rand.Rand) {
	n := 1 + rng.IntN(12)
	if rng.IntN(20) == 0 {
		n = 60 + rng.IntN(20) // across the words of a bitset
	}
	pick := func() *[]string {
		if rng.IntN(3) > 0 {
			return nil
		}
		names := []string{}
		for range rng.IntN(4) {
			if rng.IntN(2) == 0 {
				names = append(names, fmt.Sprintf("p%d", rng.IntN(n+1)))
			} else {
				names = append(names, fmt.Sprintf("group:g%d", rng.IntN(3)))
			}
		}
		return &names
	}
	all := people(n, func(_ int, h *hearer) {
		h.hears, h.heardBy = pick(), pick()
		h.listens, h.speaks, h.deaf = rng.IntN(8) > 0, rng.IntN(8) > 0, rng.IntN(8) == 0
		h.insists = rng.IntN(8) == 0
		for g := range 3 {
			if rng.IntN(3) == 0 {
				h.groups = append(h.groups, fmt.Sprintf("g%d", g))
			}
		}
	})
	a := arrange(all)
	exact(t, all, a)
	if i := rng.IntN(n); len(arrange(slices.Delete(slices.Clone(all), i, i+1)).mixes) > len(a.mixes) {
		t.Fatalf("more mixes once %d has left\n%+v", i, all)
	}
	bound := len(arrange(append(slices.Clone(all), comers...)).mixes)
	for i := range 3 {
		all = append(all, hearer{id: fmt.Sprintf("new%d", i), listens: rng.IntN(4) > 0, speaks: rng.IntN(4) > 0})
		if with := len(arrange(all).mixes); with > bound {
			t.Fatalf("%d mixes with another caller, and %d were foreseen\n%+v", with, bound, all)
		}
	}
}

func BenchmarkArrange(b *testing.B) {
	for _, c := range []struct {
		name string
		all  []hearer
	}{
		{"whisper", people(1000, func(i int, h *hearer) {
			if i == 0 {
				h.heardBy = list("p1")
			}
		})},
		{"all different", people(1000, func(i int, h *hearer) { h.hears = list(fmt.Sprintf("p%d", (i+1)%1000)) })},
		{"all choosy", people(1000, func(i int, h *hearer) { h.heardBy = list(fmt.Sprintf("p%d", (i+1)%1000)) })},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				arrange(c.all)
			}
		})
	}
}
