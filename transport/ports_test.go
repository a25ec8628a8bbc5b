package transport

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"
)

func TestNewPortPoolRange(t *testing.T) {
	for _, c := range []struct {
		low, high, pairs int
		ok               bool
	}{
		{16384, 32767, 8192, true},
		{10000, 10001, 1, true},
		{10001, 10003, 1, true}, // 10002 and 10003
		{10000, 10002, 1, true},
		{10001, 10002, 0, false}, // 10002 alone
		{10000, 10000, 0, false},
		{1, 3, 1, true},
		{65534, 65535, 1, true},
		{65535, 65535, 0, false},
		{0, 100, 0, false},
		{20000, 10000, 0, false},
		{10000, 65536, 0, false},
	} {
		p, err := NewPortPool(c.low, c.high, 0)
		if (err == nil) != c.ok {
			t.Errorf("%d-%d: error %v", c.low, c.high, err)
		} else if c.ok && p.Size() != c.pairs {
			t.Errorf("%d-%d: %d pairs, want %d", c.low, c.high, p.Size(), c.pairs)
		}
	}
	if _, err := NewPortPool(10000, 20000, -1); err == nil {
		t.Error("a negative drain time was taken")
	}
}

func TestPortPoolPairs(t *testing.T) {
	for range 20 {
		l := listen(t, loopback)
		rtp, rtcp := l.LocalPort()
		if rtp%2 != 0 || rtcp != rtp+1 || rtp < 20000 || rtcp > 29999 {
			t.Fatalf("pair %d and %d", rtp, rtcp)
		}
		if l.rtp.port() != rtp || l.rtcp.port() != rtcp {
			t.Fatalf("bound to %d and %d, not to %d and %d", l.rtp.port(), l.rtcp.port(), rtp, rtcp)
		}
	}
}

// ownHost is a loopback address that no other test has ports on.
var ownHost = netip.MustParseAddr("127.0.0.77")

// freeRange returns the first port of n pairs of ownHost that nobody holds.
func freeRange(t *testing.T, n int) int {
	t.Helper()
	for low := 30000; low < 32000; low += 2 * n {
		var open []net.PacketConn
		for port := low; port < low+2*n; port++ {
			c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IP(ownHost.AsSlice()), Port: port})
			if err != nil {
				break
			}
			open = append(open, c)
		}
		for _, c := range open {
			_ = c.Close()
		}
		if len(open) == 2*n {
			return low
		}
	}
	t.Skip("no free ports")
	return 0
}

func TestPortPoolExhaustion(t *testing.T) {
	low := freeRange(t, 3)
	p, err := NewPortPool(low, low+5, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	before := descriptors(t)
	var legs []*Leg
	for range 3 {
		l, err := p.Listen(ownHost)
		if err != nil {
			t.Fatal(err)
		}
		legs = append(legs, l)
	}
	if _, err := p.Listen(ownHost); !errors.Is(err, ErrNoPorts) {
		t.Fatalf("a fourth pair of three: %v", err)
	}
	if p.InUse() != 3 {
		t.Errorf("%d in use, want 3", p.InUse())
	}
	_ = legs[1].Close()
	if p.InUse() != 2 {
		t.Errorf("%d in use, want 2", p.InUse())
	}
	if l, err := p.Listen(ownHost); !errors.Is(err, ErrNoPorts) {
		t.Fatalf("a pair was lent again at once: %v, %v", l, err)
	}
	// Time passes: the pair has rested.
	p.mu.Lock()
	for i := range p.pairs {
		p.pairs[i].free = 0
	}
	p.mu.Unlock()
	l, err := p.Listen(ownHost)
	if err != nil {
		t.Fatalf("a rested pair was not lent: %v", err)
	}
	for _, l := range append(legs, l) {
		_ = l.Close()
	}
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors, %d before", after, before)
	}
}

func TestPortPoolPassesOverTakenPorts(t *testing.T) {
	low := freeRange(t, 3)
	// Another program holds the odd port of the first pair and the even one of the third.
	for _, port := range []int{low + 1, low + 4} {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IP(ownHost.AsSlice()), Port: port})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	p, err := NewPortPool(low, low+5, 0)
	if err != nil {
		t.Fatal(err)
	}
	before := descriptors(t)
	l, err := p.Listen(ownHost)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := l.LocalPort(); got != low+2 {
		t.Errorf("port %d, want %d", got, low+2)
	}
	if _, err := p.Listen(ownHost); !errors.Is(err, ErrNoPorts) {
		t.Errorf("a second pair: %v", err)
	}
	_ = l.Close()
	if after := descriptors(t); after != before || p.InUse() != 0 {
		t.Errorf("%d descriptors, %d before; %d in use", after, before, p.InUse())
	}
}

func TestPortPoolFailsAtOnceOnWrongAddress(t *testing.T) {
	p, err := NewPortPool(20000, 29999, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Listen(netip.MustParseAddr("192.0.2.1")) // documentation address, not ours
	if err == nil || errors.Is(err, ErrNoPorts) {
		t.Errorf("error %v, want one about the address", err)
	}
	if _, err = p.Listen(netip.Addr{}); err == nil {
		t.Error("no address was taken for one")
	}
	if p.InUse() != 0 {
		t.Errorf("%d in use", p.InUse())
	}
}

func TestPortPoolClose(t *testing.T) {
	p, err := NewPortPool(20000, 20001, 0)
	if err != nil {
		t.Fatal(err)
	}
	_ = p.Close()
	if _, err := p.Listen(loopback); err == nil || errors.Is(err, ErrNoPorts) {
		t.Errorf("a closed pool said %v", err)
	}
}

func TestPortPoolConcurrently(t *testing.T) {
	p, err := NewPortPool(20000, 29999, 0)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	open := map[int]bool{}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 25 {
				l, err := p.Listen(loopback)
				if err != nil {
					t.Error(err)
					return
				}
				port, _ := l.LocalPort()
				mu.Lock()
				if open[port] {
					t.Errorf("port %d was lent twice", port)
				}
				open[port] = true
				mu.Unlock()
				mu.Lock()
				delete(open, port)
				mu.Unlock()
				_ = l.Close()
			}
		})
	}
	wg.Wait()
	if p.InUse() != 0 {
		t.Errorf("%d in use", p.InUse())
	}
}
