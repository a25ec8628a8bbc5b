//go:build linux

package netlab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"
)

// lab makes one, or skips the test. Where the project's own runs want all tests, only the
// kernel may be an excuse.
func lab(t *testing.T, hosts int) *Lab {
	t.Helper()
	l, err := New(hosts)
	var cannot *Unavailable
	if errors.As(err, &cannot) && (cannot.Kernel || os.Getenv("CONFD_E2E_STRICT") == "") {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func listen(t *testing.T, h *Host, a netip.AddrPort) net.PacketConn {
	t.Helper()
	c, err := h.ListenPacket("udp", a.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	hold(t, c.(*net.UDPConn))
	return c
}

// hold makes room for all that a test sends: on a busy machine the reader gets its turn late.
func hold(t *testing.T, c *net.UDPConn) {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var refused error
	if err := raw.Control(func(fd uintptr) {
		refused = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 4<<20)
	}); err != nil || refused != nil {
		t.Fatal(err, refused)
	}
}

func send(t *testing.T, c net.PacketConn, to netip.AddrPort, text string) {
	t.Helper()
	if _, err := c.WriteTo([]byte(text), net.UDPAddrFromAddrPort(to)); err != nil {
		t.Fatal(err)
	}
}

// read returns what comes next, or "" if nothing does in so long.
func read(t *testing.T, c net.PacketConn, within time.Duration) string {
	t.Helper()
	b := make([]byte, 100)
	if err := c.SetReadDeadline(time.Now().Add(within)); err != nil {
		t.Error(err)
	}
	n, _, err := c.ReadFrom(b)
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
	return string(b[:n])
}

// member joins a group in a host, of one source or, if it is invalid, of all.
func member(t *testing.T, h *Host, group netip.AddrPort, source netip.Addr) net.PacketConn {
	t.Helper()
	c := listen(t, h, group)
	err := h.Do(func() error {
		i, err := net.InterfaceByName(Interface)
		if err != nil {
			return err
		}
		g, s := &net.UDPAddr{IP: group.Addr().AsSlice()}, &net.UDPAddr{IP: source.AsSlice()}
		switch v4 := group.Addr().Is4(); {
		case v4 && source.IsValid():
			return ipv4.NewPacketConn(c).JoinSourceSpecificGroup(i, g, s)
		case v4:
			return ipv4.NewPacketConn(c).JoinGroup(i, g)
		case source.IsValid():
			return ipv6.NewPacketConn(c).JoinSourceSpecificGroup(i, g, s)
		}
		return ipv6.NewPacketConn(c).JoinGroup(i, g)
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTwoLabsDoNotMeet(t *testing.T) {
	for _, l := range []*Lab{lab(t, 2), lab(t, 2)} {
		if err := l.SwitchOn(0, l.Hosts[0]); err != nil {
			t.Fatal(err)
		}
		for _, a := range [][2]netip.Addr{{l.Hosts[0].IPv4, l.Hosts[1].IPv4}, {l.Hosts[0].IPv6, l.Hosts[1].IPv6}} {
			to := netip.AddrPortFrom(a[1], 7000)
			ear, mouth := listen(t, l.Hosts[1], to), listen(t, l.Hosts[0], netip.AddrPortFrom(a[0], 7000))
			send(t, mouth, to, string(l.middle))
			if got := read(t, ear, 5*time.Second); got != string(l.middle) {
				t.Errorf("%v heard %q, want %q", a[1], got, l.middle)
			}
		}
	}
}

func TestGroups(t *testing.T) {
	l := lab(t, 5)
	server, stranger := l.Hosts[0], l.Hosts[1]
	for _, k := range []struct {
		name, group    string
		right, another netip.Addr
		any            bool
	}{
		{"any source, IPv4", "239.255.1.1", server.IPv4, stranger.IPv4, true},
		{"source specific, IPv4", "232.0.1.1", server.IPv4, stranger.IPv4, false},
		{"any source, IPv6", "ff15::8000:1", server.IPv6, stranger.IPv6, true},
		{"source specific, IPv6", "ff35::8000:1", server.IPv6, stranger.IPv6, false},
	} {
		t.Run(k.name, func(t *testing.T) {
			group := netip.AddrPortFrom(netip.MustParseAddr(k.group), 7000)
			source, other := k.right, k.another
			if k.any {
				source, other = netip.Addr{}, netip.Addr{}
			}
			in, wrong := member(t, l.Hosts[2], group, source), member(t, l.Hosts[3], group, other)
			for host, from := range map[int]netip.Addr{2: source, 3: other} {
				if err := l.Await(soon(t), Membership{host, group.Addr(), from}, true); err != nil {
					t.Fatal(err)
				}
			}
			mouth := listen(t, server, netip.AddrPortFrom(k.right, 0))
			send(t, mouth, group, "hello")
			if got := read(t, in, 5*time.Second); got != "hello" {
				t.Errorf("a member heard %q", got)
			}
			if got := read(t, wrong, 300*time.Millisecond); (got == "hello") != k.any {
				t.Errorf("who joined for source %v heard %q", other, got)
			}
			in.Close()
			if err := l.Await(soon(t), Membership{2, group.Addr(), source}, false); err != nil {
				t.Error(err)
			}
		})
	}
}

// The switch keeps a group from who is no member.
func TestSnooping(t *testing.T) {
	l := lab(t, 3)
	group := netip.MustParseAddrPort("239.255.1.2:7000")
	in := member(t, l.Hosts[1], group, netip.Addr{})
	if err := l.Await(soon(t), Membership{1, group.Addr(), netip.Addr{}}, true); err != nil {
		t.Fatal(err)
	}
	mouth := listen(t, l.Hosts[0], netip.AddrPortFrom(l.Hosts[0].IPv4, 0))
	deadline := time.Now().Add(10 * time.Second)
	for { // it floods until it knows the network
		before, _, _ := l.Hosts[2].Counters()
		for range 20 {
			send(t, mouth, group, strings.Repeat("x", 1000))
			read(t, in, 5*time.Second)
		}
		if after, _, err := l.Hosts[2].Counters(); err != nil {
			t.Fatal(err)
		} else if after.Bytes-before.Bytes < 5000 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("a host in no group gets its packets")
		}
	}
}

func TestLossAndMeter(t *testing.T) {
	l := lab(t, 2)
	to := netip.AddrPortFrom(l.Hosts[1].IPv4, 7000)
	ear, mouth := listen(t, l.Hosts[1], to), listen(t, l.Hosts[0], netip.AddrPortFrom(l.Hosts[0].IPv4, 7001))
	if err := errors.Join(l.Hosts[1].Lose(20), l.Hosts[0].Meter(7000), l.Hosts[1].Meter(7000)); err != nil {
		t.Fatal(err)
	}
	const n = 1000
	got := make(chan int)
	go func() {
		c := 0
		for read(t, ear, time.Second) != "" {
			c++
		}
		got <- c
	}()
	for i := range n {
		send(t, mouth, to, fmt.Sprintf("%04d", i))
	}
	if got := <-got; got < n*70/100 || got > n*90/100 { // 8 standard deviations
		t.Errorf("%d of %d arrived at 20 %% loss", got, n)
	}
	want := Traffic{n, n * (20 + 8 + 4)}
	if in, out, err := l.Hosts[0].Metered(); err != nil || out != want || in != (Traffic{}) {
		t.Errorf("the sender's meter has %+v, %+v (%v), want %+v", in, out, err, want)
	}
	if in, out, err := l.Hosts[1].Metered(); err != nil || in != want || out != (Traffic{}) {
		t.Errorf("the receiver's meter has %+v, %+v (%v), want %+v", in, out, err, want)
	}
	if _, out, err := l.Hosts[0].Counters(); err != nil || out.Packets < n || out.Bytes < n*(14+20+8+4) {
		t.Errorf("the sender's interface: %+v, %v", out, err)
	}
	if err := l.Hosts[1].Lose(0); err != nil {
		t.Fatal(err)
	}
	for range 50 {
		send(t, mouth, to, "all")
		if read(t, ear, 5*time.Second) != "all" {
			t.Fatal("a datagram is lost where none may be")
		}
	}
}

func TestDownAndUp(t *testing.T) {
	l := lab(t, 2)
	group := netip.MustParseAddr("239.255.1.3")
	m := Membership{Host: 1, Group: group}
	member(t, l.Hosts[1], netip.AddrPortFrom(group, 7000), netip.Addr{})
	if err := l.Await(soon(t), m, true); err != nil {
		t.Fatal(err)
	}
	if err := l.Hosts[1].Down(); err != nil {
		t.Fatal(err)
	}
	if err := l.Await(soon(t), m, false); err != nil {
		t.Fatal(err)
	}
	if err := l.Hosts[1].Up(); err != nil {
		t.Fatal(err)
	}
	if err := l.Await(soon(t), m, true); err != nil {
		t.Fatal(err)
	}
	mouth := listen(t, l.Hosts[0], netip.AddrPortFrom(l.Hosts[0].IPv6, 0))
	ear := listen(t, l.Hosts[1], netip.AddrPortFrom(l.Hosts[1].IPv6, 7001))
	send(t, mouth, netip.AddrPortFrom(l.Hosts[1].IPv6, 7001), "back")
	if got := read(t, ear, 5*time.Second); got != "back" {
		t.Errorf("over IPv6 came %q", got)
	}
}

func TestReaddress(t *testing.T) {
	l := lab(t, 2)
	a := netip.MustParseAddr("10.99.7.7")
	if err := l.Hosts[1].Readdress(a); err != nil {
		t.Fatal(err)
	}
	ear := listen(t, l.Hosts[1], netip.AddrPortFrom(a, 7000))
	send(t, listen(t, l.Hosts[0], netip.AddrPortFrom(l.Hosts[0].IPv4, 0)), netip.AddrPortFrom(l.Hosts[1].IPv4, 7000), "hello")
	if got := read(t, ear, 5*time.Second); got != "hello" || l.Hosts[1].IPv4 != a {
		t.Errorf("%v heard %q", l.Hosts[1].IPv4, got)
	}
}

// What a lab was is gone with it: its processes, its namespaces, and those of a process that
// did not come to remove them.
func TestNothingIsLeft(t *testing.T) {
	l := lab(t, 1)
	left := Namespace(family + "2147483647-1-0")
	if err := batch("", "netns add "+string(left)+"\n"); err != nil {
		t.Fatal(err)
	}
	cmd := l.Hosts[0].Command("sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(folder + string(left)); err != nil {
		t.Fatal(err)
	}
	lab(t, 1)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // ends now, not after 1,000 s
	for _, n := range []Namespace{left, l.middle, l.Hosts[0].Namespace} {
		if _, err := os.Stat(folder + string(n)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is left: %v", n, err)
		}
	}
	if err := l.Close(); err != nil {
		t.Errorf("the second time: %v", err)
	}
}

func TestRefuses(t *testing.T) {
	for _, n := range []int{-1, 0, Most + 1} {
		if l, err := New(n); err == nil {
			l.Close()
			t.Errorf("%d hosts are given", n)
		}
	}
	h := newHost("", 0)
	for _, n := range []int{-1, 101} {
		if h.Lose(n) == nil {
			t.Errorf("a loss of %d %% is taken", n)
		}
	}
	for _, cpu := range []int{-1, 32} {
		if new(Lab).SwitchOn(cpu, h) == nil {
			t.Errorf("processor %d is taken", cpu)
		}
	}
	_, err := output("", "ip", "link", "show", "nothing")
	if err == nil || !bytes.Contains([]byte(err.Error()), []byte("nothing")) {
		t.Errorf("a program that fails gives %v", err)
	}
}
