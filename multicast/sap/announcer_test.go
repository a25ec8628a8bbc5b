package sap

import (
	"bytes"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/internal/testkit/leak"
	"github.com/confd/confd/internal/testkit/wait"
	"github.com/confd/confd/multicast/socket"
)

var home = netip.MustParseAddr("127.0.0.1")

const description = "v=0\r\no=- 7 1 IN IP4 127.0.0.1\r\ns=Board\r\n"

// freePort returns a port that nobody uses.
func freePort(t *testing.T) int {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: home.AsSlice()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	return c.LocalAddr().(*net.UDPAddr).Port
}

func session(t *testing.T, group string) Session {
	t.Helper()
	g := netip.MustParseAddr(group)
	p, err := socket.Find(g, "", home)
	if err != nil {
		t.Fatal(err)
	}
	return Session{Group: g, TTL: 1, Path: p, Description: []byte(description)}
}

type listener struct {
	*socket.Receiver
	t *testing.T
}

func listen(t *testing.T, port int) listener {
	t.Helper()
	r, err := socket.Join(socket.Membership{Group: netip.AddrPortFrom(local, uint16(port)), Local: home})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return listener{r, t}
}

// next waits for a packet.
func (l listener) next() Packet {
	l.t.Helper()
	b := make([]byte, 2000)
	_ = l.SetReadDeadline(time.Now().Add(10 * time.Second))
	n, _, _, err := l.Read(b)
	if err != nil {
		l.t.Fatal(err)
	}
	p, err := Parse(b[:n])
	if err != nil {
		l.t.Fatal(err)
	}
	return p
}

// until waits for one that is wanted.
func (l listener) until(wanted func(p Packet) bool) Packet {
	l.t.Helper()
	for range 1000 {
		if p := l.next(); wanted(p) {
			return p
		}
	}
	l.t.Fatal("not heard")
	return Packet{}
}

func announcer(t *testing.T, c Config) *Announcer {
	t.Helper()
	a := New(c)
	t.Cleanup(a.Close)
	return a
}

func announce(t *testing.T, a *Announcer, s Session) *Announcement {
	t.Helper()
	n, err := a.Announce(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAnAnnouncementsLife(t *testing.T) {
	leak.Check(t)
	port := freePort(t)
	l := listen(t, port)
	a := announcer(t, Config{Port: port, Interval: 30 * time.Millisecond, Limit: 1e9})
	n := announce(t, a, session(t, "239.255.1.1"))
	first := l.next()
	if first.Delete || first.Source != home || string(first.Payload) != description {
		t.Errorf("announced as %+v", first)
	}
	if p := l.next(); p.Hash != first.Hash || !bytes.Equal(p.Payload, first.Payload) {
		t.Errorf("repeated as %+v", p)
	}
	if err := n.Update([]byte(strings.Replace(description, "7 1", "7 2", 1))); err != nil {
		t.Fatal(err)
	}
	changed := l.until(func(p Packet) bool { return bytes.Contains(p.Payload, []byte("7 2")) })
	if changed.Hash == first.Hash {
		t.Error("another description has the same hash")
	}
	n.Close()
	n.Close()
	end := l.until(func(p Packet) bool { return p.Delete })
	if end.Hash != changed.Hash || string(end.Payload) != "o=- 7 2 IN IP4 127.0.0.1\r\n" {
		t.Errorf("ended by %+v", end)
	}
	if err := n.Update([]byte(description)); err == nil {
		t.Error("what is closed can be updated")
	}
	if s := a.Stats(); s.Sessions != 0 || s.Sent < 4 || s.Failed != 0 {
		t.Errorf("%+v", s)
	}
}

// Many sessions share one scope; two of the same text differ in hash, and closing the announcer
// ends each.
func TestOneScopeForAll(t *testing.T) {
	leak.Check(t)
	port := freePort(t)
	l := listen(t, port)
	a := announcer(t, Config{Port: port})
	for _, group := range []string{"239.255.1.1", "239.255.1.2", "239.254.1.3"} {
		announce(t, a, session(t, group))
	}
	if len(a.scopes) != 1 || a.Stats().Sessions != 3 {
		t.Errorf("%d scopes, %+v", len(a.scopes), a.Stats())
	}
	open := map[uint16]bool{}
	for range 3 {
		open[l.next().Hash] = true
	}
	if len(open) != 3 {
		t.Errorf("hashes %v: want three", open)
	}
	a.Close()
	for range 3 {
		p := l.next()
		if !p.Delete || !open[p.Hash] {
			t.Errorf("%+v: want the end of one of %v", p, open)
		}
		delete(open, p.Hash)
	}
	if _, err := a.Announce(session(t, "239.255.1.1")); err == nil {
		t.Error("a closed announcer announces")
	}
}

// What others announce makes ours rarer.
func TestOthersAreCounted(t *testing.T) {
	leak.Check(t)
	port := freePort(t)
	a := announcer(t, Config{Port: port, Interval: time.Millisecond})
	n := announce(t, a, session(t, "239.255.1.1"))
	other := session(t, "239.255.1.9")
	out, err := socket.OpenSender(socket.SenderConfig{Group: netip.AddrPortFrom(local, uint16(port)), Path: other.Path})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	for hash := range uint16(50) {
		b, err := (&Packet{Hash: hash + 1, Source: four, Payload: []byte(description)}).Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		out.Send(b)
	}
	out.Send([]byte("no announcement"))
	wait.For(t, "what was sent to be heard", func() bool { return a.Stats().Heard >= 50 && a.Stats().Refused >= 1 }, func() any { return a.Stats() })
	s, now := n.scope, time.Now()
	s.mu.Lock()
	if got := s.others.len(); got != 50 {
		t.Errorf("%d others", got)
	}
	n.last, n.due = now.Add(-time.Second), now
	s.mu.Unlock()
	s.next(now) // 51 announcements of 74 bytes in 4000 bit/s take 7.5 s: too early
	s.mu.Lock()
	defer s.mu.Unlock()
	wait := n.due.Sub(n.last)
	if !n.last.Equal(now.Add(-time.Second)) || wait < 4*time.Second || wait > 11*time.Second {
		t.Errorf("sent %v after the start, the next one comes after %v; want none yet", n.last.Sub(now), wait)
	}
}

func TestAnnounceRefuses(t *testing.T) {
	leak.Check(t)
	a := announcer(t, Config{Port: freePort(t)})
	for says, spoil := range map[string]func(*Session){
		"without o=":   func(s *Session) { s.Description = []byte("v=0\r\n") },
		"at most 1400": func(s *Session) { s.Description = []byte(description + strings.Repeat("a=x\r\n", 300)) },
		"no interface": func(s *Session) { s.Path.Interface = nil },
	} {
		s := session(t, "239.255.1.1")
		spoil(&s)
		if _, err := a.Announce(s); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v: want %q", err, says)
		}
	}
	if len(a.scopes) != 0 {
		t.Error("a scope is left open")
	}
}
