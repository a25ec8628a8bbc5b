package listen

import (
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/confd/confd/media"
	"github.com/confd/confd/transport"
	"github.com/confd/confd/transport/repair"
)

// notebook is a Viewer that writes down what it is given.
type notebook struct {
	began    int
	direct   []uint16
	repaired []uint16
	missing  []uint16
	marker   bool // of the last
	key      bool // a key frame is needed
}

func (n *notebook) Begin() { n.began++ }

func (n *notebook) Packet(p *transport.VideoPacket) {
	n.marker = p.Marker
	if p.Repaired {
		n.repaired = append(n.repaired, p.Sequence)
		return
	}
	n.direct = append(n.direct, p.Sequence)
}

func (n *notebook) Turn(int64) {}

func (n *notebook) Due() int64 {
	if len(n.missing) == 0 {
		return 0
	}
	return 1
}

func (n *notebook) Missing(_ int64, dst []uint16) []uint16 { return append(dst, n.missing...) }
func (n *notebook) NeedsKey(int64) bool                    { return n.key }
func (n *notebook) Repaired() (again, lost uint64)         { return uint64(len(n.repaired)), 3 }

func videoPacket(ssrc uint32, seq uint16) *rtp.Packet {
	return &rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 102, SSRC: ssrc, SequenceNumber: seq, Marker: true, Timestamp: 9}, Payload: []byte{1}}
}

func videoAgain(seq uint16) *rtp.Packet {
	p := videoPacket(77, 1)
	p.PayloadType, p.Payload = 105, repair.AppendRetransmission(nil, seq, []byte{1})
	return p
}

func newTestView(t *testing.T) (*view, *notebook) {
	s, err := ParseVideo([]byte(videoSDP))
	if err != nil {
		t.Fatal(err)
	}
	n := &notebook{}
	return newView(s, n), n
}

func TestView(t *testing.T) {
	v, n := newTestView(t)
	for _, p := range []*rtp.Packet{videoPacket(5, 65534), videoPacket(5, 0), videoPacket(5, 65535), videoPacket(5, 0), videoPacket(5, 3), videoAgain(2), videoAgain(3), videoAgain(9)} {
		v.receive(p, 1e9)
	}
	other := videoPacket(5, 4)
	other.PayloadType = 100
	v.receive(other, 1e9)
	cut := videoAgain(1)
	cut.Payload = cut.Payload[:1]
	v.receive(cut, 1e9)
	if !slices.Equal(n.direct, []uint16{65534, 0, 65535, 3}) || !slices.Equal(n.repaired, []uint16{2}) || n.began != 1 || !n.marker {
		t.Errorf("%+v", n)
	}
	s := v.stats()
	want := Stats{Received: 4, LostBefore: 2, Duplicates: 1, Unknown: 1, Malformed: 1, Retransmissions: 3, Useless: 2, ByRetransmission: 1, Lost: 3, SSRC: 5}
	if s != want {
		t.Errorf("%+v\nwant %+v", s, want)
	}
}

// A new SSRC counts from its first packet on, which the second confirms.
func TestViewOfAnotherSSRC(t *testing.T) {
	v, n := newTestView(t)
	v.receive(videoPacket(5, 1), 1e9)
	v.receive(videoPacket(6, 100), 1e9)
	v.receive(videoPacket(9, 4), 1e9) // a stray one
	v.receive(videoPacket(6, 200), 1e9)
	if n.began != 1 || len(n.direct) != 1 {
		t.Errorf("%+v", n)
	}
	v.receive(videoPacket(6, 201), 1e9)
	if s := v.stats(); n.began != 2 || !slices.Equal(n.direct, []uint16{1, 200, 201}) || s.Sources != 1 || s.Foreign != 2 || s.LostBefore != 0 || s.Received != 3 {
		t.Errorf("%+v, %+v", n, s)
	}
}

func TestWish(t *testing.T) {
	const second = int64(time.Second)
	var w wish
	ask := func(now int64, size int) bool { return w.due(true, size, now) }
	if ask(second, 1) || !ask(second+int64(wishSpread), 1) {
		t.Error("it is not wished for after a moment")
	}
	at, waits := second+int64(wishSpread), []int64{2, 4, 8, 16, 16}
	for _, s := range waits {
		if at += s * second; ask(at-1, 1) || !ask(at, 1) {
			t.Errorf("the wish is not repeated after %d s", s)
		}
	}
	if w.due(false, 1, at) || w != (wish{}) {
		t.Error("a wish that was fulfilled is kept")
	}
	latest := int64(0)
	for range 1000 {
		w = wish{}
		ask(second, 1_000_000)
		latest = max(latest, w.at)
	}
	if latest < second*3/2 || latest >= 2*second {
		t.Errorf("thousands wish within %v", time.Duration(latest-second))
	}
}

// The group is told of what a viewer misses, and that it needs a key frame, once.
func TestViewerIsHeard(t *testing.T) {
	b := newStation(t, "239.255.8.12", nil)
	s := b.describe(nil)
	s.Video, s.KeyFrames, s.Token = media.VP8, true, false
	if _, err := Listen(s, Config{Output: &counter{}}); err == nil {
		t.Error("video is listened to without a viewer")
	}
	n := &notebook{key: true}
	l, err := Listen(s, Config{Viewer: n, Local: home})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	b.s.generations = 0
	until(t, b, "a wish for a key frame", func() bool { return l.Stats().KeyFrames > 0 }, b.say)
	if k := l.Stats().KeyFrames; k != 1 {
		t.Errorf("%d wishes at once", k)
	}
}
