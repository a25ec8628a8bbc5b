//go:build linux

package wire

import (
	"fmt"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Socket is a UDP socket on 127.0.0.1. Its calls go past Go's scheduler: they never block.
type Socket struct {
	fd      int
	local   netip.AddrPort
	control []byte // for arrival stamps; nil until StampArrivals
}

// Listen opens a socket on a free port of 127.0.0.1.
func Listen() (*Socket, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("wire: open a UDP socket: %w", err)
	}
	s := &Socket{fd: fd}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		s.Close()
		return nil, fmt.Errorf("wire: bind to 127.0.0.1: %w", err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		s.Close()
		return nil, fmt.Errorf("wire: read the local port: %w", err)
	}
	own := name.(*unix.SockaddrInet4)
	s.local = netip.AddrPortFrom(netip.AddrFrom4(own.Addr), uint16(own.Port))
	return s, nil
}

// Local returns the address that the socket is bound to.
func (s *Socket) Local() netip.AddrPort { return s.local }

// Connect fixes the peer, which must be an IPv4 loopback address: the kernel then drops
// everyone else's packets, and a send looks up no route.
func (s *Socket) Connect(peer netip.AddrPort) error {
	if !peer.Addr().Is4() || !peer.Addr().IsLoopback() {
		return fmt.Errorf("wire: connect to %v: only IPv4 loopback peers (127.0.0.0/8) are served", peer)
	}
	to := &unix.SockaddrInet4{Addr: peer.Addr().As4(), Port: int(peer.Port())}
	if err := unix.Connect(s.fd, to); err != nil {
		return fmt.Errorf("wire: connect to %v: %w", peer, err)
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
		uintptr(unsafe.Pointer(&packet[0])), uintptr(len(packet)), unix.MSG_DONTWAIT, 0, 0)
	return err == 0
}

// StampArrivals makes the kernel note when each packet arrives, for ReceiveStamped.
func (s *Socket) StampArrivals() error {
	if err := unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1); err != nil {
		return fmt.Errorf("wire: ask for arrival times: %w", err)
	}
	s.control = make([]byte, unix.CmsgSpace(int(unsafe.Sizeof(unix.Timespec{}))))
	return nil
}

// ReceiveStamped is Receive with the time of arrival on the Realtime scale. Unlike Receive
// it allocates. The socket must have been told to StampArrivals.
func (s *Socket) ReceiveStamped(buf []byte) (n int, arrival int64) {
	n, m, _, _, err := unix.Recvmsg(s.fd, buf, s.control, unix.MSG_DONTWAIT)
	if err != nil {
		return 0, 0
	}
	messages, err := unix.ParseSocketControlMessage(s.control[:m])
	if err != nil {
		return n, 0
	}
	for _, c := range messages {
		if c.Header.Level == unix.SOL_SOCKET && c.Header.Type == unix.SCM_TIMESTAMPNS {
			arrival = (*unix.Timespec)(unsafe.Pointer(&c.Data[0])).Nano()
		}
	}
	return n, arrival
}

// Close frees the port.
func (s *Socket) Close() { unix.Close(s.fd) }
