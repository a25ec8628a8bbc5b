package transport

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// videoScratch holds the packets that go at once: plain ones as lists of where their parts
// lie, sealed ones one behind the other.
type videoScratch struct {
	segment int // size of all packets but the last
	packets int
	parts   int                    // entries of iov in use
	from    [maxSegments + 1]uint8 // entry of iov at which a packet begins
	iov     [3 * maxSegments]unix.Iovec
	hdr     unix.Msghdr
	control [32]byte // a Cmsghdr and a uint16
	heads   [maxSegments * maxVideoHead]byte
	used    int // bytes of heads or bulk
	bulk    [maxRun + MaxVideoDatagram]byte
}

func newVideoScratch() *videoScratch {
	m := new(videoScratch)
	h := (*unix.Cmsghdr)(unsafe.Pointer(&m.control[0]))
	h.Level, h.Type = unix.SOL_UDP, unix.UDP_SEGMENT
	h.SetLen(unix.CmsgLen(2))
	return m
}

// start begins a run of packets of one size, of which the last may be smaller.
func (m *videoScratch) start(size int) {
	m.segment, m.packets, m.parts, m.used = size, 0, 0, 0
}

// head returns where the next plain packet's header is to be appended.
func (m *videoScratch) head() []byte { return m.heads[m.used:m.used:len(m.heads)] }

// slab returns where the next sealed packet is to be appended.
func (m *videoScratch) slab() []byte { return m.bulk[m.used:m.used:len(m.bulk)] }

// plain adds a packet of three parts; its header was appended to head.
func (m *videoScratch) plain(header, head, body []byte) {
	m.used += len(header)
	m.add(header)
	m.add(head)
	m.add(body)
	m.end()
}

// sealed adds a packet that was appended to slab.
func (m *videoScratch) sealed(b []byte) {
	m.used += len(b)
	m.add(b)
	m.end()
}

func (m *videoScratch) add(b []byte) {
	if len(b) > 0 {
		m.iov[m.parts].Base = &b[0]
		m.iov[m.parts].SetLen(len(b))
		m.parts++
	}
}

func (m *videoScratch) end() {
	m.packets++
	m.from[m.packets] = uint8(m.parts)
}

// send writes n packets from one on; if there are several, the kernel is to cut them.
func (m *videoScratch) send(s *socket, connected bool, first, n int) verdict {
	h := &m.hdr
	begin, end := int(m.from[first]), int(m.from[first+n])
	if begin == end {
		return ioFailed // could not be sealed
	}
	h.Name, h.Namelen = nil, 0
	if !connected {
		h.Name, h.Namelen = &s.remote.raw[0], s.remote.len
	}
	h.Iov = &m.iov[begin]
	h.SetIovlen(end - begin)
	h.Control = nil
	h.SetControllen(0)
	if n > 1 {
		*(*uint16)(unsafe.Pointer(&m.control[unix.CmsgLen(0)])) = uint16(m.segment)
		h.Control = &m.control[0]
		h.SetControllen(unix.CmsgSpace(2))
	}
	_, _, errno := unix.RawSyscall6(unix.SYS_SENDMSG, uintptr(s.fd), uintptr(unsafe.Pointer(h)),
		unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0, 0)
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

// forget lets go of the caller's memory.
func (m *videoScratch) forget() {
	clear(m.iov[:])
	m.hdr.Iov, m.hdr.Name = nil, nil
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
