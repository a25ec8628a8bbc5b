//go:build linux

package cameras

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/confd/confd/bench/load/fleet"
	"github.com/confd/confd/bench/wire"
	"github.com/confd/confd/internal/clock"
)

// tick is how often a thread looks at its sockets, and the grain of what it sends.
const tick = int64(2 * time.Millisecond)

// thread sends and receives for a part of the callers. What is in it, and in its callers,
// belongs to who holds its lock.
type thread struct {
	mu      sync.Mutex
	epoll   int
	events  [128]unix.EpollEvent
	callers []*caller
	inbox   *wire.Inbox
	outbox  *wire.Outbox
	out     [maxDatagram]byte // RTCP
	pool    pool
	delays  []fleet.Delays // of pictures, by room
	late    fleet.Delays   // of ticks

	offset   int64 // of the kernel's stamps from clock.Now
	measured int64 // when
}

// maxDatagram is how long a packet that is sent may be.
const maxDatagram = 1500

func newThread(rooms int) (*thread, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("cameras: epoll: %w", err)
	}
	return &thread{epoll: fd, inbox: wire.NewInbox(), outbox: wire.NewOutbox(), delays: make([]fleet.Delays, rooms)}, nil
}

// add takes a caller, whose sockets are named in events by twice its place, and one more for RTCP.
func (t *thread) add(c *caller) error {
	c.thread = t
	place := int32(2 * len(t.callers))
	t.callers = append(t.callers, c)
	for i, s := range [...]*wire.Socket{c.rtp, c.rtcp} {
		e := unix.EpollEvent{Events: unix.EPOLLIN, Fd: place + int32(i)}
		if err := unix.EpollCtl(t.epoll, unix.EPOLL_CTL_ADD, s.FD(), &e); err != nil {
			return fmt.Errorf("epoll: %w", err)
		}
	}
	return nil
}

func (t *thread) run(ctx context.Context) {
	runtime.LockOSThread()
	for due := clock.Now(); ctx.Err() == nil; {
		now := clock.Now()
		t.mu.Lock()
		addDelay(&t.late, now-due)
		t.turn(now)
		t.mu.Unlock()
		due = max(due+tick, now)
		clock.SleepUntil(due)
	}
}

// turn takes what has come, and sends what is due.
func (t *thread) turn(now int64) {
	t.measure(now)
	t.receive(now)
	for _, c := range t.callers {
		if c.live && now >= c.due {
			c.turn(now)
		}
	}
}

// rounds bounds how often a socket is read in a turn, so that a flood keeps nothing else from
// being done.
const rounds = 8

func (t *thread) receive(now int64) {
	for {
		n, err := unix.EpollWait(t.epoll, t.events[:], 0)
		if err != nil || n <= 0 {
			return
		}
		for _, e := range t.events[:n] {
			c := t.callers[e.Fd/2]
			if e.Fd%2 == 0 {
				t.read(c, c.rtp, now, (*caller).media)
			} else {
				t.read(c, c.rtcp, now, (*caller).control)
			}
		}
		if n < len(t.events) {
			return
		}
	}
}

func (t *thread) read(c *caller, s *wire.Socket, now int64, take func(c *caller, datagram []byte, at int64)) {
	for range rounds {
		n := t.inbox.Receive(s)
		for i := range n {
			datagram, _, stamp := t.inbox.Packet(i)
			if c.live {
				take(c, datagram, t.arrival(stamp, now))
			}
		}
		if n < wire.Batch {
			return
		}
	}
}

// arrival puts a stamp of the kernel on our clock.
func (t *thread) arrival(stamp, now int64) int64 {
	if stamp == 0 {
		return now
	}
	return min(stamp-t.offset, now)
}

// measureEvery is how often, ns, the kernel's clock of arrivals is compared.
const measureEvery = int64(100e6)

func (t *thread) measure(now int64) {
	if now-t.measured < measureEvery {
		return
	}
	t.measured, t.offset = now, wire.RealtimeAhead(clock.Now)
}

// maxDelay is the longest delay that is told from longer ones.
const maxDelay = 5 * time.Second

func addDelay(d *fleet.Delays, ns int64) {
	i := int(min(max(ns, 0), int64(maxDelay)) / int64(fleet.DelayStep))
	for len(*d) <= i {
		*d = append(*d, 0)
	}
	(*d)[i]++
}
