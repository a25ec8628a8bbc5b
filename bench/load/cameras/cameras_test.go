//go:build linux

package cameras

import (
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/bench/load/fleet"
	"github.com/confd/confd/bench/load/sight"
	"github.com/confd/confd/internal/clock"
	"github.com/confd/confd/media"
	"github.com/confd/confd/transport/feedback"
)

func TestConfigAtItsEdges(t *testing.T) {
	for _, k := range []struct {
		change func(*Config)
		want   string
	}{
		{func(c *Config) { c.Callers = 0 }, "0 callers"},
		{func(c *Config) { c.Rooms = 3 }, "3 rooms"},
		{func(c *Config) { c.Cameras = 3 }, "3 in rooms of 2"},
		{func(c *Config) { c.Cameras = -1 }, "-1 in rooms"},
		{func(c *Config) { c.Threads = 65 }, "65 threads"},
		{func(c *Config) { c.Codec = media.AV1 }, "av1"},
		{func(c *Config) { c.Impair.Loss = 2 }, "loss"},
		{func(c *Config) { c.Local = nil }, "addresses"},
	} {
		c := Config{Callers: 2, Rooms: 1, Codec: media.VP8, Local: func(int) netip.Addr { return loopback }}
		k.change(&c)
		if w, err := New(c); err == nil || !strings.Contains(err.Error(), k.want) {
			t.Errorf("%v, want %q", err, k.want)
			if err == nil {
				w.Close()
			}
		}
	}
	w := crewOf(t, nil)
	rtp, rtcp := w.Local(1)
	if rtp.Port()%2 != 0 || rtcp.Port() != rtp.Port()+1 || !w.Camera(0) || w.Camera(1) {
		t.Errorf("%v %v, camera %v and %v", rtp, rtcp, w.Camera(0), w.Camera(1))
	}
	for _, p := range []Peer{{}, {Media: rtp}, {Media: rtp, Control: rtcp}, {Media: rtp, Control: rtcp, PayloadType: 96, RTX: 96}} {
		if err := w.Connect(1, p); err == nil {
			t.Errorf("%+v is taken", p)
		}
	}
}

func whole(n int) func(*Report) bool {
	return func(r *Report) bool { return r.Callers[1].Whole >= n }
}

// What a camera shows is what an eye sees, in order and in time.
func TestPicturesAreSeen(t *testing.T) {
	for _, codec := range []media.VideoCodec{media.VP8, media.H264} {
		for _, burst := range []bool{false, true} {
			w := crewOf(t, func(c *Config) { c.Codec, c.Burst = codec, burst })
			r := newRelay(t, w, func([]byte) bool { return false })
			start(t, w)
			r.connect(t, w, nil)
			got := until(t, w, "a second of pictures", whole(25))
			c := got.Callers[1]
			if c.Due != c.Whole || c.Lost != 0 || c.Watch.Undecodable+c.Watch.Broken+c.Watch.Timestamps+c.Watch.PictureIDs != 0 || got.Delays[0].Len() != c.Whole {
				t.Errorf("%v: %+v", codec, c)
			}
			if s := c.Sights; len(s) != 1 || s[0].Sender != 0 {
				t.Errorf("%v: saw %+v, want caller 0", codec, s)
			}
			w.Begin()
			if s := w.Report().Callers[1].Sights; len(s) != 1 || s[0].Sender != 0 {
				t.Errorf("%v: a window begins with %+v, want caller 0", codec, s)
			}
		}
	}
}

// every loses each nth packet of media at its first time.
func every(n uint16) func([]byte) bool {
	return func(b []byte) bool { return len(b) > 100 && b[1]&0x7f == 96 && binary.BigEndian.Uint16(b[2:])%n == 0 }
}

// What is lost comes again, with retransmissions of their own and without.
func TestLossIsRepaired(t *testing.T) {
	for _, rtx := range []uint8{97, 0} {
		w := crewOf(t, func(c *Config) { c.Bitrate = 1_200_000 })
		seen := map[uint16]bool{}
		lose := every(10)
		r := newRelay(t, w, func(b []byte) bool {
			if !lose(b) || seen[binary.BigEndian.Uint16(b[2:])] {
				return false
			}
			seen[binary.BigEndian.Uint16(b[2:])] = true
			return true
		})
		start(t, w)
		r.connect(t, w, func(p *Peer) { p.RTX = rtx })
		c := until(t, w, "two seconds of pictures", whole(50)).Callers
		if c[1].Watch.Undecodable+c[1].Watch.Broken != 0 || c[1].Lost != 0 || c[1].NACKsSent == 0 || c[0].Resent == 0 || (c[1].Repaired > 0) != (rtx != 0) {
			t.Errorf("RTX %d: %+v\n%+v", rtx, c[0].Counts, c[1])
		}
	}
}

// What cannot be repaired costs pictures until a key frame comes, which is asked for.
func TestLossWithoutRepair(t *testing.T) {
	w := crewOf(t, func(c *Config) { c.Bitrate = 1_200_000 })
	r := newRelay(t, w, every(100))
	start(t, w)
	r.connect(t, w, func(p *Peer) { p.NACK = false })
	c := until(t, w, "a key frame", func(r *Report) bool {
		return r.Callers[1].Watch.Undecodable > 0 && r.Callers[0].KeyFramesAsked > 0 && r.Callers[1].Watch.KeyFrames > 1
	}).Callers
	if c[1].Lost == 0 || c[1].KeyFramesWanted == 0 || c[1].Whole >= c[1].Due {
		t.Errorf("%+v\n%+v", c[0].Counts, c[1])
	}
}

// Impairments spoil what leaves the camera, and repair makes it good again.
func TestImpairedCamera(t *testing.T) {
	w := crewOf(t, func(c *Config) {
		c.Bitrate, c.Impair = 1_200_000, fleet.Impairment{Loss: 0.05, Jitter: 10 * time.Millisecond, Reorder: 0.05}
	})
	r := newRelay(t, w, func([]byte) bool { return false })
	start(t, w)
	r.connect(t, w, nil)
	c := until(t, w, "three seconds of pictures", whole(75)).Callers
	if c[0].Withheld == 0 || c[1].NACKsSent == 0 || c[1].Watch.Undecodable+c[1].Watch.Broken != 0 {
		t.Errorf("%+v\n%+v", c[0].Counts, c[1])
	}
}

// offline connects a camera to nobody in particular, to be turned by hand.
func offline(t testing.TB) (*Crew, *caller) {
	w := crewOf(t, func(c *Config) { c.Bitrate = 1_200_000 })
	r := newRelay(t, w, func([]byte) bool { return true })
	r.connect(t, w, nil)
	return w, w.callers[0]
}

// A limit that the server asks for has the camera fall back, and it comes back without.
func TestLimits(t *testing.T) {
	_, c := offline(t)
	for _, k := range []struct {
		request []byte
		want    int
	}{
		{feedback.AppendTMMBR(nil, 1, feedback.Limit{SSRC: c.ssrc, Bitrate: 500_000}), 1},
		{feedback.AppendTMMBR(nil, 1, feedback.Limit{SSRC: c.ssrc, Bitrate: 5_000_000}), 0},
		{feedback.AppendREMB(nil, 1, 400_000, c.ssrc), 1},
		{feedback.AppendREMB(nil, 1, 9_000_000, c.ssrc), 0},
		{feedback.AppendREMB(nil, 1, 1, c.ssrc+1), 0},
	} {
		c.control(k.request, clock.Now())
		if got := c.camera.player.Stream(); got != c.camera.streams[k.want] {
			t.Errorf("%x: stream of %d bit/s, want %d", k.request, got.Bitrate, c.camera.streams[k.want].Bitrate)
		}
	}
	if c.counts.Limited != 2 {
		t.Errorf("limited %d times, want 2", c.counts.Limited)
	}
}

// A full intra request that is repeated asks for nothing new.
func TestRefreshIsTakenOnce(t *testing.T) {
	_, c := offline(t)
	for _, n := range []uint8{1, 1, 2, 2, 1} {
		c.control(appendFIR(nil, 9, c.ssrc, n), clock.Now())
	}
	if c.counts.KeyFramesAsked != 3 {
		t.Errorf("%d requests, want 3", c.counts.KeyFramesAsked)
	}
}

func TestNothingIsAllocated(t *testing.T) {
	w, c := offline(t)
	other := w.callers[1]
	now := clock.Now()
	var b [1500]byte
	nack := appendNACK(nil, 9, c.ssrc, []uint16{c.camera.sequence, c.camera.sequence + 1})
	step := func() {
		now += tick
		c.thread.turn(now)
		c.control(nack, now)
		p := &c.camera.history[(c.camera.sequence-1)%kept]
		b[0], b[1] = 0x80, 96|mark(p.marker)
		binary.BigEndian.PutUint16(b[2:], p.sequence)
		binary.BigEndian.PutUint32(b[4:], p.timestamp)
		if p.sequence%7 != 0 { // gaps, too
			other.media(b[:12+copy(b[12:], p.payload[:p.length])], now)
		}
	}
	for range 3000 {
		step()
	}
	other.counts.Sights = make([]sight.Sight, 0, maxSights)
	if n := testing.AllocsPerRun(2000, step); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// Whatever comes, nothing is lost track of: what is held goes back to the pool.
func FuzzEye(f *testing.F) {
	f.Add([]byte{0, 1, 0, 2, 0, 5, 0, 3, 1, 4, 0, 9})
	f.Fuzz(func(t *testing.T, steps []byte) {
		w := crewOf(t, nil)
		c := w.callers[1]
		c.live, c.peer = true, Peer{PayloadType: 96, RTX: 97, NACK: true, PLI: true}
		var b [64]byte
		b[0] = 0x80
		now := clock.Now()
		for ; len(steps) >= 2; steps = steps[2:] {
			b[1] = 96 | steps[0]&0x81
			sequence := uint16(int8(steps[1])) * (1 + uint16(steps[0]>>4))
			binary.BigEndian.PutUint16(b[2:], sequence)
			binary.BigEndian.PutUint16(b[12:], sequence)
			c.media(b[:12+int(steps[0])%52], now)
			now += int64(steps[0]) * 1e6
			c.eye.turn(now)
			if p := &c.thread.pool; c.eye.shelved+len(p.free) != p.made || c.eye.shelved < 0 {
				t.Fatalf("%d held, %d free, %d made", c.eye.shelved, len(p.free), p.made)
			}
		}
		c.eye.begin()
		if p := &c.thread.pool; len(p.free) != p.made {
			t.Fatalf("%d free of %d", len(p.free), p.made)
		}
	})
}
