package ingress

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"github.com/confd/confd/media"
	"github.com/confd/confd/transport"
)

// source makes the packets of pictures, whose descriptors are right and whose insides are
// not: nothing here decodes.
type source struct {
	codec     media.VideoCodec
	sequence  uint16
	timestamp uint32
	bare      bool // VP8 without picture ids and layers; H.264 without parameter sets
	unmarked  bool
	id        uint16
	tl0       uint8
}

// shape is what a picture is to be like.
type shape struct {
	packets        int // 0 is 1
	key            bool
	temporal       uint8
	sync, unneeded bool
	size           int // of a packet, 0 is 100
}

// picture returns the packets of the next picture.
func (s *source) picture(f shape) []transport.VideoPacket {
	s.timestamp += 3000
	s.id = (s.id + 1) & 0x7fff
	if f.temporal == 0 {
		s.tl0++
	}
	f.packets, f.size = max(f.packets, 1), max(f.size, 100)
	var all []transport.VideoPacket
	if s.codec == media.H264 && f.key && !s.bare {
		all = append(all, s.packet([]byte{0x67, 0x42, 0xe0, 0x1f, 0x80, 1, 2, 3}), s.packet([]byte{0x68, 0xce, 0x38, 0x80}))
	}
	for n := range f.packets {
		payload := make([]byte, f.size)
		copy(payload, s.head(f, n))
		binary.BigEndian.PutUint32(payload[20:], s.timestamp)
		all = append(all, s.packet(payload))
	}
	all[len(all)-1].Marker = !s.unmarked
	return all
}

// padding returns a packet without payload.
func (s *source) padding() transport.VideoPacket { return s.packet(nil) }

func (s *source) packet(payload []byte) transport.VideoPacket {
	s.sequence++
	return transport.VideoPacket{Sequence: s.sequence, Timestamp: s.timestamp, Payload: payload}
}

// head returns how the payload of a picture's packet number n begins.
func (s *source) head(f shape, n int) []byte {
	if s.codec == media.H264 {
		return slice(f, n)
	}
	first := byte(0)
	if n == 0 {
		first |= 0x10
	}
	if f.unneeded {
		first |= 0x20
	}
	head := []byte{first}
	if !s.bare {
		layer := f.temporal << 6
		if f.sync {
			layer |= 0x20
		}
		head = []byte{first | 0x80, 0xe0, 0x80 | byte(s.id>>8), byte(s.id), s.tl0, layer}
	}
	if f.key {
		return append(head, 0x10, 0, 0, 0x9d, 1, 0x2a, 0x80, 2, 0xe0, 1) // 640 x 480
	}
	return append(head, 0x11)
}

// slice returns the beginning of an H.264 slice: an IDR or not, a reference or not, the first
// of its picture or not.
func slice(f shape, n int) []byte {
	head := []byte{0x41, 0x9a}
	if f.unneeded {
		head[0] = 0x01
	}
	if f.key {
		head[0] = 0x65
	}
	if n > 0 {
		head[1] = 0x5a // first_mb_in_slice is above 0
	}
	return head
}

// run drives a Stream as its worker does, and checks what every picture has to be.
type run struct {
	*testing.T
	s      *Stream
	now    int64
	frames []Frame
	end    uint64
}

func newRun(t *testing.T, c Config) *run {
	t.Helper()
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return &run{T: t, s: s, now: int64(time.Hour)}
}

// put hands packets in that arrive now, then takes the pictures that are whole.
func (r *run) put(packets ...transport.VideoPacket) {
	r.Helper()
	for _, p := range packets {
		p.Arrival, p.Payload = r.now, bytes.Clone(p.Payload)
		r.s.Put(&p)
		for i := range p.Payload { // it is the Stream's no longer
			p.Payload[i] = 0xa5
		}
	}
	r.turn()
}

func (r *run) turn() {
	r.Helper()
	r.s.Advance(r.now)
	for f := r.s.Next(); f != nil; f = r.s.Next() {
		r.check(f)
		r.frames = append(r.frames, *f)
	}
}

func (r *run) pass(d time.Duration) {
	r.Helper()
	r.now += int64(d)
	r.turn()
}

// check asserts that a picture is whole, newer than all before, and in the form promised.
func (r *run) check(f *Frame) {
	r.Helper()
	if f.First < r.end || f.Number != uint64(len(r.frames)+1) || f.Count < 1 || f.Stream != r.s {
		r.Fatalf("picture %d of %d packets at %d, after %d pictures up to %d", f.Number, f.Count, f.First, len(r.frames), r.end)
	}
	r.end = f.First + uint64(f.Count)
	bytes := 0
	for ext := f.First; ext < r.end; ext++ {
		p, ok := r.s.Packet(ext)
		if !ok {
			r.Fatalf("picture %d lacks packet %d of %d", f.Number, ext-f.First, f.Count)
		}
		bytes += len(p.Payload)
		if p.Timestamp != f.Timestamp || p.Marker != (ext == r.end-1) {
			r.Fatalf("packet %d of %d has timestamp %d, marker %v", ext-f.First, f.Count, p.Timestamp, p.Marker)
		}
	}
	if bytes != f.Bytes {
		r.Fatalf("picture %d has %d bytes, says %d", f.Number, bytes, f.Bytes)
	}
}

// want asserts the counts of pictures handed out so far and of those that can be decoded.
func (r *run) want(all, decodable int) {
	r.Helper()
	n := 0
	for _, f := range r.frames {
		if !f.After {
			n++
		}
	}
	if len(r.frames) != all || n != decodable {
		r.Fatalf("%d pictures, %d of them decodable, want %d and %d; %+v", len(r.frames), n, all, decodable, r.s.Stats())
	}
}

func (r *run) missing() []uint16 { return r.s.Missing(r.now, nil) }
