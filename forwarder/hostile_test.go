package forwarder

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/confd/confd/internal/testkit/pictures"
	"github.com/confd/confd/media"
	"github.com/confd/confd/transport"
)

// pair is a source and who looks at it, in the same room as somebody hostile.
type pair struct {
	b           *bed
	source, eye *phone
	from        int64
}

func (b *bed) pair() *pair {
	p := &pair{b: b, source: b.join(both(), pictures.Config{}), eye: b.viewer()}
	b.shows(p.source, p.eye)
	b.run(200 * time.Millisecond)
	p.from = b.now
	return p
}

// unharmed checks that the pair's pictures came, every one, as if nobody else were there.
func (p *pair) unharmed() {
	p.b.t.Helper()
	want := int((p.b.now-200*ms-1000*second)/(40*ms)) - 1
	if seen := p.eye.check(); len(seen) < want {
		p.b.t.Errorf("the neighbour saw %d pictures, want %d", len(seen), want)
	}
	if len(p.source.asked) > 1 {
		p.b.t.Errorf("the neighbour was asked for %d key frames, want one", len(p.source.asked))
	}
}

// hostile adds a source that a test speaks for, and who looks at it.
func (b *bed) hostile(c LineConfig) (bad, eye *phone) {
	bad = b.join(c, pictures.Config{})
	bad.stop()
	eye = b.join(c, pictures.Config{})
	eye.stop()
	b.shows(bad, eye)
	return bad, eye
}

// flood has somebody send so many packets a millisecond, for a time.
func (p *phone) flood(d time.Duration, each int, make func(n int) pictures.Packet) {
	n := 0
	for end := p.bed.now + int64(d); p.bed.now < end; p.bed.step() {
		for range each {
			one := make(n)
			p.post(&one, p.bed.now, false)
			n++
		}
	}
}

func noise(r *rand.Rand, most int) []byte {
	b := make([]byte, r.IntN(most))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

var formats = []media.VideoFormat{vp8, {Codec: media.VP9}, {Codec: media.H264, Profile: media.H264Baseline, PacketizationMode: 1},
	{Codec: media.H265, Profile: 1}, {Codec: media.AV1}}

func TestCorruptDescriptors(t *testing.T) {
	for _, f := range formats {
		b := newBed(t, Config{})
		pair := b.pair()
		bad, _ := b.hostile(LineConfig{Format: f, NACK: true, Send: true, Receive: true})
		r := rand.New(rand.NewPCG(1, uint64(f.Codec)))
		bad.flood(2*time.Second, 2, func(n int) pictures.Packet {
			return pictures.Packet{SSRC: 7, Sequence: uint16(n), Timestamp: uint32(n/3) * 3000, Marker: n%3 == 2, Payload: noise(r, 1400)}
		})
		b.run(300 * time.Millisecond)
		pair.unharmed()
		if s := bad.line.Stats().Ingress; s.Streams.Malformed == 0 || s.Streams.Memory > 4<<20 {
			t.Errorf("%v: %+v", f, s)
		}
	}
}

func TestEndlessPicture(t *testing.T) {
	b := newBed(t, Config{})
	pair := b.pair()
	bad, eye := b.hostile(both())
	one := bad.cam.Next(true)[1]
	bad.flood(3*time.Second, 2, func(n int) pictures.Packet {
		one.Sequence++
		one.Marker = false
		return one
	})
	b.run(300 * time.Millisecond)
	pair.unharmed()
	if s := bad.line.Stats().Ingress.Streams; s.GivenUp == 0 || s.Memory > 4<<20 || len(eye.heard) > 0 {
		t.Errorf("%d packets went out; %+v", len(eye.heard), s)
	}
}

// A source of H.264 that never sends parameter sets is shown to nobody, and asked ever more
// rarely.
func TestMissingParameterSets(t *testing.T) {
	b := newBed(t, Config{})
	pair := b.pair()
	h264 := both()
	h264.Format, h264.NACK = formats[2], false // or they would be repaired
	bad := b.join(h264, pictures.Config{})
	bad.lose = func(p *pictures.Packet) bool {
		kind := p.Payload[0] & 0x1f
		return kind == 7 || kind == 8 || kind == 24
	}
	eye := b.join(h264, pictures.Config{})
	eye.stop()
	b.shows(bad, eye)
	b.run(20 * time.Second)
	pair.unharmed()
	if len(eye.heard) > 0 {
		t.Errorf("%d packets went out", len(eye.heard))
	}
	if n := len(bad.asked); n < 8 || n > 20*1000/300+1 {
		t.Errorf("asked %d times in 20 s", n)
	}
}

func TestSequenceJumps(t *testing.T) {
	b := newBed(t, Config{})
	pair := b.pair()
	bad, eye := b.hostile(both())
	bad.films()
	r := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		b.run(100 * time.Millisecond)
		bad.cam.Sequence += uint16(r.Uint32())
	}
	pair.unharmed()
	eye.check()
	if s := bad.line.Stats().Ingress.Streams; s.Restarts < 20 || s.Memory > 4<<20 {
		t.Errorf("%+v", s)
	}
	if n := len(bad.asked); n > 10*1000/300+1 {
		t.Errorf("asked for %d key frames in 10 s", n)
	}
}

// Each of 20,000 requests a second costs a packet at most once in a round trip, and all in all
// no more than a share of what is sent.
func TestFloodOfNACKs(t *testing.T) {
	b := newBed(t, Config{})
	pair := b.pair()
	greedy := b.viewer()
	b.shows(pair.source, greedy)
	b.run(time.Second)
	pair.source.asked = nil
	for range 2000 {
		for range 10 {
			last := greedy.heard[len(greedy.heard)-1].Sequence
			greedy.say(nack(t, last-3, last-2, last-1, last))
		}
		b.step()
	}
	b.run(300 * time.Millisecond)
	pair.unharmed()
	s := greedy.line.Stats().Egress.Subscription
	if s.Asked < 50_000 || len(greedy.again) == 0 || len(greedy.again) > 2*len(greedy.heard) {
		t.Errorf("asked for %d packets, was sent %d and %d again; %+v", s.Asked, len(greedy.heard), len(greedy.again), s.Unanswered)
	}
}

// A peer that asks for key frames all the time gets some.
func TestFloodOfKeyFrameRequests(t *testing.T) {
	b := newBed(t, Config{})
	source, greedy, calm := b.join(both(), pictures.Config{}), b.viewer(), b.viewer()
	b.shows(source, greedy, calm)
	b.run(time.Second)
	source.asked = nil
	for range 5000 {
		for range 4 {
			greedy.say(transport.Feedback{Kind: transport.FeedbackPLI})
			b.conf.RequestKeyFrame(greedy.line)
		}
		b.step()
	}
	b.run(300 * time.Millisecond)
	if n := len(source.asked); n < 5 || n > 5300/300+1 {
		t.Errorf("asked for %d key frames in 5 s, want at most one in 300 ms", n)
	}
	if s := greedy.line.Stats().Egress; s.Requests != 40_000 || s.Ignored < 39_900 {
		t.Errorf("%d requests, %d ignored", s.Requests, s.Ignored)
	}
	if seen := calm.check(); len(seen) < 148 {
		t.Errorf("who is calm saw %d pictures of 152", len(seen))
	}
}

// A sender whose SSRC changes all the time does no harm; one whose SSRC changes once is seen
// again after a key frame, which is asked for.
func TestSourceChanges(t *testing.T) {
	b := newBed(t, Config{})
	pair := b.pair()
	bad, eye := b.hostile(both())
	bad.films()
	bad.flood(3*time.Second, 0, nil)
	bad.cam.SSRC = 99
	bad.cam.Sequence += 5 // which are not missing: it is another stream
	b.run(time.Second)
	if s := bad.line.Stats().Ingress; s.Streams.Resets != 1 || s.SourceChanges != 2 || bad.nacks != 0 {
		t.Errorf("after a change of SSRC %d packets were asked for; %+v", bad.nacks, s)
	}
	seen := eye.check()
	if n := len(seen); n < 92 || seen[n-1].Number < 95 {
		t.Errorf("of 100 pictures with a change of SSRC %d were seen", n)
	}
	bad.lose = func(p *pictures.Packet) bool { p.SSRC = uint32(p.Sequence) + 1; return false }
	b.run(3 * time.Second)
	pair.unharmed()
	eye.check()
	if s := bad.line.Stats().Ingress; s.SourceChanges < 100 || s.Streams.Memory > 4<<20 {
		t.Errorf("%+v", s)
	}
}

// A sender that never sends a key frame is asked ever more rarely, and who should see it goes
// on seeing whom it saw before.
func TestNeverAKeyFrame(t *testing.T) {
	b := newBed(t, Config{})
	pair := b.pair()
	bad := b.join(both(), pictures.Config{})
	bad.lose = func(p *pictures.Packet) bool { return p.Timestamp == 0 } // the first picture
	bad.stubborn = true
	b.run(time.Second)
	b.shows(bad, pair.eye)
	b.run(60 * time.Second)
	pair.unharmed()
	if n := len(bad.asked); n < 12 || n > 25 {
		t.Errorf("asked %d times in a minute", n)
	}
	for i := 10; i < len(bad.asked); i++ {
		if every := bad.asked[i] - bad.asked[i-1]; every < 4900*ms || every > 5100*ms {
			t.Errorf("request %d comes %d ms after the one before, want 5000", i, every/ms)
		}
	}
	if s := bad.line.Stats().Ingress; s.Unanswered < 12 {
		t.Errorf("%d requests unanswered", s.Unanswered)
	}
}

// Who sends 20,000 packets a second is heard with 3,000 of them, and its sockets are left alone
// for some of the time.
func TestFloodOfPackets(t *testing.T) {
	b := newBed(t, Config{})
	pair := b.pair()
	bad, _ := b.hostile(both())
	one := bad.cam.Next(true)[1]
	bad.flood(3*time.Second, 20, func(n int) pictures.Packet {
		one.Sequence++
		return one
	})
	pair.unharmed()
	s := bad.line.Stats().Ingress
	if taken := s.Packets - s.Excess; taken < 8800 || taken > 10_600 || s.Floods == 0 {
		t.Errorf("%d of %d packets were taken in 3 s, %d times left alone", taken, s.Packets, s.Floods)
	}
	if bad.polls > 3*1000/2 || s.Packets > 52_000 {
		t.Errorf("in 3 s it was polled %d times, and %d packets were read", bad.polls, s.Packets)
	}
}

// Bytes are bounded as packets are.
func TestFloodOfBytes(t *testing.T) {
	b := newBed(t, Config{Bytes: 200_000})
	pair := b.pair()
	bad, _ := b.hostile(both())
	one := bad.cam.Next(true)[1]
	bad.flood(2*time.Second, 1, func(n int) pictures.Packet {
		one.Sequence++
		return one
	})
	b.run(300 * time.Millisecond)
	pair.unharmed()
	s := bad.line.Stats().Ingress
	if taken := s.Streams.Bytes; taken < 450_000 || taken > 500_000 || s.Excess == 0 {
		t.Errorf("%d bytes of %d were taken in 2 s, want 500000", taken, s.Bytes)
	}
}

// Pictures of one packet each, 2,000 a second, would be fanned out to everybody: the source is
// shown to nobody for a while.
func TestFloodOfPictures(t *testing.T) {
	b := newBed(t, Config{})
	pair := b.pair()
	bad, eye := b.hostile(both())
	bad.cam = pictures.New(pictures.Config{Codec: media.VP8, Source: bad.cam.Source, SSRC: 5, Bytes: 300, KeyBytes: 300, PictureIDBits: 15, Interval: 45})
	bad.flood(5*time.Second, 2, func(n int) pictures.Packet { return bad.cam.Next(n%100 == 0)[0] })
	pair.unharmed()
	if s := bad.line.Stats().Ingress; s.Hidden < 3 || s.Hidden > 6 {
		t.Errorf("hidden %d times", s.Hidden)
	}
	if n := len(eye.heard); n < 50 || n > 5*150+75 {
		t.Errorf("%d pictures went out in 5 s", n)
	}
	b.run(1100 * time.Millisecond)
	bad.cam.Interval = 3600
	bad.films()
	n := len(eye.heard)
	b.until(time.Second, "pictures at an ordinary rate", func() bool { return len(eye.heard) > n+10 })
	eye.check()
}

// Sizes at their edge: what does not fit a slot, and what is empty.
func TestPacketSizes(t *testing.T) {
	b := newBed(t, Config{})
	pair := b.pair()
	bad, _ := b.hostile(both())
	for i, size := range []int{0, 1, 1499, 1500, 1501, 9000} {
		payload := make([]byte, size)
		if size > 4 {
			binary.BigEndian.PutUint32(payload, 0x10000000)
		}
		bad.post(&pictures.Packet{SSRC: 7, Sequence: uint16(i), Marker: true, Payload: payload}, b.now, false)
		b.step()
	}
	b.run(time.Second)
	pair.unharmed()
	if s := bad.line.Stats().Ingress.Streams; s.Oversized != 2 || s.Padding != 1 {
		t.Errorf("%+v", s)
	}
}
