package control

import (
	"encoding/binary"
	"net"
	"unsafe"

	"golang.org/x/sys/unix"
)

// countDrops has the kernel tell with each datagram how many it dropped before, because
// the socket's queue was full. Where it does not, they go uncounted.
func countDrops(conn *net.UDPConn) {
	if raw, err := conn.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RXQ_OVFL, 1) })
	}
}

// drops finds SO_RXQ_OVFL, the only control message asked for.
func drops(oob []byte) (uint32, bool) {
	if len(oob) < unix.CmsgLen(4) {
		return 0, false
	}
	head := (*unix.Cmsghdr)(unsafe.Pointer(&oob[0]))
	if head.Level != unix.SOL_SOCKET || head.Type != unix.SO_RXQ_OVFL {
		return 0, false
	}
	return binary.NativeEndian.Uint32(oob[unix.CmsgLen(0):]), true
}
