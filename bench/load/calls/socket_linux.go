package calls

import (
	"errors"
	"net"

	"golang.org/x/sys/unix"
)

// prepare raises a socket's buffers, beyond the system's limit where that is permitted, and
// has the kernel report datagrams that came back by ICMP although the socket is not connected.
func prepare(conn *net.UDPConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(f uintptr) {
		fd := int(f)
		if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, socketBuffer) != nil {
			_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, socketBuffer) // as much as there may be
		}
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, socketBuffer)
		family, _ := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
		if family == unix.AF_INET6 {
			failed = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVERR, 1)
			return
		}
		failed = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_RECVERR, 1)
	})
	return errors.Join(err, failed)
}

// isRejection reports whether an error tells of a datagram that was sent before.
func isRejection(err error) bool {
	for _, e := range [...]error{unix.ECONNREFUSED, unix.EHOSTUNREACH, unix.ENETUNREACH, unix.EHOSTDOWN, unix.ENOPROTOOPT} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// rejected returns the beginnings of the datagrams that have come back.
func rejected(conn *net.UDPConn) (packets []string) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil
	}
	buf, control := make([]byte, 2048), make([]byte, 512)
	_ = raw.Control(func(fd uintptr) { // its error: the socket is closed
		for {
			n, _, _, _, err := unix.Recvmsg(int(fd), buf, control, unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
			if err != nil {
				return
			}
			packets = append(packets, string(buf[:n]))
		}
	})
	return packets
}
