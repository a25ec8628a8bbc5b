package sap

import (
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/confd/confd/multicast/socket"
)

// spacing is between two packets of ours, so that a start with many sessions is no burst.
const spacing = 20 * time.Millisecond

// scope announces the sessions of one scope, from one address. Two goroutines serve it: one
// sends when something is due, the other hears others.
type scope struct {
	announcer *Announcer
	key       scopeKey
	in        *socket.Receiver
	wake      chan struct{} // something is due earlier
	halt      chan struct{}
	over      sync.WaitGroup

	mu     sync.Mutex
	out    *socket.Sender
	ours   map[*Announcement]bool
	others heard
}

func newScope(a *Announcer, key scopeKey, out *socket.Sender, in *socket.Receiver) *scope {
	s := &scope{announcer: a, key: key, out: out, in: in, wake: make(chan struct{}, 1), halt: make(chan struct{}),
		ours: map[*Announcement]bool{}, others: heard{at: map[name]time.Time{}}}
	s.over.Go(s.listen)
	s.over.Go(s.announce)
	return s
}

func (s *scope) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.ours)
}

func (s *scope) add(n *Announcement, sdp []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.describe(n, sdp); err != nil {
		return err
	}
	s.ours[n] = true
	s.nudge()
	return nil
}

func (s *scope) update(n *Announcement, sdp []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ours[n] {
		return errors.New("the announcement is closed")
	}
	if err := s.describe(n, sdp); err != nil {
		return err
	}
	s.nudge()
	return nil
}

// describe makes the packets of an announcement, under a hash that no other of ours has. The
// mutex is held.
func (s *scope) describe(n *Announcement, sdp []byte) error {
	line := origin(sdp)
	if line == nil {
		return errors.New("description without o=: want a whole one")
	}
	h := hash(sdp)
	for s.taken(h, n) {
		h = max(h+1, 1)
	}
	packet, err := (&Packet{Hash: h, Source: s.key.source, Payload: sdp}).Append(nil)
	if err != nil {
		return err
	}
	end, err := (&Packet{Delete: true, Hash: h, Source: s.key.source, Payload: line}).Append(nil)
	if err != nil {
		return err
	}
	n.packet, n.deletion, n.hash, n.due, n.last = packet, end, h, time.Now(), time.Time{}
	return nil
}

func (s *scope) taken(h uint16, by *Announcement) bool {
	for n := range s.ours {
		if n != by && n.hash == h {
			return true
		}
	}
	return false
}

func (s *scope) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// remove ends one announcement.
func (s *scope) remove(n *Announcement) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ours[n] {
		delete(s.ours, n)
		s.send(n.deletion)
	}
}

// close ends all announcements and both goroutines.
func (s *scope) close() {
	close(s.halt)
	_ = s.in.Close()
	s.over.Wait()
	for n := range s.ours {
		s.remove(n)
	}
	s.out.Close()
}

func (s *scope) send(b []byte) {
	if s.out.Send(b) == socket.Sent {
		s.announcer.count.sent.Add(1)
	} else {
		s.announcer.count.failed.Add(1)
	}
}

func (s *scope) announce() {
	t := time.NewTimer(0)
	defer t.Stop()
	for {
		select {
		case <-s.halt:
			return
		case <-s.wake:
		case <-t.C:
		}
		t.Reset(s.next(time.Now()))
	}
}

// next sends what is due longest, at most one packet, and returns how long to wait.
func (s *scope) next(now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.first()
	if n == nil {
		return time.Hour
	}
	if wait := n.due.Sub(now); wait > 0 {
		return wait
	}
	// Others may have come since the time was set: then it is not due yet (RFC 2974 section 3.1).
	wait := interval(len(s.ours)+s.others.len(), len(n.packet), s.announcer.config.Limit, s.announcer.config.Interval)
	if again := n.last.Add(spread(wait, 0)); !n.last.IsZero() && again.After(now) {
		n.due = n.last.Add(spread(wait, rand.Float64()))
		return spacing
	}
	s.send(n.packet)
	s.others.tidy(now)
	n.last, n.due = now, now.Add(spread(wait, rand.Float64()))
	return spacing
}

func (s *scope) first() (first *Announcement) {
	for n := range s.ours {
		if first == nil || n.due.Before(first.due) {
			first = n
		}
	}
	return first
}

// listen counts the announcements of others. Of a flood the kernel drops what is not read.
func (s *scope) listen() {
	b := make([]byte, maxRead+1)
	var p pace
	var dropped uint64
	for {
		n, from, _, err := s.in.Read(b)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		wait := time.Second // before a socket that has failed is read again
		if err == nil {
			s.hear(b[:n], from)
			total := s.in.Dropped()
			s.announcer.count.dropped.Add(total - dropped)
			dropped, wait = total, p.pause(time.Now())
		}
		if wait > 0 && !s.rest(wait) {
			return
		}
	}
}

// rest waits, and tells whether to go on.
func (s *scope) rest(wait time.Duration) bool {
	select {
	case <-s.halt:
		return false
	case <-time.After(wait):
		return true
	}
}

func (s *scope) hear(b []byte, from netip.AddrPort) {
	if from == s.out.Local() {
		return // our own
	}
	p, err := Parse(b)
	s.mu.Lock()
	defer s.mu.Unlock()
	count := &s.announcer.count
	switch {
	case err != nil:
		count.refused.Add(1)
	case s.others.take(&p, time.Now()):
		count.heard.Add(1)
	default:
		count.ignored.Add(1)
	}
}
