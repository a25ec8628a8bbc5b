package ingress

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/confd/confd/media"
	"github.com/confd/confd/transport"
)

// truth is what a source sent: pictures with what they need.
type truth struct {
	pictures map[uint32]*sent // by timestamp
	order    int
}

type sent struct {
	packets  []transport.VideoPacket
	needs    []*sent
	order    int
	got, key bool
}

// decoder is the oracle: it tells which of the pictures that it was given can be decoded.
func (p *sent) decodable() bool {
	if !p.got {
		return false
	}
	for _, n := range p.needs {
		if !n.got {
			return false
		}
	}
	return true
}

// encoder sends pictures in temporal layers: one of the base layer needs the last of that, one
// above needs the last of all layers up to its own, unless it is a sync picture, which needs
// the base layer only.
type encoder struct {
	source
	truth
	last [3]*sent
}

func (e *encoder) next(r *rand.Rand, layers uint8, key bool) []transport.VideoPacket {
	f := shape{packets: 1 + r.IntN(6), key: e.order == 0 || key && r.IntN(4) == 0}
	if !f.key && layers > 0 {
		f.temporal = uint8(r.IntN(int(layers)))
		f.sync = f.temporal > 0 && r.IntN(5) == 0
		f.unneeded = f.temporal == layers-1 && f.temporal > 0 && r.IntN(2) == 0
	}
	p := &sent{packets: e.picture(f), key: f.key, order: e.order}
	e.order++
	for t := uint8(0); t <= f.temporal && !f.key; t++ {
		if e.last[t] != nil && (t == 0 || !f.sync) {
			p.needs = append(p.needs, e.last[t])
		}
	}
	if f.key {
		e.last = [3]*sent{}
	}
	if !f.unneeded {
		e.last[f.temporal] = p
	}
	e.pictures[e.timestamp] = p
	return slices.Clone(p.packets)
}

// Whatever is lost, repeated, reordered and repaired: every picture is whole and exactly one
// that was sent, in order, and one that says it can be decoded can.
func TestPicturesThroughABadNetwork(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 5))
		codec := media.VP8
		layers := uint8(1 + seed%3)
		if seed%4 == 3 {
			codec, layers = media.H264, 1
		}
		nack := seed%2 == 0
		u := newRun(t, Config{Codec: codec, NACK: nack, Packets: 256})
		e := &encoder{source: source{codec: codec, bare: seed%5 == 4 && codec == media.VP8 && layers == 1, unmarked: seed%7 == 6}, truth: truth{pictures: map[uint32]*sent{}}}
		e.sequence = uint16(r.Uint32())
		channel(u, e, r, layers, nack)
		decodable := e.compare(u, seed)
		if st := u.s.Stats(); len(u.frames) < 200 || decodable < 100 || st.GivenUp == 0 && st.Repaired == 0 {
			t.Errorf("seed %d: %d pictures, %d decodable: %+v", seed, len(u.frames), decodable, st)
		}
	}
}

// channel sends 400 pictures, with 2 % loss, with packets late and twice, and repairs half of
// what is asked for.
func channel(u *run, e *encoder, r *rand.Rand, layers uint8, nack bool) {
	history := map[uint16]transport.VideoPacket{}
	var late []transport.VideoPacket
	for range 400 {
		u.now += 33 * millisecond
		batch := late
		late = nil
		for _, p := range e.next(r, layers, u.s.WantsKey(u.now)) {
			history[p.Sequence] = p
			switch n := r.IntN(100); {
			case n < 2:
			case n < 4 && nack:
				late = append(late, p)
			case n < 6:
				batch = append(batch, p, p)
			default:
				batch = append(batch, p)
			}
		}
		if r.IntN(10) == 0 && len(batch) > 1 {
			i := r.IntN(len(batch) - 1)
			batch[i], batch[i+1] = batch[i+1], batch[i]
		}
		u.put(batch...)
		for _, sequence := range u.missing() {
			if p, ok := history[sequence]; ok && r.IntN(2) == 0 {
				p.Repaired = true
				late = append(late, p)
			}
		}
	}
}

// compare checks what was handed out against what was sent.
func (e *encoder) compare(u *run, seed uint64) (decodable int) {
	order := -1
	for _, f := range u.frames {
		p := e.pictures[f.Timestamp]
		if p == nil || f.Count != len(p.packets) || p.order <= order {
			u.Fatalf("seed %d: picture %+v is none that was sent, or comes again: %+v", seed, f, p)
		}
		order = p.order
		if f.After {
			continue
		}
		p.got = true
		if decodable++; !p.decodable() {
			u.Fatalf("seed %d: picture %d (%+v) says that it can be decoded", seed, p.order, f)
		}
	}
	return decodable
}

// FuzzPut puts arbitrary packets, near and far, in any order of time. check holds for
// everything that is handed out, and memory and requests stay within their bounds.
func FuzzPut(f *testing.F) {
	f.Add(uint8(1), []byte{0, 1, 0, 1, 0x80, 2, 0x10, 1, 0, 0, 2, 0x80, 3, 0x90})
	f.Add(uint8(3), []byte{0, 1, 0, 1, 0x80, 4, 0x67, 1, 2, 3, 4, 0, 1, 0x81, 0, 9, 0x80, 2, 0x65, 0x88})
	f.Add(uint8(0x82), []byte{1, 0, 0, 1, 0x80, 0xff, 3, 3, 3})
	f.Fuzz(func(t *testing.T, kind uint8, data []byte) {
		r := newRun(t, Config{Codec: media.VP8 + media.VideoCodec(kind&0x7f)%5, NACK: kind&0x80 == 0, Packets: 64})
		var p transport.VideoPacket
		for len(data) >= 5 {
			p.Sequence += binary.BigEndian.Uint16(data) - 2
			p.Timestamp += uint32(data[2] & 3)
			r.now += int64(data[2]>>2) * millisecond
			p.Marker, p.Repaired = data[3]&1 != 0, data[3]&2 != 0
			size := min(int(data[4]&0x3f), len(data)-5)
			p.Payload = data[5 : 5+size]
			if data[3]&4 != 0 {
				p.FrameMarking = p.Payload[:min(3, size)]
			}
			if data[3]&0xf8 == 0xf8 {
				r.s.Reset()
			}
			data = data[5+size:]
			r.put(p)
			bounded(r)
		}
	})
}

func bounded(r *run) {
	asked, due := len(r.missing()), r.s.Due()
	if asked > MaxOutstanding || len(r.s.losses.list) > MaxOutstanding {
		r.Fatalf("%d numbers are asked for", asked)
	}
	if due != 0 && due > r.now+mostPatience {
		r.Fatalf("due in %d ns", due-r.now)
	}
	st := r.s.Stats()
	if st.Memory > 64*SlotSize || len(r.s.Parameters()) > MaxSets {
		r.Fatalf("%d bytes, %d sets", st.Memory, len(r.s.Parameters()))
	}
	if r.s.started && r.s.highest+1-r.s.needed() > uint64(r.s.ring.bound) {
		r.Fatalf("%d to %d do not fit the ring", r.s.needed(), r.s.highest)
	}
	if st.Frames != st.Frames-st.Undecodable+uint64(count(r.frames, func(f Frame) bool { return f.After })) {
		r.Fatalf("%+v", st)
	}
}

func count(frames []Frame, is func(Frame) bool) (n int) {
	for _, f := range frames {
		if is(f) {
			n++
		}
	}
	return n
}
