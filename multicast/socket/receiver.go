package socket

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"

	"github.com/confd/confd/internal/clock"
)

// Membership says what to hear.
type Membership struct {
	Group     netip.AddrPort // multicast, port 1 to 65535
	Source    netip.Addr     // valid: only what it sends (source specific); else anyone's
	Interface string         // by name; "": the one of Local if valid, else of the route to the group
	Local     netip.Addr     // an address of the interface, to tell which; may be invalid
	Buffer    int            // of the socket, bytes; 0: the system's default
}

func (m *Membership) check() error {
	if !m.Group.Addr().IsMulticast() || m.Group.Port() == 0 {
		return fmt.Errorf("%v is not a multicast address and port", m.Group)
	}
	if m.Source.IsValid() && (m.Source.Unmap().Is4() != m.Group.Addr().Unmap().Is4() || m.Source.IsMulticast() || m.Source.IsUnspecified()) {
		return fmt.Errorf("source %v is not a unicast address of the IP version of group %v", m.Source, m.Group.Addr())
	}
	return nil
}

// Receiver hears one group on one port: its socket is bound to both, so that what other
// programs have joined, and unicast, do not come in. Several may hear the same group on a
// machine. One goroutine reads; the other methods may be called by any.
type Receiver struct {
	m       Membership
	conn    *net.UDPConn
	oob     []byte
	rejoins atomic.Uint64
	dropped atomic.Uint64

	mu   sync.Mutex // guards what follows
	seen view       // as of the last join
	over bool
	halt func() // stops the watch
}

// Join opens a socket, has the membership reported to the network, and keeps it so.
func Join(m Membership) (*Receiver, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	path, err := m.find()
	if err != nil {
		return nil, err
	}
	conn, err := open(&m, path.Interface.Index)
	if err != nil {
		return nil, fmt.Errorf("cannot hear %v: %w", m.Group, err)
	}
	r := &Receiver{m: m, conn: conn, oob: make([]byte, 64), seen: look(path.Interface)}
	if err := r.join(path.Interface); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("cannot join %v on %s: %w", m.Group.Addr(), path.Interface.Name, explain(err))
	}
	r.halt = Watch(r.refresh)
	return r, nil
}

func (m *Membership) find() (Path, error) {
	return Find(m.Group.Addr(), m.Interface, m.Local)
}

// explain adds what to do to the errors of a join that a user can mend.
func explain(err error) error {
	switch {
	case errors.Is(err, syscall.ENOBUFS):
		return fmt.Errorf("%w: more sources than net.ipv4.igmp_max_msf or net.ipv6.mld_max_msf", err)
	case errors.Is(err, syscall.ENODEV):
		return fmt.Errorf("%w: the interface is not there or cannot do multicast", err)
	}
	return err
}

// Read waits for a datagram. At is when the kernel received it, on the scale of
// clock.Now; from is without a zone. A datagram longer than b is cut to it. The error is
// net.ErrClosed after Close, os.ErrDeadlineExceeded after SetReadDeadline.
func (r *Receiver) Read(b []byte) (n int, from netip.AddrPort, at int64, err error) {
	n, oobn, _, sender, err := r.conn.ReadMsgUDPAddrPort(b, r.oob)
	if err != nil {
		return 0, netip.AddrPort{}, 0, err
	}
	stamp, dropped := ancillary(r.oob[:oobn])
	if dropped != 0 { // counts from the first, modulo 2^32
		r.dropped.Add(uint64(dropped - uint32(r.dropped.Load())))
	}
	return n, netip.AddrPortFrom(plain(sender.Addr()), sender.Port()), arrival(stamp), nil
}

// arrival maps a receive time of the system's clock, 0 for none. A clock that was set
// meanwhile makes it wrong by no more than a second.
func arrival(stamp int64) int64 {
	now := clock.Now()
	if stamp == 0 {
		return now
	}
	age := time.Now().UnixNano() - stamp
	return now - max(0, min(age, int64(time.Second)))
}

// SetReadDeadline bounds the wait of Read; the zero time lifts it.
func (r *Receiver) SetReadDeadline(t time.Time) error { return r.conn.SetReadDeadline(t) }

// Rejoins returns how often the membership was taken anew.
func (r *Receiver) Rejoins() uint64 { return r.rejoins.Load() }

// Dropped returns how many datagrams the kernel dropped before the last that was read, because
// nobody read them in time; 0 where it does not tell.
func (r *Receiver) Dropped() uint64 { return r.dropped.Load() }

// Close leaves the group. Further calls do nothing.
func (r *Receiver) Close() error {
	r.mu.Lock()
	over := r.over
	r.over = true
	r.mu.Unlock()
	if over {
		return nil
	}
	r.halt()
	return r.conn.Close()
}

// refresh takes the membership anew if the interface is another than it was. Linux reports
// a membership again by itself when a link comes up, but keeps none for an interface that
// was removed and made again, nor follows a route.
func (r *Receiver) refresh() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over {
		return
	}
	path, err := r.m.find()
	if err != nil { // away; asked again later
		r.seen = view{}
		return
	}
	now := look(path.Interface)
	if now == r.seen || !now.up {
		r.seen.up = now.up
		return
	}
	if r.seen.index != 0 {
		_ = r.leave(&net.Interface{Index: r.seen.index})
	}
	if err := r.join(path.Interface); err != nil && !errors.Is(err, syscall.EADDRINUSE) {
		r.seen = view{}
		return
	}
	r.seen = now
	r.rejoins.Add(1)
}

// view is what matters of an interface.
type view struct {
	index int
	up    bool
	addrs string
}

func look(i *net.Interface) view {
	const ready = net.FlagUp | net.FlagRunning
	return view{i.Index, i.Flags&ready == ready, fmt.Sprint(addresses(i))}
}

func (r *Receiver) join(i *net.Interface) error {
	group := &net.UDPAddr{IP: r.m.Group.Addr().Unmap().AsSlice()}
	p := r.member()
	if !r.m.Source.IsValid() {
		return p.JoinGroup(i, group)
	}
	return p.JoinSourceSpecificGroup(i, group, &net.UDPAddr{IP: r.m.Source.Unmap().AsSlice()})
}

func (r *Receiver) leave(i *net.Interface) error {
	group := &net.UDPAddr{IP: r.m.Group.Addr().Unmap().AsSlice()}
	p := r.member()
	if !r.m.Source.IsValid() {
		return p.LeaveGroup(i, group)
	}
	return p.LeaveSourceSpecificGroup(i, group, &net.UDPAddr{IP: r.m.Source.Unmap().AsSlice()})
}

// member is what ipv4.PacketConn and ipv6.PacketConn have in common.
type member interface {
	JoinGroup(*net.Interface, net.Addr) error
	LeaveGroup(*net.Interface, net.Addr) error
	JoinSourceSpecificGroup(i *net.Interface, group, source net.Addr) error
	LeaveSourceSpecificGroup(i *net.Interface, group, source net.Addr) error
}

func (r *Receiver) member() member {
	if r.m.Group.Addr().Unmap().Is4() {
		return ipv4.NewPacketConn(r.conn)
	}
	return ipv6.NewPacketConn(r.conn)
}
