package transport

import (
	"sync"
	"sync/atomic"
	"unsafe"
)

const (
	maxSegments = 64     // packets that the kernel cuts from one buffer at most
	maxRun      = 65_000 // bytes of them: below the largest UDP datagram
)

// batch is the packets that go to the kernel at once, one behind the other. Copying them costs
// less than handing over where their parts lie: the kernel would walk through fifteen places
// instead of one, and the copy is warm when it comes to it.
type batch struct {
	segment int // size of all packets but the last
	packets int
	from    [maxSegments + 1]int // where a packet begins
	bulk    [maxRun + MaxVideoDatagram]byte
	system  batchSystem
}

var batches = sync.Pool{New: func() any {
	m := new(batch)
	m.system.begin()
	return m
}}

// start begins a batch of packets of one size, of which the last may be smaller.
func (m *batch) start(size int) { m.segment, m.packets = size, 0 }

// room returns where the next packet is to be appended.
func (m *batch) room() []byte { return m.bulk[m.from[m.packets]:m.from[m.packets]] }

// add takes a packet that was appended to room.
func (m *batch) add(b []byte) {
	m.packets++
	m.from[m.packets] = m.from[m.packets-1] + len(b)
}

// slice returns n packets from one on.
func (m *batch) slice(first, n int) []byte { return m.bulk[m.from[first]:m.from[first+n]] }

// rtxStream is the stream of retransmissions (RFC 4588).
type rtxStream struct {
	ssrc                    atomic.Uint32
	sequence                uint16
	packets, octets, atLast uint32 // as in reporter
	stamp                   uint32
	stampTime               int64
}

// begin starts a stream under an SSRC of its own.
func (x *rtxStream) begin(main uint32) {
	ssrc := Random32()
	for ssrc == main {
		ssrc = Random32()
	}
	x.ssrc.Store(ssrc)
	x.sequence = uint16(Random32() & 0x7fff)
	x.packets, x.octets, x.atLast = 0, 0, 0
}

// wire is what every packet of egress asks, gathered where it is at hand.
type wire struct {
	pt, rtxPT, numberID uint8  // SendPT, SendRTX, TransportCCID
	begun               bool   // a packet was sent
	number              uint16 // transport-wide, of the next packet
	cipherSize          uint16
	around              int // bytes that a packet has around its payload, without RFC 4588's
	// segments is the size in bytes of the largest packet that the kernel is known or
	// believed to cut; 0 = it cuts none.
	segments int
	refusals int // times that it did not
	runs     atomic.Uint64
	// for NearSetup
	keys   *cryptoKeys
	gcm    *gcmSealer
	cipher unsafe.Pointer // see cryptoKeys.cipher
}

// maxRefusals is how often the kernel may refuse to cut before it is not asked any more.
const maxRefusals = 4

// begin takes what was negotiated, and believes in the socket's best.
func (w *wire) begin(p *VideoParams, c *crypto, s *socket) {
	w.pt, w.rtxPT, w.numberID = p.SendPT, p.SendRTX, p.TransportCCID
	w.around = headerSize + c.overhead()
	if w.keys, w.gcm, w.cipher, w.cipherSize = nil, nil, nil, 0; c != nil {
		w.keys, w.gcm = c.cryptoKeys, c.gcm
		w.cipher, w.cipherSize = c.cipher()
	}
	if w.numberID != 0 {
		w.around += numberSize
	}
	w.segments, w.refusals = 0, 0
	if s.segments() {
		w.segments = MaxVideoDatagram
	}
}

// refused takes note that packets of a size were not cut.
func (w *wire) refused(size int) {
	w.segments = size - 1
	if w.refusals++; w.refusals >= maxRefusals {
		w.segments = 0
	}
}
