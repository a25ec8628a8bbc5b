package listen

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/pion/rtp"

	"github.com/confd/confd/internal/clock"
	"github.com/confd/confd/media"
	"github.com/confd/confd/multicast/groupkey"
	"github.com/confd/confd/multicast/socket"
)

// Buffers, if a Config does not say: where nothing can be repaired it need only hold what
// comes out of order.
const (
	PlainBuffer  = 60 * time.Millisecond
	RepairBuffer = 200 * time.Millisecond
	MaxBuffer    = 2 * time.Second
)

const (
	maxDatagram = 2048
	pollTime    = 50 * time.Millisecond // sound goes on at least so often
	rekeyGrace  = 70 * time.Second      // for which packets under another key are taken: a server describes the next a minute ahead at most
	maxSources  = 16                    // SSRCs of SRTP that are followed
	maxHeld     = 256                   // packets kept until their key comes
	socketSize  = 512 << 10             // bytes that wait in a socket
)

// Config is how to listen.
type Config struct {
	Interface  string        // to join on, by name; "": the one of Local, else of a sender on this machine, else of the route
	Local      netip.Addr    // an address of the interface, instead of its name
	Buffer     time.Duration // between the quickest packet's arrival and its sound, up to MaxBuffer; 0: as repair needs
	NoFeedback bool          // send nothing: no reports, no requests
	NoRepair   bool          // take no redundancy and ask for nothing

	// Output takes what is played, by one goroutine at a time, which it must not keep
	// waiting, and from which it must not call the listener.
	Output Output
	// Viewer takes the packets of a session of video, in place of an Output.
	Viewer Viewer
	// Drop picks what is taken for lost, for tests; nil: nothing.
	Drop func(datagram []byte) bool
}

// Listener hears one group. Its methods may be called by any goroutine.
type Listener struct {
	c     Config
	group *socket.Receiver
	rtcp  *socket.Receiver
	over  sync.WaitGroup

	mu     sync.Mutex // guards what follows
	s      *Session
	course course
	heard  *reception       // the course's
	open   *groupkey.Opener // nil: plain RTP
	held   []heldPacket
	report *reporter // nil: says nothing
	sender netip.Addr
	packet rtp.Packet
	ended  bool
}

// heldPacket waits for its key.
type heldPacket struct {
	data    []byte
	arrival int64
}

// Listen joins a group and plays it to c.Output, or to c.Viewer, until Close.
func Listen(s *Session, c Config) (*Listener, error) {
	if c.Buffer < 0 || c.Buffer > MaxBuffer {
		return nil, fmt.Errorf("a buffer of %v is not between 0 and %v", c.Buffer, MaxBuffer)
	}
	if s.Video != media.NoVideoCodec && c.Viewer == nil {
		return nil, errors.New("a session of video needs a Viewer")
	}
	if c.NoRepair {
		s = s.unrepaired()
	}
	if c.Buffer == 0 {
		c.Buffer = PlainBuffer
		if s.repairs() {
			c.Buffer = RepairBuffer
		}
	}
	l := &Listener{c: c, s: s, sender: s.Source}
	if s.Video == media.NoVideoCodec {
		l.course = newTrack(s, c.Buffer, c.Output)
	} else {
		l.course = newView(s, c.Viewer)
	}
	l.heard = l.course.heard()
	if err := l.start(); err != nil {
		l.shut()
		return nil, err
	}
	l.over.Add(2)
	go l.hear()
	go l.watch()
	return l, nil
}

// unrepaired is a session of which lost packets are not asked for. Redundant payloads have
// to be unpacked all the same.
func (s *Session) unrepaired() *Session {
	plain := *s
	plain.NACK, plain.plain = false, true
	return &plain
}

func (l *Listener) start() (err error) {
	if l.s.Key != nil {
		oldest := *l.s.Key
		if n := len(l.s.OtherKeys); n > 0 {
			oldest = l.s.OtherKeys[n-1]
		}
		if l.open, err = groupkey.NewOpener(oldest, maxSources); err != nil {
			return err
		}
		if err = l.addKeys(l.s, clock.Now()); err != nil {
			return err
		}
	}
	if l.group, err = socket.Join(l.membership(l.s.Group)); err != nil {
		return err
	}
	if l.rtcp, err = socket.Join(l.membership(l.s.RTCP)); err != nil {
		return err
	}
	if !l.s.Target.IsValid() || l.c.NoFeedback {
		return nil
	}
	if l.report, err = newReporter(l.s, l.c.Interface, clock.Now()); err != nil {
		return err
	}
	l.over.Add(1)
	go l.answers(l.report.conn)
	return nil
}

func (l *Listener) membership(group netip.AddrPort) socket.Membership {
	m := socket.Membership{Group: group, Interface: l.c.Interface, Local: l.c.Local, Buffer: socketSize}
	if l.s.Filter {
		m.Source = l.s.Source
	}
	if _, err := socket.Find(group.Addr(), "", l.s.Source); m.Interface == "" && !m.Local.IsValid() && l.s.Source.IsValid() && err == nil {
		m.Local = l.s.Source // the sender is on this machine: where it sends
	}
	return m
}

// Rate returns how many samples of sound a second are played.
func (l *Listener) Rate() int { return l.s.Format.SampleRate }

// Update goes on with a new description of the same stream: a new key is taken, and packets
// that came under it already are played as long as their time is not over. Another stream
// is an error, and needs another listener.
func (l *Listener) Update(s *Session) error {
	if l.c.NoRepair {
		s = s.unrepaired()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.s.same(s) {
		return errors.New("the description is of another stream: its group, source, formats or feedback target changed")
	}
	now := clock.Now()
	if s.Key != nil {
		if err := l.addKeys(s, now); err != nil {
			return err
		}
		if l.report != nil {
			if err := l.report.seal.Rekey(*s.Key); err != nil {
				return err
			}
		}
	}
	if l.report != nil {
		l.report.s = s
	}
	l.s, l.heard.s = s, s
	held := l.held
	l.held = nil
	for _, h := range held {
		l.take(h.data, h.arrival)
	}
	l.turn(now)
	return nil
}

// addKeys has packets open under all keys of a description.
func (l *Listener) addKeys(s *Session, now int64) error {
	for _, k := range slices.Backward(s.OtherKeys) {
		if l.open.Holds(k) {
			continue
		}
		if err := l.open.Add(k, now, rekeyGrace); err != nil {
			return err
		}
	}
	return l.open.Add(*s.Key, now, rekeyGrace)
}

// Stats returns a snapshot, after Close too.
func (l *Listener) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.course.stats()
	s.AwaitingKey = len(l.held)
	s.Rejoins = l.group.Rejoins() + l.rtcp.Rejoins()
	if l.report != nil {
		l.report.tell(&s)
	}
	return s
}

// Close says goodbye to the sender, leaves the group, and waits until nothing is played any
// more. Further calls do nothing.
func (l *Listener) Close() error {
	l.mu.Lock()
	first := !l.ended
	l.ended = true
	if first && l.report != nil {
		l.report.bye(&l.heard.source, clock.Now())
	}
	l.mu.Unlock()
	if first {
		l.shut()
	}
	l.over.Wait()
	return nil
}

func (l *Listener) shut() {
	if l.group != nil {
		_ = l.group.Close()
	}
	if l.rtcp != nil {
		_ = l.rtcp.Close()
	}
	if l.report != nil {
		_ = l.report.conn.Close()
	}
}

// hear reads the group and keeps the sound going.
func (l *Listener) hear() {
	defer l.over.Done()
	b := make([]byte, maxDatagram)
	wait := pollTime
	for {
		_ = l.group.SetReadDeadline(time.Now().Add(wait))
		n, from, arrival, err := l.group.Read(b)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			time.Sleep(pollTime) // the interface is down, perhaps
		}
		l.mu.Lock()
		if err == nil && l.from(from.Addr()) && !l.dropped(b[:n]) {
			l.take(b[:n], arrival)
		}
		wait = l.turn(clock.Now())
		l.mu.Unlock()
	}
}

// from tells whether a datagram is the sender's. Where the description does not say who
// that is, the first counts.
func (l *Listener) from(a netip.Addr) bool {
	if !l.sender.IsValid() {
		l.sender = a
	}
	if a != l.sender {
		l.heard.count.Foreign++
	}
	return a == l.sender
}

func (l *Listener) dropped(b []byte) bool { return l.c.Drop != nil && l.c.Drop(b) }

// take opens a packet of the group and gives it to the course. The caller holds the mutex.
func (l *Listener) take(b []byte, arrival int64) {
	if l.open != nil {
		plain, err := l.open.RTP(nil, b, arrival)
		if err != nil {
			l.locked(b, arrival, err)
			return
		}
		b = plain
	}
	padding := l.s.Video != media.NoVideoCodec // has a number, like all else
	if err := l.packet.Unmarshal(b); err != nil || l.packet.Version != 2 || len(l.packet.Payload) == 0 && !padding {
		l.heard.count.Malformed++
		return
	}
	l.course.receive(&l.packet, arrival)
}

// locked keeps what is under a key that may come yet.
func (l *Listener) locked(b []byte, arrival int64, err error) {
	if !errors.Is(err, groupkey.ErrUnknownKey) {
		l.heard.count.Unauthentic++
		return
	}
	if len(l.held) == maxHeld {
		l.held = append(l.held[:0], l.held[1:]...)
		l.heard.count.Unauthentic++
	}
	l.held = append(l.held, heldPacket{append([]byte(nil), b...), arrival})
}

// turn plays what is due, asks for what is missing and reports, and returns when to be
// called again.
func (l *Listener) turn(now int64) time.Duration {
	l.course.play(now)
	if l.report == nil {
		return pollTime
	}
	l.report.turn(l.course, now)
	when := l.course.wake()
	if when == 0 || !l.report.ready() {
		return pollTime
	}
	return max(min(time.Duration(when-now), pollTime), time.Millisecond)
}

// watch reads the sender's reports.
func (l *Listener) watch() {
	defer l.over.Done()
	b := make([]byte, maxDatagram)
	for {
		n, from, arrival, err := l.rtcp.Read(b)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(pollTime)
			continue
		}
		l.mu.Lock()
		if l.report != nil && from.Addr() == l.sender {
			if c, ok := l.control(b[:n], arrival); ok {
				l.report.heard(c, l.heard.source.ssrc, arrival)
			}
		}
		l.mu.Unlock()
	}
}

// control opens a compound RTCP packet.
func (l *Listener) control(b []byte, arrival int64) ([]byte, bool) {
	if l.open == nil {
		return b, true
	}
	plain, err := l.open.RTCP(nil, b, arrival)
	if err != nil {
		l.heard.count.Unauthentic++
	}
	return plain, err == nil
}

// answers reads what the feedback target sends to us alone: tokens and retransmissions.
func (l *Listener) answers(conn *net.UDPConn) {
	defer l.over.Done()
	b := make([]byte, maxDatagram)
	for {
		n, err := conn.Read(b)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil || n < 2 { // refused: nobody is there yet
			continue
		}
		now := clock.Now()
		l.mu.Lock()
		switch {
		case b[1] >= 192 && b[1] <= 223: // RFC 5761 section 4
			if c, ok := l.control(b[:n], now); ok {
				l.report.answer(c, now)
			}
		case !l.dropped(b[:n]):
			l.take(b[:n], now)
		}
		l.course.play(now)
		l.mu.Unlock()
	}
}
