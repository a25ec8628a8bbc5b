//go:build linux

package wire

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Socket is a UDP socket. Its calls go past Go's scheduler: they never block.
type Socket struct {
	fd      int
	local   netip.AddrPort
	stamped *message // nil until StampArrivals
}

// message is what ReceiveStamped gives the kernel.
type message struct {
	header  unix.Msghdr
	vector  unix.Iovec
	control control
}

// control is where the kernel says when a packet arrived.
type control [64]byte

// Listen opens a socket on a free port of 127.0.0.1. It can speak to loopback addresses only.
func Listen() (*Socket, error) {
	return ListenOn(netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 0))
}

// ListenOn opens a socket on an address of this machine; port 0 is any free one.
func ListenOn(at netip.AddrPort) (*Socket, error) {
	family := unix.AF_INET
	if at.Addr().Is6() {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("wire: open a UDP socket: %w", err)
	}
	s := &Socket{fd: fd}
	if err := unix.Bind(fd, address(at)); err != nil {
		s.Close()
		return nil, fmt.Errorf("wire: bind to %v: %w", at, err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		s.Close()
		return nil, fmt.Errorf("wire: read the local port: %w", err)
	}
	s.local = addressOf(name)
	return s, nil
}

func address(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Addr: a.Addr().As4(), Port: int(a.Port())}
	}
	return &unix.SockaddrInet6{Addr: a.Addr().As16(), Port: int(a.Port())}
}

// Local returns the address that the socket is bound to.
func (s *Socket) Local() netip.AddrPort { return s.local }

// FD returns the descriptor, for epoll and for calls that Socket does not have. It is the
// socket's: nobody else closes it.
func (s *Socket) FD() int { return s.fd }

// Connect fixes the peer: the kernel then drops everyone else's packets, and a send looks up
// no route. It may be called again, for another peer. The error says if the peer is of the
// other IP version, or cannot be reached from the socket's address.
func (s *Socket) Connect(peer netip.AddrPort) error {
	peer = netip.AddrPortFrom(peer.Addr().Unmap(), peer.Port())
	if !peer.IsValid() || peer.Addr().Is4() != s.local.Addr().Is4() {
		return fmt.Errorf("wire: connect %v to %v: want a peer of the same IP version", s.local, peer)
	}
	if err := unix.Connect(s.fd, address(peer)); err != nil {
		return fmt.Errorf("wire: connect %v to %v: %w", s.local, peer, err)
	}
	return nil
}

// Receive reads one packet if there is one, and returns its length, else 0.
func (s *Socket) Receive(buf []byte) int {
	n, _, err := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(s.fd),
		uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)), unix.MSG_DONTWAIT, 0, 0)
	if err != 0 {
		return 0
	}
	return int(n)
}

// Send writes one packet to the connected peer and tells whether the kernel took it.
func (s *Socket) Send(packet []byte) bool {
	_, _, err := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(s.fd),
		uintptr(unsafe.Pointer(&packet[0])), uintptr(len(packet)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
	return err == 0
}

// StampArrivals makes the kernel note when each packet arrives, for ReceiveStamped.
func (s *Socket) StampArrivals() error {
	if err := unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1); err != nil {
		return fmt.Errorf("wire: ask for arrival times: %w", err)
	}
	m := &message{}
	m.header.Iov, m.header.Control = &m.vector, &m.control[0]
	m.header.SetIovlen(1)
	s.stamped = m
	return nil
}

// ReceiveStamped is Receive with the time of arrival on the Realtime scale, which is 0 if the
// kernel did not tell: the packet came before StampArrivals, which must have been called.
func (s *Socket) ReceiveStamped(buf []byte) (n int, arrival int64) {
	m := s.stamped
	m.vector.Base = &buf[0]
	m.vector.SetLen(len(buf))
	m.header.SetControllen(len(m.control))
	got, _, err := unix.RawSyscall(unix.SYS_RECVMSG, uintptr(s.fd), uintptr(unsafe.Pointer(&m.header)), unix.MSG_DONTWAIT)
	if err != 0 {
		return 0, 0
	}
	return int(got), m.control.arrival(&m.header)
}

// arrival finds the one control message that was asked for.
func (c *control) arrival(h *unix.Msghdr) int64 {
	const head = unix.SizeofCmsghdr
	if int(h.Controllen) < unix.CmsgLen(int(unsafe.Sizeof(unix.Timespec{}))) ||
		binary.NativeEndian.Uint32(c[head-8:]) != unix.SOL_SOCKET ||
		binary.NativeEndian.Uint32(c[head-4:]) != unix.SCM_TIMESTAMPNS {
		return 0
	}
	return (*unix.Timespec)(unsafe.Pointer(&c[head])).Nano()
}

// Buffer makes room for so many bytes, of the kernel's counting, that have come and are not
// yet read, or for as many as it permits.
func (s *Socket) Buffer(bytes int) error {
	if unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, bytes) == nil {
		return nil
	}
	if err := unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, bytes); err != nil {
		return fmt.Errorf("wire: ask for a buffer of %d bytes: %w", bytes, err)
	}
	return nil
}

// Close frees the port.
func (s *Socket) Close() { unix.Close(s.fd) }

// Route returns the address of this machine from which packets to peer leave.
func Route(peer netip.Addr) (netip.Addr, error) {
	any := netip.IPv4Unspecified()
	if peer = peer.Unmap(); peer.Is6() {
		any = netip.IPv6Unspecified()
	}
	s, err := ListenOn(netip.AddrPortFrom(any, 0))
	if err != nil {
		return any, err
	}
	defer s.Close()
	if err := s.Connect(netip.AddrPortFrom(peer, 9)); err != nil {
		return any, err
	}
	name, err := unix.Getsockname(s.fd)
	if err != nil {
		return any, fmt.Errorf("wire: read the local address: %w", err)
	}
	return addressOf(name).Addr(), nil
}

func addressOf(name unix.Sockaddr) netip.AddrPort {
	switch a := name.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr), uint16(a.Port))
	}
	return netip.AddrPort{}
}
