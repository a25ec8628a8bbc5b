package ingress

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/pion/rtp"

	"github.com/confd/confd/internal/testkit/film"
	"github.com/confd/confd/media"
	"github.com/confd/confd/transport"
)

// recording is the packets of a real encoder, whose markers are right. payload/testdata tells
// what is in which.
func recording(t *testing.T, file string) (packets []transport.VideoPacket) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "payload", "testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	all, err := film.ReadRTP(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range all {
		var p rtp.Packet
		if err := p.Unmarshal(one.Data); err != nil {
			t.Fatal(err)
		}
		packets = append(packets, transport.VideoPacket{Arrival: int64(one.At), Timestamp: p.Timestamp, Sequence: p.SequenceNumber, Marker: p.Marker, Payload: p.Payload})
	}
	return packets
}

var recordings = []struct {
	file  string
	codec media.VideoCodec
}{
	{"vp8.rtpdump", media.VP8}, {"vp9.rtpdump", media.VP9}, {"h264.rtpdump", media.H264},
	{"h264-slices.rtpdump", media.H264}, {"h265.rtpdump", media.H265},
}

// play plays a recording, without the packets that lose picks.
func play(t *testing.T, c Config, packets []transport.VideoPacket, lose func() bool) *run {
	r := newRun(t, c)
	began := r.now
	for _, p := range packets {
		r.now = began + p.Arrival
		if !lose() {
			r.put(p)
		}
	}
	r.pass(1000 * ms)
	return r
}

func TestStreamsOfRealEncoders(t *testing.T) {
	for _, c := range recordings {
		t.Run(c.file, func(t *testing.T) {
			r := play(t, Config{Codec: c.codec}, recording(t, c.file), func() bool { return false })
			r.want(100, 100)
			for i, f := range r.frames {
				if f.Key != (i%30 == 0) || f.Parameters != (f.Key && r.s.quiet()) || f.Width < 320 || f.Height < 180 {
					t.Errorf("picture %d: %+v", i, f)
				}
			}
		})
	}
}

// With packets missing, every picture is one of the encoder's, whole, and none says that it is
// decodable when one of the base layer that others need is missing before it.
func TestStreamsOfRealEncodersWithLoss(t *testing.T) {
	for _, c := range recordings {
		packets := recording(t, c.file)
		clean := play(t, Config{Codec: c.codec}, packets, func() bool { return false })
		of := map[uint32]int{}
		for i, f := range clean.frames {
			of[f.Timestamp] = i
		}
		decodable := 0
		for seed := range uint64(50) {
			random := rand.New(rand.NewPCG(seed, 1))
			r := play(t, Config{Codec: c.codec}, packets, func() bool { return random.IntN(50) == 0 })
			next := 0
			for _, f := range r.frames {
				i := of[f.Timestamp]
				whole := clean.frames[i]
				if f.Count != whole.Count || f.Bytes != whole.Bytes || f.Key && !whole.Key {
					t.Fatalf("%s, seed %d, picture %d: %+v, want %+v", c.file, seed, i, f, whole)
				}
				if f.After {
					continue
				}
				if f.Key {
					next = i
				}
				for ; next < i; next++ {
					if w := clean.frames[next]; !w.Discardable && w.Temporal == 0 {
						t.Fatalf("%s, seed %d: picture %d says that it is decodable, %d is missing", c.file, seed, i, next)
					}
				}
				next = i + 1
				decodable++
			}
		}
		if decodable < 50*100/4 {
			t.Errorf("%s: %d of 5000 pictures are decodable", c.file, decodable)
		}
	}
}

// Pictures that need what was before a key frame are left out, and nothing that is decodable with
// them: a decoder that begins at any key frame lacks none.
func TestOpenGroupsOfPictures(t *testing.T) {
	packets := recording(t, "h265-open.rtpdump")
	sent := kindsOf(packets)
	if sent[h265CRA] == 0 || sent[8]+sent[9] == 0 {
		t.Fatalf("the recording has no open groups: %v", sent)
	}
	r := play(t, Config{Codec: media.H265}, packets, func() bool { return false })
	left := r.s.Stats().Leading
	if left == 0 || len(r.frames)+int(left) != 100 || r.s.Stats().GivenUp+r.s.Stats().Undecodable != 0 {
		t.Errorf("%d pictures, %+v", len(r.frames), r.s.Stats())
	}
	keys := 0
	for i, f := range r.frames {
		if f.Number != uint64(i+1) || f.After {
			t.Errorf("picture %d: %+v", i, f)
		}
		if f.Key {
			keys++
		}
	}
	if keys != 4 {
		t.Errorf("%d key frames", keys)
	}
}

// A picture that is left out anyway breaks nothing when a part of it is lost.
func TestLosingWhatIsLeftOut(t *testing.T) {
	const rasl = 9
	var packets []transport.VideoPacket
	added := uint16(0)
	for _, p := range recording(t, "h265-open.rtpdump") {
		p.Sequence += added
		if added > 0 || p.Payload[0]>>1&0x3f != rasl {
			packets = append(packets, p)
			continue
		}
		begin, end := p, p // of three packets, and the second is lost
		begin.Payload, begin.Marker = []byte{h265FU << 1, 1, 0x80 | rasl, 7}, false
		end.Payload, end.Sequence = []byte{h265FU << 1, 1, 0x40 | rasl, 7}, p.Sequence+2
		packets, added = append(packets, begin, end), 2
	}
	r := play(t, Config{Codec: media.H265}, packets, func() bool { return false })
	if s := r.s.Stats(); added == 0 || s.Undecodable != 0 || s.GivenUp != 1 || len(r.frames)+int(s.Leading)+1 != 100 {
		t.Errorf("%d pictures, %+v", len(r.frames), s)
	}
}

// kindsOf counts the NAL units of H.265 of which packets hold the beginning, by type.
func kindsOf(packets []transport.VideoPacket) (n [64]int) {
	for _, p := range packets {
		switch kind := p.Payload[0] >> 1 & 0x3f; kind {
		case h265FU:
			if p.Payload[2]&0x80 != 0 {
				n[p.Payload[2]&0x3f]++
			}
		case h265AP:
			for b := p.Payload[2:]; len(b) > 2; b = b[2+int(b[0])<<8+int(b[1]):] {
				n[b[2]>>1&0x3f]++
			}
		default:
			n[kind]++
		}
	}
	return n
}
