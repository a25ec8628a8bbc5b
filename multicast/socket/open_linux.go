package socket

import (
	"encoding/binary"
	"errors"
	"net"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// open binds a socket to the group's address and port. The net package would bind it to all
// addresses, and the kernel then gives it every group that anyone on the machine has
// joined on that port (IP_MULTICAST_ALL).
func open(m *Membership, zone int) (*net.UDPConn, error) {
	family := unix.AF_INET
	if m.Group.Addr().Unmap().Is6() {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.IPPROTO_UDP)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "group")
	defer func() { _ = f.Close() }() // FilePacketConn makes a copy
	if err := exclusive(fd, family, m.Buffer); err != nil {
		return nil, err
	}
	if err := unix.Bind(fd, sockaddr(m.Group, zone)); err != nil {
		return nil, os.NewSyscallError("bind", err)
	}
	c, err := net.FilePacketConn(f)
	if err != nil {
		return nil, err
	}
	return c.(*net.UDPConn), nil
}

// exclusive has nothing but the socket's own membership come in, with receive times and
// the number of datagrams that were dropped.
func exclusive(fd, family, buffer int) error {
	level, all := unix.IPPROTO_IP, unix.IP_MULTICAST_ALL
	if family == unix.AF_INET6 {
		level, all = unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_ALL
	}
	err := errors.Join(
		os.NewSyscallError("IP_MULTICAST_ALL", unix.SetsockoptInt(fd, level, all, 0)),
		os.NewSyscallError("SO_REUSEADDR", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)),
		os.NewSyscallError("SO_TIMESTAMPNS", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)),
		os.NewSyscallError("SO_RXQ_OVFL", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RXQ_OVFL, 1)),
	)
	if err == nil && buffer > 0 { // as much as net.core.rmem_max allows
		err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, buffer)
	}
	return err
}

// ancillary finds SCM_TIMESTAMPNS and SO_RXQ_OVFL among what came with a datagram; 0 without.
func ancillary(oob []byte) (stamp int64, dropped uint32) {
	for len(oob) >= unix.CmsgLen(0) {
		head, data, rest, err := unix.ParseOneSocketControlMessage(oob)
		if err != nil {
			break
		}
		oob = rest
		switch {
		case head.Level != unix.SOL_SOCKET:
		case head.Type == unix.SO_TIMESTAMPNS && len(data) >= int(unsafe.Sizeof(unix.Timespec{})):
			stamp = (*unix.Timespec)(unsafe.Pointer(&data[0])).Nano()
		case head.Type == unix.SO_RXQ_OVFL && len(data) >= 4:
			dropped = binary.NativeEndian.Uint32(data)
		}
	}
	return stamp, dropped
}
