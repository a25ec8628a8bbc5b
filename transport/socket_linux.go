package transport

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// socket is a non-blocking UDP descriptor that the runtime's poller knows nothing of. Its
// calls go past the scheduler (RawSyscall), which is right only because none of them can
// block; callers bound how many they make in a row.
//
// A socket has one user at a time and is not copied once open.
type socket struct {
	fd     int
	inet6  bool
	remote sockaddr // destination of sendTo, encoded once
}

// sockaddr is an address as the kernel takes it.
type sockaddr struct {
	raw [unix.SizeofSockaddrInet6]byte
	len uint32
}

// openSocket binds a UDP socket. An unspecified IPv6 address listens on IPv4 as well.
func openSocket(local netip.AddrPort) (s socket, err error) {
	addr := local.Addr().Unmap()
	family := unix.AF_INET
	if addr.Is6() {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.IPPROTO_UDP)
	if err != nil {
		return s, fmt.Errorf("cannot open a UDP socket: %w", err)
	}
	s = socket{fd: fd, inet6: addr.Is6()}
	if err = s.setUp(netip.AddrPortFrom(addr, local.Port())); err != nil {
		s.close()
		return socket{fd: -1}, err
	}
	return s, nil
}

func (s *socket) setUp(local netip.AddrPort) error {
	if err := unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1); err != nil {
		return fmt.Errorf("cannot have receive times on %v: %w", local, err)
	}
	if s.inet6 {
		only := 1
		if local.Addr().IsUnspecified() {
			only = 0
		}
		if err := unix.SetsockoptInt(s.fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, only); err != nil {
			return fmt.Errorf("cannot choose IP versions on %v: %w", local, err)
		}
	}
	var to sockaddr
	s.encode(&to, local)
	switch errno := s.address(unix.SYS_BIND, &to); errno {
	case 0:
		return nil
	case unix.EADDRINUSE:
		return fmt.Errorf("cannot bind %v: %w", local, errPortTaken)
	default:
		return fmt.Errorf("cannot bind %v: %w", local, errno)
	}
}

// address makes one of the calls that take a descriptor and an address.
func (s *socket) address(trap uintptr, a *sockaddr) unix.Errno {
	_, _, errno := unix.RawSyscall(trap, uintptr(s.fd), uintptr(unsafe.Pointer(a)), uintptr(a.len))
	return errno
}

// encode writes a in the socket's own family; IPv4 becomes IPv4-mapped on IPv6 sockets.
func (s *socket) encode(to *sockaddr, a netip.AddrPort) {
	*to = sockaddr{}
	binary.BigEndian.PutUint16(to.raw[2:], a.Port())
	if !s.inet6 {
		binary.NativeEndian.PutUint16(to.raw[0:], unix.AF_INET)
		ip := a.Addr().Unmap().As4()
		copy(to.raw[4:], ip[:])
		to.len = unix.SizeofSockaddrInet4
		return
	}
	binary.NativeEndian.PutUint16(to.raw[0:], unix.AF_INET6)
	ip := a.Addr().As16()
	copy(to.raw[8:], ip[:])
	to.len = unix.SizeofSockaddrInet6
}

// decode reads what the kernel wrote.
func (a *sockaddr) decode() netip.AddrPort {
	port := binary.BigEndian.Uint16(a.raw[2:])
	switch binary.NativeEndian.Uint16(a.raw[0:]) {
	case unix.AF_INET:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(a.raw[4:8])), port)
	case unix.AF_INET6:
		return netip.AddrPortFrom(netip.AddrFrom16([16]byte(a.raw[8:24])).Unmap(), port)
	}
	return netip.AddrPort{}
}

// reaches tells whether the socket's family can send to a.
func (s *socket) reaches(a netip.Addr) bool {
	return s.inet6 || a.Unmap().Is4()
}

// port returns the local port.
func (s *socket) port() int {
	sa, err := unix.Getsockname(s.fd)
	if err != nil {
		return 0
	}
	switch a := sa.(type) {
	case *unix.SockaddrInet4:
		return a.Port
	case *unix.SockaddrInet6:
		return a.Port
	}
	return 0
}

// setRemote says where sendTo sends.
func (s *socket) setRemote(a netip.AddrPort) { s.encode(&s.remote, a) }

// connect makes the kernel drop what comes from anyone but a. An earlier association is
// dissolved first, since a connected socket may refuse to be connected elsewhere. What
// was queued before stays queued.
func (s *socket) connect(a netip.AddrPort) bool {
	s.dissolve()
	var to sockaddr
	s.encode(&to, a)
	return s.address(unix.SYS_CONNECT, &to) == 0
}

// dissolve lets the socket hear everyone again; it keeps its port because it was bound.
func (s *socket) dissolve() {
	var none sockaddr
	binary.NativeEndian.PutUint16(none.raw[0:], unix.AF_UNSPEC)
	none.len = unix.SizeofSockaddrInet4
	s.address(unix.SYS_CONNECT, &none)
}

func (s *socket) close() {
	if s.fd >= 0 {
		_ = unix.Close(s.fd)
		s.fd = -1
	}
}

// send writes to the connected peer.
func (s *socket) send(b []byte) verdict { return s.write(b, nil, 0) }

// sendTo writes to the address of setRemote.
func (s *socket) sendTo(b []byte) verdict {
	return s.write(b, unsafe.Pointer(&s.remote), uintptr(s.remote.len))
}

func (s *socket) write(b []byte, to unsafe.Pointer, size uintptr) verdict {
	if len(b) == 0 {
		return ioFailed
	}
	_, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(s.fd),
		uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)),
		unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, uintptr(to), size)
	return judge(errno)
}

func judge(errno unix.Errno) verdict {
	switch errno {
	case 0:
		return ioDone
	case unix.EAGAIN, unix.ENOBUFS, unix.EINTR:
		return ioEmpty
	case unix.ECONNREFUSED, unix.EHOSTUNREACH, unix.ENETUNREACH:
		return ioRefused
	}
	return ioFailed
}

// scratch holds the buffers of one poll or send. They are lent for its duration, so that
// all legs of a worker use the same, warm, memory.
type scratch struct {
	message
	hdr     unix.Msghdr
	iov     unix.Iovec
	name    sockaddr
	control [64]byte
	in      [maxPacket + 1]byte // one more, to tell a longer datagram
	out     [maxPacket + 64]byte
	secure  [maxPacket + 64]byte
}

var scratches = sync.Pool{New: func() any {
	s := new(scratch)
	s.iov.Base = &s.in[0]
	s.iov.SetLen(len(s.in))
	s.hdr.Iov = &s.iov
	s.hdr.SetIovlen(1)
	s.hdr.Control = &s.control[0]
	return s
}}

// recv reads one datagram without blocking. The sender's address is fetched only if asked
// for; a connected socket has but one.
func (s *socket) recv(m *scratch, withSender bool) verdict {
	m.hdr.Name, m.hdr.Namelen = nil, 0
	if withSender {
		m.hdr.Name, m.hdr.Namelen = &m.name.raw[0], unix.SizeofSockaddrInet6
	}
	m.hdr.SetControllen(len(m.control))
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVMSG, uintptr(s.fd),
		uintptr(unsafe.Pointer(&m.hdr)), unix.MSG_DONTWAIT, 0, 0, 0)
	if errno != 0 {
		return judge(errno)
	}
	m.truncated = int(n) > maxPacket || m.hdr.Flags&unix.MSG_TRUNC != 0
	m.data = m.in[:n]
	m.stamp = m.timestamp()
	if withSender {
		m.from = m.name.decode()
	}
	return ioDone
}

// timestamp finds SCM_TIMESTAMPNS, which is the only control message asked for.
func (m *scratch) timestamp() int64 {
	head := (*unix.Cmsghdr)(unsafe.Pointer(&m.control[0]))
	if int(m.hdr.Controllen) < unix.CmsgLen(int(unsafe.Sizeof(unix.Timespec{}))) ||
		head.Level != unix.SOL_SOCKET || head.Type != unix.SO_TIMESTAMPNS {
		return 0
	}
	t := (*unix.Timespec)(unsafe.Pointer(&m.control[unix.CmsgLen(0)]))
	return t.Nano()
}
