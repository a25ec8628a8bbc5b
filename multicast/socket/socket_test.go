package socket

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/internal/clock"
	"github.com/confd/confd/internal/testkit/leak"
)

var (
	home4 = netip.MustParseAddr("127.0.0.1")
	home6 = netip.MustParseAddr("::1")
)

// sender sends to a group from an address of the loopback interface.
func sender(t *testing.T, group string, from netip.Addr) *Sender {
	t.Helper()
	to := netip.MustParseAddrPort(group)
	p, err := Find(to.Addr(), "", from)
	if err != nil {
		t.Fatal(err)
	}
	s, err := OpenSender(SenderConfig{Group: to, Path: p, TTL: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// join hears a group on the loopback interface.
func join(t *testing.T, group string, local, source netip.Addr) *Receiver {
	t.Helper()
	r, err := Join(Membership{Group: netip.MustParseAddrPort(group), Local: local, Source: source})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// hear reads until a datagram is one of its last word, and returns all before it.
func hear(t *testing.T, r *Receiver, last string) (all []string) {
	t.Helper()
	_ = r.SetReadDeadline(time.Now().Add(5 * time.Second))
	b := make([]byte, 100)
	for {
		n, _, _, err := r.Read(b)
		if err != nil {
			t.Fatalf("after %q: %v", all, err)
		}
		if string(b[:n]) == last {
			return all
		}
		all = append(all, string(b[:n]))
	}
}

func say(t *testing.T, s *Sender, words ...string) {
	t.Helper()
	for _, w := range words {
		if v := s.Send([]byte(w)); v != Sent {
			t.Fatalf("%q: verdict %d", w, v)
		}
	}
}

func TestASMAndSSM(t *testing.T) {
	leak.Check(t)
	stranger := netip.MustParseAddr("127.0.0.9")
	t.Run("any source", func(t *testing.T) {
		apart(t, "239.255.7.1:0", "239.255.7.2:0", home4, stranger, false)
	})
	t.Run("source specific", func(t *testing.T) {
		apart(t, "232.1.7.1:0", "232.1.7.2:0", home4, stranger, true)
	})
}

// apart tests that two receivers of a group hear it, and neither another group on the same
// port nor, if specific, another source of the same group.
func apart(t *testing.T, group, other string, home, stranger netip.Addr, specific bool) {
	port := freePort(t)
	group, other = on(group, port), on(other, port)
	var from netip.Addr
	want := "a stranger one two"
	if specific {
		from, want = home, "one two"
	}
	first, second := join(t, group, home, from), join(t, group, home, from)
	join(t, other, home, from) // its packets are on this machine and port, too
	say(t, sender(t, other, home), "another group")
	say(t, sender(t, group, stranger), "a stranger")
	say(t, sender(t, group, home), "one", "two", "end")
	for _, r := range []*Receiver{first, second} {
		if got := strings.Join(hear(t, r, "end"), " "); got != want {
			t.Errorf("heard %q, want %q", got, want)
		}
	}
}

func TestUnicastToTheGroupsPortIsNotHeard(t *testing.T) {
	port := freePort(t)
	r := join(t, on("239.255.7.3:0", port), home4, netip.Addr{})
	c, err := net.Dial("udp", on("127.0.0.1:0", port))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_, _ = c.Write([]byte("unicast"))
	say(t, sender(t, on("239.255.7.3:0", port), home4), "end")
	if got := hear(t, r, "end"); got != nil {
		t.Errorf("heard %q", got)
	}
}

func TestReadTellsSenderAndTime(t *testing.T) {
	group := on("239.255.7.4:0", freePort(t))
	r := join(t, group, home4, netip.Addr{})
	s := sender(t, group, home4)
	before := clock.Now()
	say(t, s, "x")
	sent := clock.Now()
	b := make([]byte, 1)
	time.Sleep(20 * time.Millisecond) // the time is not that of the read
	_, from, at, err := r.Read(b)
	if err != nil || from != s.Local() {
		t.Errorf("from %v, %v; sent from %v", from, err, s.Local())
	}
	if slack := int64(time.Millisecond); at < before-slack || at > sent+slack {
		t.Errorf("received at %d, sent between %d and %d", at, before, sent)
	}
}

func TestCloseEndsReads(t *testing.T) {
	leak.Check(t)
	r := join(t, on("239.255.7.5:0", freePort(t)), home4, netip.Addr{})
	done := make(chan error)
	go func() {
		_, _, _, err := r.Read(make([]byte, 1))
		done <- err
	}()
	_ = r.Close()
	if err := <-done; !errors.Is(err, net.ErrClosed) {
		t.Errorf("read ends with %v", err)
	}
	if err := r.Close(); err != nil {
		t.Errorf("a second Close says %v", err)
	}
	r.refresh() // the watch may be late
}

func TestDeadline(t *testing.T) {
	r := join(t, on("239.255.7.6:0", freePort(t)), home4, netip.Addr{})
	_ = r.SetReadDeadline(time.Now())
	if _, _, _, err := r.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read ends with %v", err)
	}
}

func TestSendAllocatesNothing(t *testing.T) {
	s := sender(t, on("239.255.7.7:0", freePort(t)), home4)
	b := make([]byte, 200)
	if n := testing.AllocsPerRun(100, func() { s.Send(b) }); n != 0 {
		t.Errorf("%v allocations a packet", n)
	}
	if v := s.Send(nil); v != Failed {
		t.Errorf("an empty packet gives %d", v)
	}
	if v := s.Send(make([]byte, 70000)); v != Failed {
		t.Errorf("a packet that is too long gives %d", v)
	}
}

func TestRefusals(t *testing.T) {
	good, err := Find(netip.MustParseAddr("239.1.1.1"), "", home4)
	if err != nil {
		t.Fatal(err)
	}
	to := netip.MustParseAddrPort
	for want, c := range map[string]SenderConfig{
		"10.0.0.1:5004 is not a multicast": {Group: to("10.0.0.1:5004"), Path: good},
		"239.1.1.1:0 is not":               {Group: to("239.1.1.1:0"), Path: good},
		"TTL 256":                          {Group: to("239.1.1.1:5004"), Path: good, TTL: 256},
		"TTL -1":                           {Group: to("239.1.1.1:5004"), Path: good, TTL: -1},
		"port 65536":                       {Group: to("239.1.1.1:5004"), Path: good, Port: 65536},
		"no path":                          {Group: to("[ff15::1]:5004"), Path: good},
	} {
		if s, err := OpenSender(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v", want, s, err)
		}
	}
	for want, m := range map[string]Membership{
		"not a multicast":  {Group: to("10.0.0.1:5004")},
		"not a unicast":    {Group: to("232.0.1.1:5004"), Source: netip.MustParseAddr("::1")},
		`interface "nope"`: {Group: to("232.0.1.1:5004"), Interface: "nope"},
		"no interface has": {Group: to("232.0.1.1:5004"), Local: netip.MustParseAddr("192.0.2.77")},
		"not of the same":  {Group: to("232.0.1.1:5004"), Local: home6},
	} {
		if r, err := Join(m); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v", want, r, err)
		}
	}
	for _, ttl := range []int{0, 255} {
		s, err := OpenSender(SenderConfig{Group: to("239.1.1.1:5004"), Path: good, TTL: ttl})
		if err != nil {
			t.Errorf("TTL %d: %v", ttl, err)
			continue
		}
		s.Close()
	}
}

func TestFindByName(t *testing.T) {
	p, err := Find(netip.MustParseAddr("239.1.1.1"), "lo", netip.Addr{})
	if err != nil || p.Source != home4 || p.Interface.Name != "lo" {
		t.Errorf("%+v, %v", p, err)
	}
	p, err = Find(netip.MustParseAddr("ff15::1"), "lo", home6)
	if err != nil || p.Source != home6 {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err = Find(netip.MustParseAddr("239.1.1.1"), "lo", netip.MustParseAddr("127.0.0.2")); err == nil {
		t.Error("an address that the interface does not have is taken")
	}
}

// freePort returns a port that nothing is bound to.
func freePort(t *testing.T) uint16 {
	t.Helper()
	c, err := net.ListenUDP("udp", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	return c.LocalAddr().(*net.UDPAddr).AddrPort().Port()
}

func on(address string, port uint16) string {
	return netip.AddrPortFrom(netip.MustParseAddrPort(address).Addr(), port).String()
}
