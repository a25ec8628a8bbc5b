package rooms

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// stand is a floor whose clock is the test's.
type stand struct {
	floor
	now  time.Time
	loud map[string]int
	wake time.Time
}

func newStand() *stand { return &stand{now: time.Unix(1000, 0), loud: map[string]int{}} }

const testHold = 2 * time.Second

func (s *stand) look() {
	s.wake = s.choose(s.now, testHold, func(id string) int { return s.loud[id] })
}

// run has so much time pass, with looks where the floor wants them.
func (s *stand) run(d time.Duration) {
	for end := s.now.Add(d); ; {
		if s.wake.IsZero() || s.wake.After(end) {
			s.now = end
			return
		}
		s.now = s.wake
		s.look()
	}
}

// does acts out a script: "+a" begins to talk, "-a" ends, "x a" leaves, "a-30" is as loud as
// that, a duration passes.
func (s *stand) does(t *testing.T, script string) {
	t.Helper()
	for word := range strings.FieldsSeq(script) {
		id := word[1:]
		switch word[0] {
		case '+', '-':
			s.talk(id, word[0] == '+', s.now)
		case 'x':
			s.leave(id)
		case '@':
			if _, err := fmt.Sscanf(id[1:], "%d", new(int)); err != nil {
				t.Fatal(word)
			}
			n := 0
			_, _ = fmt.Sscanf(id[1:], "%d", &n)
			s.loud[id[:1]] = n
		default:
			d, err := time.ParseDuration(word)
			if err != nil {
				t.Fatal(err)
			}
			s.run(d)
			continue
		}
		s.look()
	}
}

func TestFloor(t *testing.T) {
	for name, c := range map[string]struct{ script, order string }{
		"nobody":                               {"10s", ""},
		"the first has it at once":             {"+a", "a"},
		"it is kept in silence":                {"+a 1s -a 60s", "a"},
		"another has to wait":                  {"+a 1s -a +b 900ms", "a"},
		"until the first has had it":           {"+a 1s -a +b 1s", "ba"},
		"who is done by then does not":         {"+a 1s -a +b 900ms -b 10s", "a"},
		"not while the first speaks":           {"+a 5s +b 20s", "a"},
		"but when it has paused":               {"+a 5s +b 3s -a", "ba"},
		"the louder one, if it goes on":        {"@a-40 @b-20 +a 5s +b 2500ms", "ba"},
		"not before it has gone on":            {"@a-40 @b-20 +a 5s +b 1900ms", "a"},
		"nor if it is hardly louder":           {"@a-25 @b-20 +a 5s +b 20s", "a"},
		"the loudest of those who wait":        {"@b-40 @c-20 +a 3s +b +c -a", "ca"},
		"they take turns no faster than held":  {"+a -a +b 2s -b +a 1s +b 900ms", "ba"},
		"the last speakers in order":           {"+a 3s -a +b 3s -b +c 3s -c", "cba"},
		"the speaker leaves":                   {"+a 3s -a +b 3s -b xb", "a"},
		"the speaker leaves while others talk": {"+a 3s +b 1s xa", "b"},
		"all leave":                            {"+a +b xa xb", ""},
	} {
		s := newStand()
		s.does(t, c.script)
		if got := strings.Join(s.order, ""); got != c.order {
			t.Errorf("%s: %q gives %q, want %q", name, c.script, got, c.order)
		}
	}
}

// Whoever speaks, leaves and comes: the floor is given no sooner than hold after it was given
// last, only to who talks, or falls back when its holder leaves; and once everyone is silent it
// wakes nobody.
func TestFloorHolds(t *testing.T) {
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		s := newStand()
		holder, since := "", s.now
		check := func(gone string) {
			is := ""
			if len(s.order) > 0 {
				is = s.order[0]
			}
			switch {
			case is == holder:
				return
			case holder != gone && holder != "" && s.now.Sub(since) < testHold:
				t.Fatalf("seed %d: %q has the floor %v after %q got it", seed, is, s.now.Sub(since), holder)
			case holder != gone && !s.talks(is):
				t.Fatalf("seed %d: %q got the floor and does not talk", seed, is)
			}
			holder, since = is, s.since
		}
		for range 100 {
			id := string(rune('a' + rnd.IntN(5)))
			gone := ""
			switch rnd.IntN(8) {
			case 0:
				s.leave(id)
				gone = id
			case 1:
				s.loud[id] = -rnd.IntN(60)
			default:
				s.talk(id, rnd.IntN(2) == 0, s.now)
			}
			s.look()
			check(gone)
			end := s.now.Add(time.Duration(rnd.IntN(1500)) * time.Millisecond)
			for !s.wake.IsZero() && s.wake.Before(end) {
				s.now = s.wake
				s.look()
				check("")
			}
			s.now = end
		}
		for _, id := range slices.Collect(strings.SplitSeq("abcde", "")) {
			s.talk(id, false, s.now)
		}
		if s.look(); !s.wake.IsZero() {
			t.Fatalf("seed %d: it wakes in silence", seed)
		}
	}
}

// crowd is people with a camera each, in the order in which these began.
func crowd(change ...func(*onlooker)) (people []*onlooker, pictures []*videoLine) {
	for i := range change {
		o := &onlooker{hearer: hearer{id: string(rune('a' + i))}}
		if change[i] != nil {
			change[i](o)
		}
		people = append(people, o)
		pictures = append(pictures, &videoLine{of: o, began: uint64(i + 1)})
	}
	return people, pictures
}

func ids(lines []*videoLine) (s string) {
	for _, l := range lines {
		if l == nil {
			s += "-"
		} else {
			s += l.of.id
		}
	}
	return s
}

func TestWhoSeesWhom(t *testing.T) {
	pin := func(id string) func(*onlooker) { return func(o *onlooker) { o.pin = id } }
	only := func(hears *[]string, by *[]string, groups ...string) func(*onlooker) {
		return func(o *onlooker) { o.hears, o.heardBy, o.groups = hears, by, groups }
	}
	for name, c := range map[string]struct {
		people []func(*onlooker)
		order  string // who spoke, the last first
		lines  int
		want   string // what each shows, by person
	}{
		"nobody has spoken":           {make([]func(*onlooker), 3), "", 1, "b a a"},
		"the speaker":                 {make([]func(*onlooker), 3), "c", 1, "c c a"},
		"it sees the one before":      {make([]func(*onlooker), 3), "cb", 1, "c c b"},
		"two":                         {make([]func(*onlooker), 4), "dc", 2, "dc dc da ca"},
		"more lines than people":      {make([]func(*onlooker), 2), "b", 3, "b-- a--"},
		"alone":                       {make([]func(*onlooker), 1), "a", 2, "--"},
		"pinned":                      {[]func(*onlooker){pin("b"), nil, nil}, "c", 1, "b c a"},
		"pinned beside the speaker":   {[]func(*onlooker){pin("b"), nil, nil, nil}, "dc", 2, "bd dc da ca"},
		"one cannot pin itself":       {[]func(*onlooker){nil, pin("b"), nil}, "c", 1, "c c a"},
		"who is not there":            {[]func(*onlooker){pin("z"), nil}, "", 1, "b a"},
		"whom it may hear":            {[]func(*onlooker){only(list("b"), nil), nil, nil}, "c", 1, "b c a"},
		"who may hear it":             {[]func(*onlooker){nil, nil, only(nil, list("a"))}, "c", 1, "c a a"},
		"groups":                      {[]func(*onlooker){only(list("group:x"), nil), only(nil, nil, "x"), nil}, "c", 1, "b c a"},
		"a pin does not break lists":  {[]func(*onlooker){pin("c"), nil, only(nil, list("b"))}, "", 1, "b a a"},
		"nobody may be seen":          {[]func(*onlooker){only(list(), nil), nil}, "", 2, "-- a-"},
		"who spoke and has no camera": {make([]func(*onlooker), 2), "zb", 1, "b a"},
	} {
		people, pictures := crowd(c.people...)
		ranked := rank(pictures, strings.Split(c.order, ""))
		var got []string
		for _, p := range people {
			got = append(got, ids(p.watch(make([]*videoLine, c.lines), ranked)))
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s: %q, want %q", name, s, c.want)
		}
	}
}

// Whatever happens: nobody sees itself, or whom it may not, or somebody twice; as many lines
// show something as can; who stays in view keeps its line; and nothing moves without cause.
func TestSightHolds(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		people, pictures := crowd(make([]func(*onlooker), 2+rnd.IntN(6))...)
		lists := func() *[]string {
			if rnd.IntN(3) > 0 {
				return nil
			}
			var l []string
			for _, p := range people {
				if rnd.IntN(2) == 0 {
					l = append(l, p.id)
				}
			}
			return &l
		}
		for _, p := range people {
			p.hears, p.heardBy = lists(), lists()
			p.pin = people[rnd.IntN(len(people))].id
		}
		me := people[0]
		shown := make([]*videoLine, rnd.IntN(4))
		for range 10 {
			var order []string
			for _, i := range rnd.Perm(len(people)) {
				order = append(order, people[i].id)
			}
			sent := slices.DeleteFunc(slices.Clone(pictures), func(*videoLine) bool { return rnd.IntN(4) == 0 })
			ranked := rank(sent, order)
			next := me.watch(shown, ranked)
			may := slices.DeleteFunc(slices.Clone(ranked), func(l *videoLine) bool { return !me.maySee(l.of) })
			wanted := me.inView(ranked, len(shown))
			if len(next) != len(shown) || len(wanted) != min(len(may), len(shown)) {
				t.Fatalf("%q of %q", ids(next), ids(may))
			}
			for i, l := range next {
				switch {
				case l == nil:
				case l.of == me, !slices.Contains(may, l), slices.Contains(next[i+1:], l):
					t.Fatalf("%q of %q", ids(next), ids(may))
				}
				if was := shown[i]; was != nil && slices.Contains(wanted, was) && l != was {
					t.Fatalf("%q after %q, wanted %q", ids(next), ids(shown), ids(wanted))
				}
			}
			for _, l := range wanted {
				if !slices.Contains(next, l) {
					t.Fatalf("%q lacks one of %q", ids(next), ids(wanted))
				}
			}
			if again := me.watch(next, ranked); !slices.Equal(again, next) {
				t.Fatalf("%q, and then %q", ids(next), ids(again))
			}
			shown = next
		}
	}
}

// Sight follows the lists as hearing does.
func TestSightIsHearing(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	for range 500 {
		all := make([]hearer, 6)
		random := func() *[]string {
			if rnd.IntN(3) == 0 {
				return nil
			}
			l := []string{}
			for i := range all {
				switch rnd.IntN(4) {
				case 0:
					l = append(l, fmt.Sprint("p", i))
				case 1:
					l = append(l, fmt.Sprint(groupPrefix, "g", i%3))
				}
			}
			return &l
		}
		for i := range all {
			all[i] = hearer{id: fmt.Sprint("p", i), listens: true, speaks: true, hears: random(), heardBy: random()}
			if rnd.IntN(2) == 0 {
				all[i].groups = []string{fmt.Sprint("g", rnd.IntN(3))}
			}
		}
		for i, set := range audible(all) {
			for j := range all {
				me, other := onlooker{hearer: all[i]}, onlooker{hearer: all[j]}
				if i != j && me.maySee(&other) != set.has(j) || i == j && me.maySee(&other) {
					t.Fatalf("%+v sees %+v: %v", all[i], all[j], me.maySee(&other))
				}
			}
		}
	}
}
