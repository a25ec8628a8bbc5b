package egress

import (
	"bytes"
	"cmp"
	"slices"
	"testing"

	"github.com/confd/confd/forwarder/ingress"
	"github.com/confd/confd/internal/testkit/pictures"
	"github.com/confd/confd/media"
	"github.com/confd/confd/transport"
	"github.com/confd/confd/transport/repair"
)

const frame = 40 * millisecond // from picture to picture of the cameras

// receiver is a Sender that checks what leaves.
type receiver struct {
	t       testing.TB
	checker *pictures.Checker
	sent    map[uint16]transport.VideoOut // by sequence number
	calls   []int                         // packets of each SendVideo
	out     []transport.VideoOut          // that left for the first time
	repairs []transport.VideoOut
	room    int // packets that the socket takes
}

func newReceiver(t testing.TB, c media.VideoCodec) *receiver {
	return &receiver{t: t, checker: pictures.NewChecker(c), sent: map[uint16]transport.VideoOut{}, room: 1 << 40}
}

func (r *receiver) SendVideo(_ int64, out []transport.VideoOut) int {
	r.t.Helper()
	r.calls = append(r.calls, len(out))
	out = out[:min(len(out), r.room)]
	r.room -= len(out)
	for _, o := range out {
		o.Body = slices.Concat(o.Head, o.Body)
		o.Head = nil
		if o.Repair {
			r.repaired(o)
			continue
		}
		r.sent[o.Sequence] = o
		r.out = append(r.out, o)
		p := pictures.Packet{Timestamp: o.Timestamp, Sequence: o.Sequence, Marker: o.Marker, Payload: o.Body}
		if err := r.checker.Packet(&p); err != nil {
			r.t.Error(err)
		}
	}
	return len(out)
}

func (r *receiver) repaired(o transport.VideoOut) {
	r.t.Helper()
	was, ok := r.sent[o.Sequence]
	if !ok || was.Timestamp != o.Timestamp || was.Marker != o.Marker || !bytes.Equal(was.Body, o.Body) {
		r.t.Errorf("%d is repaired with what did not leave", o.Sequence)
	}
	r.repairs = append(r.repairs, o)
}

// seen returns the pictures that came, and forgets them.
func (r *receiver) seen() []pictures.Seen {
	s := r.checker.Pictures
	r.checker.Pictures = nil
	return s
}

// sender is a source: its cameras, one for each encoding, and what takes their packets in.
type sender struct {
	cameras []*pictures.Camera
	streams []*ingress.Stream
	keys    []bool // a key frame was asked for
}

// newSender makes a source; each encoding has four times the bytes of the one below it.
func newSender(t testing.TB, encodings int, c pictures.Config) *sender {
	t.Helper()
	s := &sender{keys: make([]bool, encodings)}
	c.Bytes = cmp.Or(c.Bytes, 3000)
	for e := range encodings {
		c.Encoding, c.SSRC, c.Timestamp = uint8(e), c.Source<<8+uint32(e), c.Timestamp+12345
		s.cameras = append(s.cameras, pictures.New(c))
		stream, err := ingress.New(ingress.Config{Codec: c.Codec})
		if err != nil {
			t.Fatal(err)
		}
		s.streams = append(s.streams, stream)
		c.Bytes *= 4
	}
	return s
}

// bench is a subscription, its receiver, and the time.
type bench struct {
	*Subscription
	t    testing.TB
	to   *receiver
	now  int64
	all  []*sender
	drop func(*pictures.Packet) bool // lost on the way from a camera
}

func newBench(t testing.TB, c Config) *bench {
	b := &bench{Subscription: New(c), t: t, to: newReceiver(t, c.Codec), now: 1e15}
	b.Show(nil, b.now)
	return b
}

// source adds a source.
func (b *bench) source(encodings int, c pictures.Config) *sender {
	s := newSender(b.t, encodings, c)
	b.all = append(b.all, s)
	return s
}

// answer has the sources send the key frames that are wanted.
func (b *bench) answer() {
	next, current := b.Wants(b.now)
	for _, s := range b.all {
		for e, stream := range s.streams {
			s.keys[e] = s.keys[e] || stream == next || stream == current
		}
	}
}

// run lets so many pictures come of all sources.
func (b *bench) run(count int) {
	for range count {
		for _, s := range b.all {
			b.shoot(s)
		}
		b.pass(frame)
	}
}

// shoot lets the next picture of each encoding of a source come.
func (b *bench) shoot(s *sender) {
	for e, camera := range s.cameras {
		for _, p := range camera.Next(s.keys[e]) {
			if b.drop == nil || !b.drop(&p) {
				b.put(s.streams[e], &p)
			}
		}
		s.keys[e] = false
		s.streams[e].Advance(b.now)
		for f := s.streams[e].Next(); f != nil; f = s.streams[e].Next() {
			b.Offer(f, b.now, b.to)
		}
	}
}

// put has a packet arrive.
func (b *bench) put(to *ingress.Stream, p *pictures.Packet) {
	to.Put(&transport.VideoPacket{Arrival: b.now, SSRC: p.SSRC, Timestamp: p.Timestamp, Sequence: p.Sequence,
		Marker: p.Marker, FrameMarking: p.FrameMarking, Payload: p.Payload})
}

// pass lets time pass; what waits is sent when it is due.
func (b *bench) pass(d int64) {
	for end := b.now + d; b.now < end; b.now = min(b.now+millisecond, end) {
		if next := b.Flush(b.now, b.to); next > 0 && next <= b.now {
			b.t.Fatalf("Flush at %d wants to be called at %d", b.now, next)
		}
	}
}

// show asks for a source and has its key frame come.
func (b *bench) show(s *sender) {
	b.Show(s.streams, b.now)
	b.answer()
}

// lost makes a NACK.
func lost(t testing.TB, numbers ...uint16) repair.Lost {
	t.Helper()
	fci, n := repair.AppendNACK(nil, numbers)
	l, ok := repair.ReadNACK(fci)
	if !ok || n != len(numbers) {
		t.Fatalf("%d of %d numbers in a NACK", n, len(numbers))
	}
	return l
}

// count returns how many pictures of a source were seen.
func count(all []pictures.Seen, source uint32) (n int) {
	for _, s := range all {
		if s.Source == source {
			n++
		}
	}
	return n
}
