package guard

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"sync"
	"testing"
	"time"
)

// fakeClock is time that only the test moves.
type fakeClock struct {
	mu sync.Mutex
	ns int64
}

func (c *fakeClock) now() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ns
}

func (c *fakeClock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ns += int64(d)
}

func newTestGuard(t testing.TB, change func(*Limits)) (*Guard, *fakeClock) {
	t.Helper()
	l := DefaultLimits()
	if change != nil {
		change(&l)
	}
	c := &fakeClock{ns: int64(time.Hour)}
	g, err := New(l, c.now)
	if err != nil {
		t.Fatal(err)
	}
	return g, c
}

var stranger = netip.MustParseAddr("198.51.100.1")

// decisions makes n calls and counts what becomes of them.
func decisions(g *Guard, addr netip.Addr, n int) (d [3]int) {
	for range n {
		d[g.AllowCall(addr)]++
	}
	return d
}

func TestCallFlood(t *testing.T) {
	g, clock := newTestGuard(t, nil)
	if d := decisions(g, stranger, 100); d != [3]int{100, 0, 0} {
		t.Fatalf("burst of 100: %v", d)
	}
	// 400 are refused: four bursts of debt. All after them are ignored.
	if d := decisions(g, stranger, 10000); d != [3]int{0, 400, 9600} {
		t.Fatalf("flood: %v", d)
	}
	// A flood that goes on is answered at no more than the rate, and lets nothing in.
	clock.add(time.Second)
	if d := decisions(g, stranger, 10000); d != [3]int{0, 20, 9980} {
		t.Fatalf("second of flood: %v", d)
	}
	// The neighbour notices nothing.
	if d := decisions(g, stranger.Next(), 100); d != [3]int{100, 0, 0} {
		t.Fatalf("neighbour: %v", d)
	}
	// Debt of 400 at 20 a second: after 20 s it is paid, after 25 s the burst is back.
	clock.add(20*time.Second + 50*time.Millisecond)
	if d := g.AllowCall(stranger); d != Allow {
		t.Errorf("after the debt is paid: %d", d)
	}
	clock.add(time.Minute)
	if d := decisions(g, stranger, 101); d != [3]int{100, 1, 0} {
		t.Errorf("after a minute: %v", d)
	}
}

func TestCallRateIsSustained(t *testing.T) {
	g, clock := newTestGuard(t, nil)
	decisions(g, stranger, 100)
	for range 1000 {
		clock.add(50 * time.Millisecond)
		if d := g.AllowCall(stranger); d != Allow {
			t.Fatal("20 calls a second refused")
		}
	}
}

func TestSourcePrefixes(t *testing.T) {
	for _, c := range []struct {
		a, b string
		one  bool
	}{
		{"198.51.100.1", "198.51.100.2", false},
		{"198.51.100.1", "::ffff:198.51.100.1", true},
		{"2001:db8::1", "2001:db8::ffff:1", true},
		{"2001:db8::1", "2001:db8:0:1::1", false},
		{"fe80::1%eth0", "fe80::1%eth1", true},
	} {
		g, _ := newTestGuard(t, nil)
		decisions(g, netip.MustParseAddr(c.a), 100)
		if got := g.AllowCall(netip.MustParseAddr(c.b)) != Allow; got != c.one {
			t.Errorf("%s and %s share a bucket: %v, want %v", c.a, c.b, got, c.one)
		}
	}
	g, _ := newTestGuard(t, func(l *Limits) { l.IPv4Bits = 24 })
	decisions(g, stranger, 100)
	if g.AllowCall(netip.MustParseAddr("198.51.100.200")) == Allow {
		t.Error("a /24 is not one source")
	}
}

func TestTrustedNetworks(t *testing.T) {
	g, _ := newTestGuard(t, func(l *Limits) {
		l.Trusted = append(l.Trusted, Trusted{Prefix: netip.MustParsePrefix("203.0.113.0/28"), Calls: Rate{100, 300}, Messages: Rate{1000, 5}})
	})
	for _, a := range []string{"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"} {
		if d := decisions(g, netip.MustParseAddr(a), 5000); d[Allow] != 5000 {
			t.Errorf("%s: %v", a, d)
		}
	}
	trunk := netip.MustParseAddr("203.0.113.5")
	if d := decisions(g, trunk, 2000); d != [3]int{300, 1200, 500} {
		t.Errorf("trunk: %v", d)
	}
	for i := range 6 {
		if got := g.limiter.allowMessage(g.now(), trunk); got != (i < 5) {
			t.Errorf("trunk's message %d: %v", i, got)
		}
	}
	if d := decisions(g, netip.MustParseAddr("203.0.113.16"), 101); d[Allow] != 100 {
		t.Errorf("outside the trunk: %v", d)
	}
}

func TestMessageRate(t *testing.T) {
	g, clock := newTestGuard(t, nil)
	passed := func(n int) (ok int) {
		for range n {
			if g.limiter.allowMessage(g.now(), stranger) {
				ok++
			}
		}
		return ok
	}
	if n := passed(5000); n != 2000 {
		t.Errorf("burst let %d through, want 2000", n)
	}
	clock.add(time.Second)
	if n := passed(5000); n != 500 {
		t.Errorf("a second of flood let %d through, want 500", n)
	}
	if d := g.limiter.messageDelay(g.now(), stranger); d < 1500*time.Microsecond || d > 2500*time.Microsecond {
		t.Errorf("next in %s, want 2 ms", d)
	}
	if d := g.AllowCall(stranger); d != Allow {
		t.Error("messages took the tokens of calls")
	}
}

// A source that is far past its calls cannot get its bucket back by walking through
// 200,000 other prefixes: it stays refused, and the table stays as large as it was.
func TestTableCannotBeFlushed(t *testing.T) {
	g, _ := newTestGuard(t, func(l *Limits) { l.Sources = 1024 })
	decisions(g, stranger, 1000)
	r := rand.New(rand.NewPCG(1, 2))
	for range 200_000 {
		g.limiter.allowCall(g.now(), randomSource(r))
	}
	if d := g.AllowCall(stranger); d == Allow {
		t.Error("flooding with prefixes gave the bucket back")
	}
}

// All prefixes together get no more than the bursts of as many as the table holds: a
// newcomer takes over what is left of the bucket that it pushes out.
func TestTableBoundsAll(t *testing.T) {
	g, _ := newTestGuard(t, func(l *Limits) { l.Sources = 1024 })
	r := rand.New(rand.NewPCG(3, 4))
	allowed := 0
	for range 10000 {
		allowed += decisions(g, randomSource(r), 20)[Allow]
	}
	if allowed > 1024*100 {
		t.Errorf("%d calls allowed at once, want no more than %d", allowed, 1024*100)
	}
}

func randomSource(r *rand.Rand) netip.Addr {
	var a [16]byte
	binary.BigEndian.PutUint64(a[:], 0x2001_0db8_0000_0000|uint64(r.Uint32()))
	return netip.AddrFrom16(a)
}

// Fresh prefixes find room as long as there are idle ones to push out.
func TestTableForgetsIdle(t *testing.T) {
	g, clock := newTestGuard(t, func(l *Limits) { l.Sources = 1024 })
	a := netip.MustParseAddr("10.0.0.0")
	for range 5000 {
		a = a.Next()
		clock.add(time.Second)
		if d := decisions(g, a, 20); d[Allow] != 20 {
			t.Fatalf("%s: %v", a, d)
		}
	}
}

func TestAnswersAreLimited(t *testing.T) {
	g, clock := newTestGuard(t, func(l *Limits) { l.AnswersTotal = Rate{100, 120} })
	count := func(a netip.Addr, n int) (ok int) {
		for range n {
			if g.limiter.allowAnswer(g.now(), a) {
				ok++
			}
		}
		return ok
	}
	if n := count(stranger, 1000); n != 50 {
		t.Errorf("one source got %d answers, want 50", n)
	}
	all, a := 0, stranger
	for range 100 {
		a = a.Next()
		all += count(a, 10)
	}
	if all != 70 {
		t.Errorf("the others got %d, want the 70 left of 120", all)
	}
	clock.add(time.Second)
	if n := count(stranger, 1000); n != 10 {
		t.Errorf("a second later one source got %d, want 10", n)
	}
	// Loopback is trusted to call, not to be answered without bound.
	if n := count(netip.MustParseAddr("127.0.0.1"), 1000); n != 50 {
		t.Errorf("loopback got %d answers, want 50", n)
	}
}

func TestLimiterAllocatesNothing(t *testing.T) {
	g, _ := newTestGuard(t, nil)
	if n := testing.AllocsPerRun(1000, func() { g.limiter.allowMessage(g.now(), stranger) }); n != 0 {
		t.Errorf("%g allocations", n)
	}
}

func TestLimitsValidate(t *testing.T) {
	l := DefaultLimits()
	if err := l.Validate(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Limits){
		"message size": func(l *Limits) { l.MessageSize = 65536 },
		"header size":  func(l *Limits) { l.HeaderSize = l.MessageSize + 1 },
		"IPv4 bits":    func(l *Limits) { l.IPv4Bits = 33 },
		"idle time":    func(l *Limits) { l.IdleTime = 0 },
		"calls":        func(l *Limits) { l.Calls = Rate{1, 0} },
		"messages":     func(l *Limits) { l.Messages = Rate{-1, 1} },
		"trusted":      func(l *Limits) { l.Trusted = []Trusted{{}} },
	} {
		bad := DefaultLimits()
		change(&bad)
		if _, err := New(bad, nil); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func BenchmarkAllowMessage(b *testing.B) {
	g, _ := newTestGuard(b, nil)
	b.ReportAllocs()
	for range b.N {
		g.limiter.allowMessage(g.now(), stranger)
	}
}
