//go:build linux

package forwarding

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
	"golang.org/x/sys/unix"

	"github.com/confd/confd/bench/wire"
)

// floor is the barest forwarder: one thread waits for its cameras, collects the packets of a
// picture, and sends them to each sink under that one's SSRC, sequence number and timestamp.
type floor struct {
	epoll   int
	wake    int
	cameras []*ingress
	out     *wire.Socket
	post    *outbox
	inbox   *wire.Inbox
	closed  atomic.Bool
	running sync.WaitGroup
}

// ingress is what comes of one camera.
type ingress struct {
	socket  *wire.Socket
	open    *srtp.Context // nil for plain RTP
	picture [][]byte      // its packets so far
	room    [][]byte
	plain   []byte
	header  rtp.Header
	sinks   []sink
}

// sink is whom a camera's pictures go to.
type sink struct {
	to       wire.Peer
	ssrc     uint32
	sequence uint16
	stamp    uint32
	seal     *srtp.Context
	socket   *wire.Socket // its own, nil for the one that all share
}

func startFloor(o *order) ([]netip.AddrPort, func(), error) {
	f := &floor{epoll: -1, wake: -1, inbox: wire.NewInbox()}
	err := f.open(o)
	if err != nil {
		f.close()
		return nil, nil, err
	}
	var at []netip.AddrPort
	for _, c := range f.cameras {
		at = append(at, c.socket.Local())
	}
	f.running.Go(f.run)
	return at, f.stop, nil
}

func (f *floor) open(o *order) (err error) {
	if err := o.Case.Check(); err != nil {
		return err
	}
	if f.out, err = wire.Listen(); err != nil {
		return err
	}
	f.post = newOutbox(f.out, o.Way != Batched, overhead(o.Case))
	if f.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return fmt.Errorf("forwarding: make an epoll: %w", err)
	}
	if f.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return fmt.Errorf("forwarding: make an eventfd: %w", err)
	}
	if err := f.watch(f.wake, -1); err != nil {
		return err
	}
	for i := range o.Cameras {
		if err := f.add(o, i); err != nil {
			return err
		}
	}
	return nil
}

func (f *floor) add(o *order, i int) (err error) {
	c := &ingress{plain: make([]byte, 0, wire.BatchDatagram)}
	if c.socket, err = wire.Listen(); err != nil {
		return err
	}
	f.cameras = append(f.cameras, c)
	if o.Case.Secure {
		if c.open, err = contextOf(i); err != nil {
			return err
		}
	}
	for k := range o.Case.Receivers {
		stream := i*o.Case.Receivers + k
		s := sink{to: wire.PeerOf(o.Sinks[stream]), ssrc: uint32(0x20000 + stream), sequence: uint16(stream), stamp: uint32(stream)}
		if o.Case.Secure {
			if s.seal, err = contextOf(len(o.Cameras) + stream); err != nil {
				return err
			}
		}
		if o.Way == Sockets {
			if s.socket, err = wire.Listen(); err != nil {
				return err
			}
			if err := s.socket.Connect(o.Sinks[stream]); err != nil {
				return err
			}
		}
		c.sinks = append(c.sinks, s)
	}
	return errors.Join(c.socket.Buffer(1<<20), f.watch(c.socket.FD(), i))
}

func (f *floor) watch(fd, index int) error {
	if err := unix.EpollCtl(f.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(index)}); err != nil {
		return fmt.Errorf("forwarding: watch a socket: %w", err)
	}
	return nil
}

// run forwards until stop.
func (f *floor) run() {
	runtime.LockOSThread()
	events := make([]unix.EpollEvent, 64)
	for !f.closed.Load() {
		n, err := unix.EpollWait(f.epoll, events, -1)
		if err != nil && err != unix.EINTR {
			return
		}
		for _, e := range events[:max(n, 0)] {
			if e.Fd >= 0 {
				f.read(f.cameras[e.Fd])
			}
		}
	}
}

// read takes what has come of a camera, and sends each picture that is complete.
func (f *floor) read(c *ingress) {
	for i := range f.inbox.Receive(c.socket) {
		b, _, _ := f.inbox.Packet(i)
		if c.open != nil {
			var err error
			if b, err = c.open.DecryptRTP(c.plain[:0], b, &c.header); err != nil {
				continue
			}
		}
		c.keep(b)
		if b[1]&0x80 != 0 {
			for k := range c.sinks {
				f.post.send(&c.sinks[k], c.picture)
			}
			f.post.flush()
			c.picture = c.picture[:0]
		}
	}
}

// keep copies a packet to the end of the picture.
func (c *ingress) keep(b []byte) {
	n := len(c.picture)
	if n == len(c.room) {
		c.room = append(c.room, make([]byte, wire.BatchDatagram))
	}
	c.picture = append(c.picture, c.room[n][:copy(c.room[n], b)])
}

// head writes the header of a sink's next packet, whose camera's is from.
func (s *sink) head(b, from []byte) {
	copy(b[:2], from)
	binary.BigEndian.PutUint16(b[2:], s.sequence)
	binary.BigEndian.PutUint32(b[4:], binary.BigEndian.Uint32(from[4:])+s.stamp)
	binary.BigEndian.PutUint32(b[8:], s.ssrc)
	s.sequence++
}

func (f *floor) stop() {
	f.closed.Store(true)
	_, _ = unix.Write(f.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	f.running.Wait()
	f.close()
}

func (f *floor) close() {
	for _, fd := range []int{f.epoll, f.wake} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
	for _, c := range f.cameras {
		c.socket.Close()
		for _, s := range c.sinks {
			if s.socket != nil {
				s.socket.Close()
			}
		}
	}
	if f.out != nil {
		f.out.Close()
	}
}

// overhead is what SRTP adds to a packet.
func overhead(c Case) int {
	if c.Secure {
		return 16
	}
	return 0
}
