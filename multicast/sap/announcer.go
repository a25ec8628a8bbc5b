package sap

import (
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/confd/confd/multicast/socket"
)

// Config is what an Announcer keeps to. Zero values mean the default.
type Config struct {
	Interval time.Duration // the least between two announcements of a session; 300 s
	Limit    int           // bits per second that all announcers of a scope share; 4000
	Port     int           // to announce on; Port
}

// Session is what to announce.
type Session struct {
	Group       netip.Addr  // of the session
	TTL         int         // of the session
	Path        socket.Path // where the session is sent
	Description []byte      // SDP without keys
}

// Announcer announces sessions until they end. Any goroutine may use it.
type Announcer struct {
	config Config

	mu     sync.Mutex
	scopes map[scopeKey]*scope
	closed bool
	count  counters
}

type counters struct{ sent, failed, heard, refused, ignored, dropped atomic.Uint64 }

// Stats are the counts of an Announcer.
type Stats struct {
	Sessions int    // announced at the moment
	Sent     uint64 // packets, deletions included
	Failed   uint64 // packets that the machine did not take
	Heard    uint64 // packets of others
	Refused  uint64 // of others, not understood
	Ignored  uint64 // of others, past the number that is told apart
	Dropped  uint64 // unread, because more than 1,000 a second came; only Linux tells
}

// scopeKey is what announcements must have in common to share sockets and bandwidth.
type scopeKey struct {
	to     netip.Addr
	hops   int
	source netip.Addr
	index  int // of the interface
}

// New makes an announcer. It does nothing as long as there is nothing to announce.
func New(c Config) *Announcer {
	if c.Interval == 0 {
		c.Interval = 300 * time.Second
	}
	if c.Limit == 0 {
		c.Limit = 4000
	}
	if c.Port == 0 {
		c.Port = Port
	}
	return &Announcer{config: c, scopes: map[scopeKey]*scope{}}
}

// Announce begins to announce a session, at once. The error says which socket cannot be had,
// or what is wrong with the description.
func (a *Announcer) Announce(s Session) (*Announcement, error) {
	to, hops := Address(s.Group, s.TTL)
	if s.Path.Interface == nil {
		return nil, fmt.Errorf("cannot announce %v: no interface given", s.Group)
	}
	key := scopeKey{to, hops, s.Path.Source, s.Path.Interface.Index}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return nil, fmt.Errorf("cannot announce %v: the announcer is closed", s.Group)
	}
	sc := a.scopes[key]
	if sc == nil {
		var err error
		if sc, err = a.open(key, s.Path); err != nil {
			return nil, fmt.Errorf("cannot announce %v: %w", s.Group, err)
		}
	}
	n := &Announcement{announcer: a, scope: sc}
	if err := sc.add(n, s.Description); err != nil {
		a.tidy(sc)
		return nil, fmt.Errorf("cannot announce %v: %w", s.Group, err)
	}
	return n, nil
}

// open starts a scope. The announcer's mutex is held.
func (a *Announcer) open(key scopeKey, path socket.Path) (*scope, error) {
	to := netip.AddrPortFrom(key.to, uint16(a.config.Port))
	out, err := socket.OpenSender(socket.SenderConfig{Group: to, Path: path, TTL: key.hops})
	if err != nil {
		return nil, err
	}
	in, err := socket.Join(socket.Membership{Group: to, Interface: path.Interface.Name, Local: path.Source})
	if err != nil {
		out.Close()
		return nil, err
	}
	sc := newScope(a, key, out, in)
	a.scopes[key] = sc
	return sc, nil
}

// tidy ends a scope without announcements. The announcer's mutex is held.
func (a *Announcer) tidy(s *scope) {
	if s.len() == 0 && a.scopes[s.key] == s {
		delete(a.scopes, s.key)
		s.close()
	}
}

// Stats returns the counts of the moment.
func (a *Announcer) Stats() Stats {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := &a.count
	st := Stats{Sent: c.sent.Load(), Failed: c.failed.Load(), Heard: c.heard.Load(), Refused: c.refused.Load(), Ignored: c.ignored.Load(), Dropped: c.dropped.Load()}
	for _, s := range a.scopes {
		st.Sessions += s.len()
	}
	return st
}

// Close ends all announcements, says so, and waits until that is sent.
func (a *Announcer) Close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	for key, s := range a.scopes {
		delete(a.scopes, key)
		s.close()
	}
}

// Announcement is a session that is announced.
type Announcement struct {
	announcer *Announcer
	scope     *scope

	// The scope's mutex guards what follows.
	packet, deletion []byte
	hash             uint16
	due              time.Time
	last             time.Time // when it was sent; zero if it was not
}

// Update announces another description of the same session from now on. Nothing is changed
// if that is an error.
func (n *Announcement) Update(sdp []byte) error { return n.scope.update(n, sdp) }

// Close ends the announcement and says so. Further calls do nothing.
func (n *Announcement) Close() {
	n.announcer.mu.Lock()
	defer n.announcer.mu.Unlock()
	n.scope.remove(n)
	n.announcer.tidy(n.scope)
}
