package multicast

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
)

func TestPoolText(t *testing.T) {
	for text, want := range map[string]string{
		"":                                   "0",
		"239.1.2.3":                          "1 239.1.2.3-239.1.2.3",
		"239.255.0.0/16 !239.255.240.0/20":   "61440 239.255.0.0-239.255.239.255",
		"239.1.0.0/24,239.1.0.128-239.1.1.4": "261 239.1.0.0-239.1.1.4",
		"239.1.0.9 239.1.0.0/29":             "9 239.1.0.0-239.1.0.7 239.1.0.9-239.1.0.9",
		"!239.1.0.4/31 239.1.0.0/29":         "6 239.1.0.0-239.1.0.3 239.1.0.6-239.1.0.7",
		"239.1.0.0/29 !239.1.0.0/28":         "0",
		"ff15::8000:0/97":                    "2147483648 ff15::8000:0-ff15::ffff:ffff",
		"ff15::/96":                          "4294967296 ff15::-ff15::ffff:ffff",
	} {
		p, err := ParsePool(text)
		got := fmt.Sprint(p.size)
		for _, s := range p.ranges {
			got += fmt.Sprintf(" %v-%v", s.first, s.last)
		}
		if err != nil || got != want || p.String() != text {
			t.Errorf("%q: %s (%v), want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"x", "239.0.0.0/33", "239.0.0.9-239.0.0.1", "239.0.0.1-ff15::1", "ff15::/64", "ff15::1-ff15:1::1",
		"::ffff:239.0.0.1", "ff15::1%lo", "239.0.0.1-", "!"} {
		if _, err := ParsePool(text); err == nil || !strings.Contains(err.Error(), "want") {
			t.Errorf("%q: %v, want an error that says what would be right", text, err)
		}
	}
}

// Each address of a pool has one number, and nothing else is in it.
func TestPoolNumbers(t *testing.T) {
	p := mustPool("239.1.0.250-239.1.1.5 239.9.0.0/30 !239.1.0.255-239.1.1.0 !239.9.0.1")
	seen := map[netip.Addr]bool{}
	for i := range p.Size() {
		a := p.at(i)
		if seen[a] || !p.Contains(a) {
			t.Errorf("number %d is %v: given twice, or not contained", i, a)
		}
		seen[a] = true
	}
	for _, out := range []string{"239.1.0.249", "239.1.0.255", "239.1.1.0", "239.1.1.6", "239.9.0.1", "239.9.0.4", "ff15::1"} {
		if p.Contains(address(t, out)) {
			t.Errorf("%s is in the pool", out)
		}
	}
	if len(seen) != 13 {
		t.Errorf("%d addresses, want 13", len(seen))
	}
}

func FuzzParsePool(f *testing.F) {
	f.Add("239.255.0.0/16 !239.255.240.0/20")
	f.Add("ff35::8000:0/97,!ff35::8000:1-ff35::9000:0")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParsePool(text)
		if err != nil || p.Size() == 0 {
			return
		}
		for _, i := range []uint64{0, p.Size() / 2, p.Size() - 1} {
			if !p.Contains(p.at(i)) {
				t.Errorf("%q: number %d, %v, is not contained", text, i, p.at(i))
			}
		}
	})
}

func testHost(t testing.TB, change func(*Config)) *Host {
	t.Helper()
	c := DefaultConfig()
	if change != nil {
		change(&c)
	}
	h, err := NewHost(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return h
}

func claim(t testing.TB, h *Host, room string, s Spec, keep *Place) *Group {
	t.Helper()
	g, err := h.Claim(room, room, s, keep)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// Whatever comes and goes, no group and no port is anybody's twice, and all are allowed.
func TestNothingIsGivenTwice(t *testing.T) {
	h := testHost(t, func(c *Config) {
		c.Pools.ASM4 = mustPool("239.255.0.0/26")
		c.Ports = [2]int{10000, 10199}
	})
	r := rand.New(rand.NewPCG(1, 2))
	var have []*Group
	for n := range 4_000 {
		if r.IntN(100) < 45 && len(have) > 0 {
			i := r.IntN(len(have))
			have[i].Release()
			have[i] = have[len(have)-1]
			have = have[:len(have)-1]
			continue
		}
		s := Spec{Mode: []Mode{AnySource, SourceSpecific}[r.IntN(2)], Family: 4 + 2*r.IntN(2)}
		var keep *Place
		if r.IntN(2) == 0 {
			keep = &Place{Group: address(t, fmt.Sprintf("239.255.0.%d", r.IntN(70))), Port: 9990 + r.IntN(220)}
		}
		g, err := h.Claim(fmt.Sprint("room ", n), "", s, keep)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Code != Full || len(have) < 64 {
				t.Fatalf("with %d given: %v", len(have), err)
			}
			continue
		}
		have = append(have, g)
		groups, ports := map[netip.Addr]bool{}, map[int]bool{}
		for _, g := range have {
			p := g.Place()
			if groups[p.Group] || ports[p.Port] {
				t.Fatalf("%v is given twice", p)
			}
			groups[p.Group], ports[p.Port] = true, true
		}
		if p := g.Place(); p.Port%2 != 0 || p.Port < 10000 || p.Port > 10198 || !h.config.Pools.of(s.Mode, s.Family).Contains(p.Group) {
			t.Fatalf("%v of mode %s, family %d", p, s.Mode, s.Family)
		}
	}
}

func TestPlacesAreStable(t *testing.T) {
	first, second := testHost(t, nil), testHost(t, nil)
	for _, room := range []string{"a", "b", "board", "board-2"} {
		a, b := claim(t, first, room, Spec{}, nil).Place(), claim(t, second, room, Spec{}, nil).Place()
		if a != b {
			t.Errorf("%s has %v in one run and %v in the next", room, a, b)
		}
	}
	keep := Place{Group: address(t, "239.255.7.7"), Port: 12344}
	g := claim(t, first, "kept", Spec{}, &keep)
	if g.Place() != keep {
		t.Errorf("got %v, had %v", g.Place(), keep)
	}
	if p := claim(t, first, "late", Spec{}, &keep).Place(); p.Group == keep.Group || p.Port == keep.Port {
		t.Errorf("%v is another room's", p)
	}
	g.Release()
	if p := claim(t, first, "next", Spec{Family: 6}, &keep).Place(); p.Group.Is4() || p.Port != keep.Port {
		t.Errorf("%v: want another group, of family 6, and the port as it was", p)
	}
}

func TestKeptOnlyIfAllowed(t *testing.T) {
	h := testHost(t, nil)
	for i, keep := range []Place{
		{Group: address(t, "239.255.240.0"), Port: 16384}, {Group: address(t, "10.1.1.1"), Port: 9998}, {Port: 10001}, {Port: -2},
	} {
		if p := claim(t, h, fmt.Sprint(i), Spec{}, &keep).Place(); p.Group == keep.Group || p.Port == keep.Port {
			t.Errorf("kept %v as %v", keep, p)
		}
	}
}

func TestNamedPlaces(t *testing.T) {
	h := testHost(t, nil)
	s := Spec{Group: address(t, "239.255.240.1"), Port: 20000}
	g := claim(t, h, "a", s, &Place{Group: address(t, "239.255.1.1"), Port: 10000})
	if g.Place() != (Place{Group: s.Group, Port: s.Port}) {
		t.Errorf("got %v", g.Place())
	}
	_, err := h.Claim("b", "", Spec{Group: s.Group}, nil)
	complains(t, err, Taken, "group", "another room")
	_, err = h.Claim("b", "", Spec{Port: s.Port}, nil)
	complains(t, err, Taken, "port", "another room")
	_, err = h.Claim("b", "", Spec{Port: 3}, nil)
	complains(t, err, Invalid, "port", "even")
	g.Release()
	g.Release() // twice does no harm
	claim(t, h, "b", s, nil)
	if n := h.Stats().Groups; n != 1 {
		t.Errorf("%d groups, want 1", n)
	}
}

func TestPoolsEnd(t *testing.T) {
	h := testHost(t, func(c *Config) {
		c.Pools = Pools{ASM4: mustPool("239.255.0.0/31"), ASM6: mustPool("ff15::8000:0/97")}
		c.Ports = [2]int{10000, 10005}
	})
	_, err := h.Claim("none", "", Spec{Mode: SourceSpecific}, nil)
	complains(t, err, Full, "group", "mode ssm")
	claim(t, h, "a", Spec{}, nil)
	claim(t, h, "b", Spec{}, nil)
	_, err = h.Claim("c", "", Spec{}, nil)
	complains(t, err, Full, "group", "larger pool")
	claim(t, h, "c", Spec{Family: 6}, nil)
	_, err = h.Claim("d", "", Spec{Family: 6}, nil)
	complains(t, err, Full, "port", "wider range")
	h.Close()
	_, err = h.Claim("e", "", Spec{}, nil)
	complains(t, err, Unavailable, "", "about to end")
	off := testHost(t, func(c *Config) { c.Enabled = false })
	_, err = off.Claim("e", "", Spec{}, nil)
	complains(t, err, Unavailable, "", "switched off")
}

// 232.128.0.x shares its hardware addresses with 224.0.0.x, which switches send everywhere.
func TestFloodedAddressesStayOut(t *testing.T) {
	h := testHost(t, func(c *Config) { c.Pools.SSM4 = mustPool("232.128.0.254-232.128.1.0") })
	if p := claim(t, h, "a", Spec{Mode: SourceSpecific}, nil).Place(); p.Group != address(t, "232.128.1.0") {
		t.Errorf("got %v", p.Group)
	}
}

// With nearly all taken the looks stay few: those of a search in random order, on average.
func TestFewLooksWhenNearlyFull(t *testing.T) {
	h := testHost(t, nil)
	for i := range 3000 {
		claim(t, h, fmt.Sprint("room-", i), Spec{}, nil)
	}
	looks, searches := 0, 1000
	for i := range searches {
		_, ok := probe(fmt.Sprint("late-", i), "port", h.given.pairs, func(i uint64) bool {
			looks++
			return h.given.ports.free(h.given.low+2*int(i), "late")
		})
		if !ok {
			t.Fatal("nothing found")
		}
	}
	if mean := looks / searches; mean > 34 { // 3192/192 = 17 are expected
		t.Errorf("%d looks on average with 3000 of %d taken", mean, h.given.pairs)
	}
}

func BenchmarkClaim(b *testing.B) {
	h := testHost(b, nil)
	for i := range 3000 {
		claim(b, h, fmt.Sprint("room-", i), Spec{}, nil)
	}
	for b.Loop() {
		claim(b, h, "late", Spec{}, nil).Release()
	}
}

// A room that changes its group has both for a moment: its own place is not taken for it, and is
// another's only once both are gone.
func TestOwnPlaceIsFree(t *testing.T) {
	h := testHost(t, nil)
	s := Spec{Group: address(t, "239.255.1.1"), Port: 20000}
	old := claim(t, h, "a", s, nil)
	s.TTL = 2
	next := claim(t, h, "a", s, nil)
	if next.Place() != old.Place() {
		t.Errorf("%v after %v", next.Place(), old.Place())
	}
	old.Release()
	_, err := h.Claim("b", "", s, nil)
	complains(t, err, Taken, "group", "another room")
	next.Release()
	claim(t, h, "b", s, nil)
}

// Four ports are of one room: nobody else gets any of them, at either end of the range.
func TestPortsOfVideo(t *testing.T) {
	h := testHost(t, func(c *Config) { c.Ports = [2]int{10000, 10009} }) // five pairs
	named := claim(t, h, "a", Spec{Video: true, Port: 10002}, nil)
	if p := named.Place(); p.Port != 10002 || p.VideoPort() != 10004 {
		t.Errorf("got %v", p)
	}
	for _, port := range []int{10002, 10004} {
		_, err := h.Claim("b", "", Spec{Port: port}, nil)
		complains(t, err, Taken, "port", "another room")
	}
	for _, port := range []int{10000, 10004} {
		_, err := h.Claim("b", "", Spec{Video: true, Port: port}, nil)
		complains(t, err, Taken, "port", "of video")
	}
	last := claim(t, h, "b", Spec{Video: true}, nil)
	if p := last.Place(); p.Port != 10006 {
		t.Errorf("got %v", p)
	}
	_, err := h.Claim("c", "", Spec{Video: true}, nil)
	complains(t, err, Full, "port", "no two neighbours")
	if p := claim(t, h, "c", Spec{}, nil).Place(); p.Port != 10000 || p.VideoPort() != 0 {
		t.Errorf("got %v", p)
	}
	_, err = h.Claim("d", "", Spec{}, nil)
	complains(t, err, Full, "port", "wider range")
	named.Release()
	if p := claim(t, h, "d", Spec{Video: true}, &Place{Group: named.Place().Group, Port: 10002}).Place(); p != named.Place() {
		t.Errorf("got %v", p)
	}
}

// A room that is to have video keeps its port where the two above are free, and moves where not.
func TestVideoComesLater(t *testing.T) {
	h := testHost(t, func(c *Config) { c.Ports = [2]int{10000, 10011} })
	a, b := claim(t, h, "a", Spec{Port: 10000}, nil), claim(t, h, "b", Spec{Port: 10006}, nil)
	for g, room := range map[*Group]string{a: "a", b: "b"} {
		was := g.Place()
		next := claim(t, h, room, Spec{Video: true}, &was)
		g.Release()
		if p := next.Place(); p.Port != was.Port || p.VideoPort() != was.Port+2 {
			t.Errorf("%v after %v", p, was)
		}
	}
	c := claim(t, h, "c", Spec{Port: 10004}, nil).Place()
	if p, err := h.Claim("c", "", Spec{Video: true}, &c); err == nil {
		t.Errorf("got %v, with b's port for video", p.Place())
	}
	claim(t, h, "d", Spec{Port: 10010}, nil)
	_, err := h.Claim("e", "", Spec{Video: true}, &Place{Group: c.Group, Port: 10010})
	complains(t, err, Full, "port", "no two neighbours")
}
