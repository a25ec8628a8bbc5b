package transport

import (
	"bytes"
	"slices"
	"testing"

	"github.com/confd/confd/internal/clock"
)

// frameOut is a frame of some packets of a size, the last of them shorter.
func frameOut(seq uint16, ts uint32, n, size int) []VideoOut {
	var out []VideoOut
	for i := range n {
		o := VideoOut{Sequence: seq + uint16(i), Timestamp: ts, Head: []byte{byte(i), 1, 2}, Body: bytes.Repeat([]byte{byte(i)}, size)}
		if i == n-1 {
			o.Body, o.Marker = o.Body[:size/2], true
		}
		out = append(out, o)
	}
	return out
}

func TestVideoLegCarriesBothWays(t *testing.T) {
	v, c := show(t, nil)
	c.frame(3)
	c.frame(2)
	var got viewer
	if n := v.look(&got); n != 5 || !slices.Equal(got.sequences(), []uint16{1000, 1001, 1002, 1003, 1004}) {
		t.Fatalf("polled %d: %v, want 1000 to 1004: %+v", n, got.sequences(), v.Stats().Dropped)
	}
	if p := got.packets[2]; p.SSRC != c.ssrc || p.Timestamp != 5000 || !p.Marker || p.PayloadType != videoPT || p.Repaired {
		t.Errorf("packet %+v", p)
	}
	out := frameOut(100, 9000, 5, 1000)
	if n := v.SendVideo(clock.Now(), out); n != len(out) {
		t.Fatalf("sent %d of %d: %+v", n, len(out), v.Stats())
	}
	for i := range out {
		o, r := &out[i], c.readRTP()
		if r.SequenceNumber != o.Sequence || r.Timestamp != 9000 || r.Marker != o.Marker || r.SSRC != v.SSRC() || r.PayloadType != videoPT ||
			!bytes.Equal(r.Payload, append(bytes.Clone(o.Head), o.Body...)) {
			t.Errorf("packet %d: %v", i, r)
		}
	}
	if s := v.Stats(); s.PacketsReceived != 5 || s.PacketsSent != 5 || s.Runs != 1 || s.Uncut != 0 {
		t.Errorf("stats %+v", s)
	}
}
