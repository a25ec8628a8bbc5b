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

// exact checks an arrangement against the rule and returns what it hears as text.
func exact(t *testing.T, all []hearer, a arrangement) {
	t.Helper()
	distinct := make(map[string]bool)
	for i := range all {
		if !all[i].listens {
			if a.of[i] != -1 {
				t.Fatalf("%s has no sink and gets mix %d", all[i].id, a.of[i])
			}
			continue
		}
		set := newBitset(len(all))
		for j := range all {
			if i == j {
				continue
			}
			want := mayHear(&all[i], &all[j])
			if want {
				set.set(j)
			}
			if got := a.mixes[a.of[i]].has(j); got != want {
				t.Fatalf("%s hears %s: %v, want %v\n%+v\n%+v", all[i].id, all[j].id, got, want, all, a)
			}
		}
		distinct[set.key()] = true
	}
	if len(a.mixes) > len(distinct) {
		t.Fatalf("%d mixes for %d distinct sets\n%+v", len(a.mixes), len(distinct), all)
	}
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

// Whatever the lists say, everyone hears exactly whom the rule lets it, at no more mixes
// than distinct sets.
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
	exact(t, all, arrange(all))
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
