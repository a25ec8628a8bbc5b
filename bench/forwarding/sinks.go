//go:build linux

package forwarding

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
	"golang.org/x/sys/unix"

	"github.com/confd/confd/bench/wire"
)

// sinks take what a server sends, and know each stream by its socket.
type sinks struct {
	c     Case
	epoll int
	each  []*tap
	// control is where RTCP goes. Nobody waits for it: a wake-up for each report would be ours, not
	// the server's, and a refusal by ICMP nobody's.
	control *wire.Socket
	inbox   *wire.Inbox
	plain   []byte
	header  rtp.Header
	events  []unix.EpollEvent
	tally
}

// tally is what was seen in a window.
type tally struct {
	packets uint64
	late    []time.Duration
}

// tap is one stream: its packets go on by one, and its pictures by one interval.
type tap struct {
	socket   *wire.Socket
	camera   *shot
	begun    bool
	sequence uint16
	stamp    uint32
	number   uint32 // of the picture, as the camera counts
	open     *srtp.Context
}

func newSinks(c Case, from *cameras) (*sinks, error) {
	s := &sinks{c: c, inbox: wire.NewInbox(), plain: make([]byte, 0, wire.BatchDatagram), events: make([]unix.EpollEvent, 256)}
	var err error
	if s.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("forwarding: make an epoll: %w", err)
	}
	if s.control, err = wire.Listen(); err != nil {
		s.close()
		return nil, err
	}
	for i := range c.Lines() {
		t := &tap{camera: from.each[i/c.Receivers]}
		if t.socket, err = wire.Listen(); err != nil {
			s.close()
			return nil, err
		}
		s.each = append(s.each, t)
		if c.Secure {
			if t.open, err = contextOf(c.Senders + i); err != nil {
				s.close()
				return nil, err
			}
		}
		err = errors.Join(t.socket.Buffer(256<<10), t.socket.StampArrivals(),
			unix.EpollCtl(s.epoll, unix.EPOLL_CTL_ADD, t.socket.FD(), &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)}))
		if err != nil {
			s.close()
			return nil, err
		}
	}
	return s, nil
}

func (s *sinks) locals() (all []netip.AddrPort) {
	for _, t := range s.each {
		all = append(all, t.socket.Local())
	}
	return all
}

// begin starts a window, and with fresh streams what each of them begins with is learnt anew.
func (s *sinks) begin(fresh bool) {
	for s.inbox.Receive(s.control) > 0 {
	}
	s.tally = tally{late: s.late[:0]}
	for _, t := range s.each {
		t.begun = t.begun && !fresh
	}
}

// drain reads until the time is over, on the monotonic clock.
func (s *sinks) drain(until int64) {
	for {
		left := time.Duration(until - wire.Monotonic())
		if left <= 0 {
			return
		}
		n, err := unix.EpollWait(s.epoll, s.events, int(left.Milliseconds()))
		if err != nil && err != unix.EINTR {
			return
		}
		if n <= 0 && left < time.Millisecond {
			wire.SleepUntil(until)
		}
		for _, e := range s.events[:max(n, 0)] {
			s.read(s.each[e.Fd])
		}
	}
}

func (s *sinks) read(t *tap) {
	for i := range s.inbox.Receive(t.socket) {
		b, _, arrival := s.inbox.Packet(i)
		if len(b) > headerSize && b[0]>>6 == 2 && b[1]&0x7f == PayloadType {
			s.take(t, b, arrival)
		}
	}
}

// take counts a packet. The last one of a picture tells how late that is: its number follows
// from the timestamps, so that only the first packet has to be read.
func (s *sinks) take(t *tap, b []byte, arrival int64) {
	sequence, stamp := binary.BigEndian.Uint16(b[2:]), binary.BigEndian.Uint32(b[4:])
	s.packets++
	if !t.begun {
		t.number, t.begun = s.numberOf(t, b)
		t.sequence, t.stamp = sequence, stamp
		return
	}
	if int16(sequence-t.sequence) <= 0 {
		return // it was sent again
	}
	t.sequence = sequence
	t.number += (stamp - t.stamp + 45_000/PictureRate) / (90_000 / PictureRate)
	t.stamp = stamp
	if b[1]&0x80 != 0 {
		s.late = append(s.late, time.Duration(arrival-t.camera.times[t.number%256]))
	}
}

// numberOf reads a packet's picture number, which is behind the noise.
func (s *sinks) numberOf(t *tap, b []byte) (uint32, bool) {
	if t.open != nil {
		var err error
		if b, err = t.open.DecryptRTP(s.plain, b, &s.header); err != nil {
			return 0, false
		}
	}
	return binary.BigEndian.Uint32(b[len(b)-4:]), true
}

func (s *sinks) close() {
	unix.Close(s.epoll)
	if s.control != nil {
		s.control.Close()
	}
	for _, t := range s.each {
		t.socket.Close()
	}
}
