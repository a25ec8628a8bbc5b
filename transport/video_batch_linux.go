package transport

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// batchSystem is how a batch is handed over.
type batchSystem struct {
	hdr     unix.Msghdr
	iov     unix.Iovec
	control [32]byte // a Cmsghdr and a uint16
}

func (s *batchSystem) begin() {
	h := (*unix.Cmsghdr)(unsafe.Pointer(&s.control[0]))
	h.Level, h.Type = unix.SOL_UDP, unix.UDP_SEGMENT
	h.SetLen(unix.CmsgLen(2))
	s.hdr.Iov = &s.iov
	s.hdr.SetIovlen(1)
}

// send writes n packets from one on; if there are several, the kernel is to cut them.
func (m *batch) send(s *socket, connected bool, first, n int) verdict {
	b := m.slice(first, n)
	if len(b) == 0 {
		return ioFailed // could not be sealed
	}
	x := &m.system
	x.iov.Base = &b[0]
	x.iov.SetLen(len(b))
	x.hdr.Name, x.hdr.Namelen = nil, 0
	if !connected {
		x.hdr.Name, x.hdr.Namelen = &s.remote.raw[0], s.remote.len
	}
	x.hdr.Control = nil
	x.hdr.SetControllen(0)
	if n > 1 {
		*(*uint16)(unsafe.Pointer(&x.control[unix.CmsgLen(0)])) = uint16(m.segment)
		x.hdr.Control = &x.control[0]
		x.hdr.SetControllen(unix.CmsgSpace(2))
	}
	_, _, errno := unix.RawSyscall6(unix.SYS_SENDMSG, uintptr(s.fd), uintptr(unsafe.Pointer(&x.hdr)),
		unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0, 0)
	x.hdr.Name = nil // of a leg that may go
	if n > 1 && uncut(errno) {
		return ioUncut
	}
	return judge(errno)
}

// uncut tells whether the kernel may take the packets one by one: it cannot cut, the way out
// has no checksums of its own, or the packets are longer than that takes.
func uncut(errno unix.Errno) bool {
	switch errno {
	case unix.EINVAL, unix.EIO, unix.EMSGSIZE, unix.EOPNOTSUPP, unix.ENOPROTOOPT:
		return true
	}
	return false
}

// segments tells whether the kernel knows of cutting (Linux 4.18).
func (s *socket) segments() bool {
	_, err := unix.GetsockoptInt(s.fd, unix.SOL_UDP, unix.UDP_SEGMENT)
	return err == nil
}

// enlarge asks for buffers of so many bytes; where that is more than the system allows,
// what it allows has to do, unless we may do as we please.
func (s *socket) enlarge(receive, send int) {
	if unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receive) != nil {
		_ = unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receive)
	}
	if unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, send) != nil {
		_ = unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_SNDBUF, send)
	}
}

// descriptors returns what epoll is to wait for.
func (s *socket) descriptors() []int { return []int{s.fd} }
