package transport

import (
	"bytes"
	"errors"
	"net/netip"
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

func TestListenVideoRefuses(t *testing.T) {
	listen(t, loopback) // skips where legs are not tested
	if v, err := testPool().ListenVideo(netip.Addr{}); err == nil || v != nil {
		t.Errorf("a leg without address: %v", err)
	}
	pool, err := NewPortPool(31000, 31001, 0)
	if err != nil {
		t.Fatal(err)
	}
	v, err := pool.ListenVideo(loopback)
	if err != nil {
		t.Fatal(err)
	}
	if w, err := pool.ListenVideo(loopback); !errors.Is(err, ErrNoPorts) || w != nil {
		t.Errorf("a second leg on one pair: %v", err)
	}
	_ = v.Close()
	if err := v.Apply(&VideoSetup{}); err == nil {
		t.Error("a closed leg took a setup")
	}
	if n := v.SendVideo(1, frameOut(0, 0, 2, 100)); n != 2 || v.Poll(1, 8, &blind{}) != 0 || v.RequestKeyFrame(1, 0) {
		t.Errorf("a closed leg is at work: %d", n)
	}
	if pool.InUse() != 0 {
		t.Error("its ports are not given back")
	}
}

// TestVideoOnIPv6 goes through one socket that hears both, latched or not.
func TestVideoOnIPv6(t *testing.T) {
	listen(t, loopback) // skips where legs are not tested
	for _, peer := range []string{"::1", "127.0.0.1"} {
		for _, policy := range []LatchPolicy{LatchNone, LatchBounded} {
			at := netip.MustParseAddr(peer)
			v, err := testPool().ListenVideo(netip.IPv6Unspecified())
			if err != nil {
				t.Fatal(err)
			}
			defer v.Close()
			c := &camera{newPhone(t, at, v.leg.at(at))}
			c.pt = videoPT
			applyVideo(t, v, VideoParams{RemoteRTP: c.addr(), Latch: policy, Send: true, Receive: true, ReceivePTs: []uint8{videoPT}, SendPT: videoPT})
			v.Vouch(at)
			if v.SendVideo(1, frameOut(0, 0, 3, 500)) != 3 || v.Stats().Runs != 1 {
				t.Errorf("%s: %+v", peer, v.Stats())
			}
			c.frame(2)
			var got viewer
			v.look(&got)
			for want := range uint16(3) {
				if r := c.readRTP(); r.SequenceNumber != want {
					t.Errorf("%s: packet %d, want %d", peer, r.SequenceNumber, want)
				}
			}
			if len(got.packets) != 2 {
				t.Errorf("%s: heard %d packets: %+v", peer, len(got.packets), v.Stats().Dropped)
			}
		}
	}
}
