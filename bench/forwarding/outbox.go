//go:build linux

package forwarding

import (
	"encoding/binary"
	"unsafe"

	"github.com/pion/rtp"
	"golang.org/x/sys/unix"

	"github.com/confd/confd/bench/wire"
)

// Bounds of what one message of the floor carries. The kernel cuts a message into 64 packets
// at most, and it has less than 64 KB.
const (
	outboxMessages = 64
	maxSegments    = 48
	headerSize     = 12
)

// outbox collects messages and sends them all by one system call. A message is a packet, or
// a picture that the kernel cuts into packets of equal size. Plain payloads are not copied.
type outbox struct {
	socket    *wire.Socket
	segmented bool
	tag       int
	messages  [outboxMessages]struct {
		header unix.Msghdr
		length uint32
	}
	pieces  [outboxMessages][2 * maxSegments]unix.Iovec
	peers   [outboxMessages]wire.Peer
	cuts    [outboxMessages][24]byte // the control message that says where to cut
	heads   [outboxMessages][maxSegments][headerSize]byte
	sealed  [outboxMessages][]byte // room for protected packets
	plain   []byte
	parsed  rtp.Header
	n       int
	dropped uint64 // messages that the kernel did not take
}

func newOutbox(s *wire.Socket, segmented bool, tag int) *outbox {
	b := &outbox{socket: s, segmented: segmented, tag: tag, plain: make([]byte, wire.BatchDatagram)}
	for i := range b.messages {
		h := &b.messages[i].header
		h.Name, h.Namelen = &b.peers[i][0], unix.SizeofSockaddrInet6
		h.Iov = &b.pieces[i][0]
		if tag > 0 {
			b.sealed[i] = make([]byte, 0, maxSegments*(wire.BatchDatagram))
		}
		c := b.cuts[i][:]
		binary.NativeEndian.PutUint64(c, uint64(unix.CmsgLen(2)))
		binary.NativeEndian.PutUint32(c[8:], unix.SOL_UDP)
		binary.NativeEndian.PutUint32(c[12:], unix.UDP_SEGMENT)
	}
	return b
}

// send adds a picture for one sink.
func (b *outbox) send(s *sink, picture [][]byte) {
	most := 1
	if b.segmented {
		most = maxSegments
	}
	for len(picture) > 0 {
		n := run(picture, most)
		b.add(s, picture[:n])
		picture = picture[n:]
	}
}

// run is how many packets from the first are of its size, but for the last.
func run(picture [][]byte, most int) int {
	n := 1
	for n < min(len(picture), most) {
		if len(picture[n]) > len(picture[0]) {
			break
		}
		if n++; len(picture[n-1]) < len(picture[0]) {
			break
		}
	}
	return n
}

func (b *outbox) add(s *sink, packets [][]byte) {
	if b.n == outboxMessages {
		b.flush()
	}
	i := b.n
	b.n++
	h := &b.messages[i].header
	b.peers[i] = s.to
	if s.seal != nil {
		b.seal(i, s, packets)
	} else {
		b.gather(i, s, packets)
	}
	h.Control, h.Controllen = nil, 0
	if len(packets) > 1 {
		binary.NativeEndian.PutUint16(b.cuts[i][16:], uint16(len(packets[0])+b.tag))
		h.Control = &b.cuts[i][0]
		h.SetControllen(len(b.cuts[i]))
	}
	h.Name, h.Namelen = &b.peers[i][0], unix.SizeofSockaddrInet6
	if s.socket != nil {
		h.Name, h.Namelen = nil, 0
		b.post(s.socket)
	}
}

// gather points a message at headers of its own and payloads where they are.
func (b *outbox) gather(i int, s *sink, packets [][]byte) {
	for k, p := range packets {
		head := &b.heads[i][k]
		s.head(head[:], p)
		at := b.pieces[i][2*k:]
		at[0].Base, at[1].Base = &head[0], &p[headerSize]
		at[0].SetLen(headerSize)
		at[1].SetLen(len(p) - headerSize)
	}
	b.messages[i].header.SetIovlen(2 * len(packets))
}

// seal protects the packets one behind the other.
func (b *outbox) seal(i int, s *sink, packets [][]byte) {
	room := b.sealed[i][:0]
	for _, p := range packets {
		plain := b.plain[:copy(b.plain, p)]
		s.head(plain, p)
		at := len(room)
		c, err := s.seal.EncryptRTP(room[at:at:cap(room)], plain, &b.parsed)
		if err != nil {
			b.dropped++
			continue
		}
		room = room[:at+len(c)]
	}
	b.pieces[i][0].Base = unsafe.SliceData(room)
	b.pieces[i][0].SetLen(len(room))
	b.messages[i].header.SetIovlen(1)
}

// flush sends what was added.
func (b *outbox) flush() { b.post(b.socket) }

func (b *outbox) post(from *wire.Socket) {
	for at := 0; at < b.n; {
		n, _, err := unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(from.FD()),
			uintptr(unsafe.Pointer(&b.messages[at])), uintptr(b.n-at), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
		if err != 0 || n == 0 {
			b.dropped++
			n = 1
		}
		at += int(n)
	}
	b.n = 0
}
