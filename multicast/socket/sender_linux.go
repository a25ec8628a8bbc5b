package socket

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Sender is a non-blocking UDP descriptor that the runtime's poller knows nothing of, with
// its destination encoded once. Its own machine's members hear it, too. It has one user at
// a time and is not copied.
type Sender struct {
	fd    int
	local netip.AddrPort
	to    [unix.SizeofSockaddrInet6]byte
	size  uintptr
}

// OpenSender opens a socket that is bound to the path's source.
func OpenSender(c SenderConfig) (*Sender, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	family := unix.AF_INET
	if c.Group.Addr().Unmap().Is6() {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.IPPROTO_UDP)
	if err != nil {
		return nil, fmt.Errorf("cannot open a UDP socket: %w", err)
	}
	s := &Sender{fd: fd}
	if err = s.setUp(&c); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Sender) setUp(c *SenderConfig) error {
	options := options4
	if c.Path.Source.Is6() {
		options = options6
	}
	if err := options(s.fd, c); err != nil {
		return fmt.Errorf("cannot send to %v on %s with TTL %d: %w", c.Group, c.Path.Interface.Name, c.TTL, err)
	}
	from := netip.AddrPortFrom(c.Path.Source, uint16(c.Port))
	if err := unix.Bind(s.fd, sockaddr(from, c.Path.Interface.Index)); err != nil {
		return fmt.Errorf("cannot bind %v: %w", from, err)
	}
	s.encode(c.Group, c.Path.Interface.Index)
	s.local = netip.AddrPortFrom(from.Addr(), boundPort(s.fd))
	return nil
}

func options4(fd int, c *SenderConfig) error {
	out := unix.IPMreqn{Ifindex: int32(c.Path.Interface.Index), Address: c.Path.Source.As4()}
	if err := unix.SetsockoptIPMreqn(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_IF, &out); err != nil {
		return err
	}
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_TTL, c.TTL); err != nil {
		return err
	}
	return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_LOOP, 1)
}

func options6(fd int, c *SenderConfig) error {
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_IF, c.Path.Interface.Index); err != nil {
		return err
	}
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_HOPS, c.TTL); err != nil {
		return err
	}
	return unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_LOOP, 1)
}

// encode writes the destination as the kernel takes it.
func (s *Sender) encode(a netip.AddrPort, zone int) {
	binary.BigEndian.PutUint16(s.to[2:], a.Port())
	if ip := a.Addr().Unmap(); ip.Is4() {
		binary.NativeEndian.PutUint16(s.to[0:], unix.AF_INET)
		four := ip.As4()
		copy(s.to[4:], four[:])
		s.size = unix.SizeofSockaddrInet4
		return
	}
	binary.NativeEndian.PutUint16(s.to[0:], unix.AF_INET6)
	sixteen := a.Addr().As16()
	copy(s.to[8:], sixteen[:])
	binary.NativeEndian.PutUint32(s.to[24:], uint32(zone))
	s.size = unix.SizeofSockaddrInet6
}

// sockaddr has a zone only where an address needs one.
func sockaddr(a netip.AddrPort, zone int) unix.Sockaddr {
	if ip := a.Addr().Unmap(); ip.Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: ip.As4()}
	}
	s := &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
	if a.Addr().IsLinkLocalUnicast() || a.Addr().IsLinkLocalMulticast() || a.Addr().IsInterfaceLocalMulticast() {
		s.ZoneId = uint32(zone)
	}
	return s
}

func boundPort(fd int) uint16 {
	switch a, _ := unix.Getsockname(fd); a := a.(type) {
	case *unix.SockaddrInet4:
		return uint16(a.Port)
	case *unix.SockaddrInet6:
		return uint16(a.Port)
	}
	return 0
}

// Local returns the address and port that receivers see.
func (s *Sender) Local() netip.AddrPort { return s.local }

// Send sends one datagram to the group. It never blocks and allocates nothing, and goes
// past the scheduler, so that the media thread may call it; b is not kept.
func (s *Sender) Send(b []byte) Verdict {
	if len(b) == 0 {
		return Failed
	}
	_, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(s.fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)),
		unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, uintptr(unsafe.Pointer(&s.to)), s.size)
	switch errno {
	case 0:
		return Sent
	case unix.EAGAIN, unix.ENOBUFS, unix.EINTR:
		return Busy
	case unix.EHOSTUNREACH, unix.ENETUNREACH, unix.ENETDOWN, unix.ENODEV, unix.EADDRNOTAVAIL:
		return Refused
	}
	return Failed
}

// Close ends it. The user calls it, once.
func (s *Sender) Close() { _ = unix.Close(s.fd) }
