package feedback

import (
	"encoding/binary"
	"time"
)

// Transport-wide feedback tells of each packet, by a number that counts all packets of a
// path, whether and when it arrived.

// Arrival is what became of one packet.
type Arrival struct {
	Sequence uint16 // the packet's transport-wide number
	Arrived  bool
	At       int64 // nanoseconds of the receiver's clock, modulo 2^24 * 64 ms; 0 unless Arrived
	// What the sender remembers of the packet; readers leave both 0.
	Size   int   // bytes of the datagram
	SentAt int64 // monotonic nanoseconds; 0 = forgotten
}

const (
	tick          = int64(250 * time.Microsecond) // of deltas
	reference     = int64(64 * time.Millisecond)  // of reference times
	referenceMask = 1<<24 - 1
	reportHead    = 8
)

// Symbols of a packet's status.
const (
	symbolLost  = iota
	symbolSmall // a delta of one byte: 0 to 63.75 ms
	symbolLarge // of two bytes, signed
)

// MaxStatuses is how many packets a message tells of as far as it is read, and how many
// AppendTransportCC tells of at most.
const (
	MaxStatuses   = 4096
	MaxReported   = 256
	MaxReportSize = headSize + reportHead + 2*(MaxReported/7+2) + 2*MaxReported + 3 // bytes
)

// Reception is a transport-wide feedback message that was found to be whole. The zero value
// is empty.
type Reception struct {
	Count uint8 // of the message, to tell lost ones

	next   uint16
	left   int // packets still to be told of
	time   int64
	chunks []byte
	deltas []byte
	chunk  uint16
	inside int // packets still in chunk
}

// ReadTransportCC takes the control information of a transport-wide feedback message; false
// if it is malformed: chunks or deltas that end early, or a reserved symbol.
func ReadTransportCC(fci []byte) (Reception, bool) {
	if len(fci) < reportHead {
		return Reception{}, false
	}
	word := binary.BigEndian.Uint32(fci[4:])
	r := Reception{
		Count: uint8(word), next: binary.BigEndian.Uint16(fci), left: int(binary.BigEndian.Uint16(fci[2:])),
		time: int64(word>>8) * reference, chunks: fci[reportHead:],
	}
	size, ok := r.measure()
	if !ok || size > len(r.deltas) {
		return Reception{}, false
	}
	r.left = min(r.left, MaxStatuses)
	return r, true
}

// measure finds where the deltas begin and how many bytes they take.
func (r *Reception) measure() (size int, ok bool) {
	at := 0
	for left := r.left; left > 0; at += 2 {
		if at+2 > len(r.chunks) {
			return 0, false
		}
		c := binary.BigEndian.Uint16(r.chunks[at:])
		n := min(chunkLength(c), left)
		took, ok := deltaSize(c, n)
		if !ok {
			return 0, false
		}
		size += took
		left -= n
	}
	r.chunks, r.deltas = r.chunks[:at], r.chunks[at:]
	return size, true
}

// chunkLength returns of how many packets a chunk tells.
func chunkLength(c uint16) int {
	switch {
	case c&0x8000 == 0:
		return int(c & 0x1fff)
	case c&0x4000 == 0:
		return 14
	}
	return 7
}

// symbolAt returns the symbol of a chunk's i-th packet.
func symbolAt(c uint16, i int) int {
	switch {
	case c&0x8000 == 0:
		return int(c >> 13)
	case c&0x4000 == 0:
		return int(c >> (13 - i) & 1)
	}
	return int(c >> (12 - 2*i) & 3)
}

// deltaSize returns how many bytes the deltas of a chunk's first n packets take; false if a
// symbol is reserved.
func deltaSize(c uint16, n int) (size int, ok bool) {
	if c&0x8000 == 0 {
		s := symbolAt(c, 0)
		return n * s, s <= symbolLarge
	}
	for i := range n {
		s := symbolAt(c, i)
		if s > symbolLarge {
			return 0, false
		}
		size += s // a symbol is the length of its delta
	}
	return size, true
}

// Next returns what became of the next packet, in the order of their numbers.
func (r *Reception) Next() (Arrival, bool) {
	if r.left <= 0 {
		return Arrival{}, false
	}
	for r.inside == 0 {
		r.chunk = binary.BigEndian.Uint16(r.chunks)
		r.chunks, r.inside = r.chunks[2:], chunkLength(r.chunk)
	}
	s := symbolAt(r.chunk, chunkLength(r.chunk)-r.inside)
	a := Arrival{Sequence: r.next, Arrived: s != symbolLost}
	r.next++
	r.left--
	r.inside--
	switch s {
	case symbolSmall:
		r.time += int64(r.deltas[0]) * tick
	case symbolLarge:
		r.time += int64(int16(binary.BigEndian.Uint16(r.deltas))) * tick
	}
	r.deltas = r.deltas[s:]
	if a.Arrived {
		a.At = r.time
	}
	return a, true
}

// Report is what AppendTransportCC writes.
type Report struct {
	Sender, Media uint32
	Count         uint8  // of the message: one more than in the one before
	First         uint16 // number of the packet that Times begins with
	// Times are the arrivals of the packets from First on, nanoseconds of any clock that
	// does not run backwards; below 0 = not arrived.
	Times []int64
}

// AppendTransportCC writes a message about as many packets from the first on as it may hold,
// and returns of how many it tells: MaxReported at most, and fewer where two arrivals lie
// further apart than a delta can say. It writes nothing and returns 0 if none of them arrived.
func AppendTransportCC(dst []byte, r *Report) ([]byte, int) {
	times := r.Times[:min(len(r.Times), MaxReported)]
	first := 0
	for first < len(times) && times[first] < 0 {
		first++
	}
	if first == len(times) {
		return dst, 0
	}
	base := times[first] / reference
	var symbols [MaxReported]uint8
	var room [2 * MaxReported]byte
	deltas, n := appendDeltas(room[:0], &symbols, times, base*(reference/tick))
	start := len(dst)
	dst = Append(dst, TypeTransport, FormatTransportCC, r.Sender, r.Media, 0)
	dst = binary.BigEndian.AppendUint16(dst, r.First)
	dst = binary.BigEndian.AppendUint16(dst, uint16(n))
	dst = binary.BigEndian.AppendUint32(dst, uint32(base&referenceMask)<<8|uint32(r.Count))
	dst = appendChunks(dst, symbols[:n])
	dst = append(dst, deltas...)
	for (len(dst)-start)%4 != 0 {
		dst = append(dst, 0)
	}
	Fill(dst[start:])
	return dst, n
}

// appendDeltas writes the deltas from a time in ticks on, and the symbols that go with them.
func appendDeltas(dst []byte, symbols *[MaxReported]uint8, times []int64, last int64) ([]byte, int) {
	for i, t := range times {
		if t < 0 {
			symbols[i] = symbolLost
			continue
		}
		d := t/tick - last
		switch {
		case d >= 0 && d <= 0xff:
			symbols[i], dst = symbolSmall, append(dst, byte(d))
		case d == int64(int16(d)):
			symbols[i], dst = symbolLarge, binary.BigEndian.AppendUint16(dst, uint16(d))
		default:
			return dst, i
		}
		last += d
	}
	return dst, len(times)
}

// appendChunks writes symbols in chunks: a run where it is as long as what a vector holds,
// or ends the list; else a vector of one bit where no delta is large, else one of two.
func appendChunks(dst []byte, symbols []uint8) []byte {
	for len(symbols) > 0 {
		run, small := 1, 0
		for run < len(symbols) && symbols[run] == symbols[0] {
			run++
		}
		for small < min(len(symbols), 14) && symbols[small] <= symbolSmall {
			small++
		}
		n, chunk := run, uint16(symbols[0])<<13|uint16(run)
		switch {
		case run >= 14 || run == len(symbols) || symbols[0] == symbolLarge && run >= 7:
		case small == min(len(symbols), 14):
			n, chunk = small, vector(symbols[:small], 0x8000, 13, 1)
		default:
			n = min(len(symbols), 7)
			chunk = vector(symbols[:n], 0xc000, 12, 2)
		}
		dst = binary.BigEndian.AppendUint16(dst, chunk)
		symbols = symbols[n:]
	}
	return dst
}

// vector puts symbols of some bits side by side below the chunk's mark.
func vector(symbols []uint8, mark uint16, shift, width int) uint16 {
	for i, s := range symbols {
		mark |= uint16(s) << (shift - width*i)
	}
	return mark
}
