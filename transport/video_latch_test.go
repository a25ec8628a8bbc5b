package transport

import (
	"net/netip"
	"testing"
	"time"

	"github.com/confd/confd/internal/clock"
)

// watching is a leg that may latch and whose peer's signalled address leads nowhere.
func watching(t *testing.T, change func(*VideoParams)) *VideoLeg {
	t.Helper()
	listen(t, loopback) // skips where legs are not tested
	v, err := testPool().ListenVideo(netip.IPv4Unspecified())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.Close() })
	p := VideoParams{RemoteRTP: behindNAT, Receive: true, Latch: LatchBounded, ReceivePTs: []uint8{videoPT}, ReceiveRTX: []RTXType{{rtxPT, videoPT}}}
	if change != nil {
		change(&p)
	}
	applyVideo(t, v, p)
	v.to = &blind{}
	return v
}

func newCamera(t *testing.T, v *VideoLeg, at netip.Addr) *camera {
	c := &camera{newPhone(t, at, v.leg.at(loopback))}
	c.pt = videoPT
	return c
}

// arrive feeds a datagram as if it had come at a time.
func (v *VideoLeg) arrive(c *camera, b []byte, at int64) {
	m := scratches.Get().(*scratch)
	defer scratches.Put(m)
	m.data, m.from, m.truncated = b, c.addr(), false
	if payload, ok := v.leg.unpack(m, at); ok {
		v.accept(m, payload, at)
	}
}

// TestVideoLatchesAtThePaceOfPictures: a source is the peer with its third picture, however
// many packets they have; what is no picture is not.
func TestVideoLatchesAtThePaceOfPictures(t *testing.T) {
	type step struct {
		packets int
		pause   int64 // after them
	}
	every := func(n, packets int, pause int64) (s []step) {
		for range n {
			s = append(s, step{packets, pause})
		}
		return s
	}
	for _, c := range []struct {
		name   string
		steps  []step
		change func(c *camera, i int) // before the i-th packet of all
		at     int                    // the step in which it is the peer, -1 = never
	}{
		{"30 a second", every(9, 5, 33*ms), nil, 2},
		{"60 a second", every(9, 5, 16*ms), nil, 2},
		{"5 a second", every(9, 1, 200*ms), nil, 2},
		{"a key frame first", append(every(1, 100, 33*ms), every(9, 3, 33*ms)...), nil, 2},
		{"the largest key frame at once", append(every(1, 190, 33*ms), every(9, 2, 33*ms)...), nil, 2},
		{"a larger one", append(every(1, 300, 33*ms), every(9, 2, 33*ms)...), nil, 3},
		{"two pictures", every(2, 20, 100*ms), nil, -1},
		{"one picture without end", every(200, 1, 10*ms), func(c *camera, _ int) { c.ts = 7 }, -1},
		{"a flood of pictures", every(400, 1, ms/10), nil, -1},
		{"a flood of packets", every(100, 100, 5*ms), nil, -1},
		{"as fast as may be", every(9, 8, 4*ms), nil, 8},
		{"another SSRC each time", every(50, 1, 150*ms), func(c *camera, i int) { c.ssrc = uint32(i) }, -1},
		{"sequence at random", every(50, 1, 33*ms), func(c *camera, i int) { c.seq += 1000 }, -1},
		{"three encodings", every(9, 6, 33*ms), func(c *camera, i int) { c.ssrc = uint32(10 + i%3); c.seq = uint16(1000*(i%3) + i/3) }, 2},
		{"type not negotiated", every(50, 1, 33*ms), func(c *camera, i int) { c.pt = 50 }, -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := watching(t, func(p *VideoParams) { p.SSRCs = []VideoSSRC{{Main: 10}, {Main: 11}, {Main: 12}} })
			cam := newCamera(t, v, loopback)
			now, at, packets := clock.Now(), -1, 0
			for i, s := range c.steps {
				cam.ts += 3000
				for range s.packets {
					if c.change != nil {
						c.change(cam, packets)
					}
					packets++
					v.arrive(cam, cam.picture(false, nil), now)
					if at < 0 && v.leg.latch.mode == latchHeld {
						at = i
					}
				}
				now += s.pause
			}
			if at != c.at {
				t.Errorf("the peer in step %d, want %d", at, c.at)
			}
			if at >= 0 && v.Stats().Remote != cam.addr() {
				t.Errorf("%v is the peer", v.Stats().Remote)
			}
		})
	}
}

// TestVideoLatchWithRetransmissions: streams beside the one that is followed do not disturb.
func TestVideoLatchWithRetransmissions(t *testing.T) {
	v := watching(t, nil)
	cam := newCamera(t, v, loopback)
	now := clock.Now()
	for i := range 3 {
		for range 3 {
			v.arrive(cam, cam.picture(false, nil), now)
			v.arrive(cam, cam.picture(false, repeat(0x777, uint16(i))), now)
			cam.seq--
		}
		cam.ts += 3000
		now += 33 * ms
	}
	if v.leg.latch.mode != latchHeld {
		t.Errorf("%+v", v.leg.seen[0])
	}
}

// TestVideoLatchUnderFlood: a stranger floods the port with pictures; the peer is found, and
// from then on nothing of it is lost.
func TestVideoLatchUnderFlood(t *testing.T) {
	for _, c := range []struct {
		name   string
		remote func(*camera) netip.AddrPort
	}{
		{"signalled address is right", func(c *camera) netip.AddrPort { return c.addr() }},
		{"peer is behind a translator", func(*camera) netip.AddrPort { return behindNAT }},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := watching(t, nil)
			p := newCamera(t, v, loopback)
			stranger := newCamera(t, v, loopback)
			q := v.setup.params
			q.RemoteRTP = c.remote(p)
			applyVideo(t, v, q)
			var got viewer
			latched, pictures := -1, 0
			for i := range 100 {
				before := len(got.packets)
				p.frame(3)
				if latched < 0 || i < 50 {
					for range 40 {
						stranger.frame(5)
					}
				}
				for v.Poll(clock.Now(), 64, &got) == 64 {
				}
				if latched < 0 && v.leg.latch.mode == latchHeld {
					latched = i
				}
				if latched >= 0 && latched < i {
					if pictures++; len(got.packets)-before != 3 {
						t.Fatalf("round %d: %d packets of 3, %+v", i, len(got.packets)-before, v.Stats().Dropped)
					}
				}
				time.Sleep(5 * time.Millisecond) // the pace of pictures, which latching asks for
			}
			if latched < 0 || v.leg.latch.remote != p.addr() {
				t.Errorf("latched in round %d to %v, want %v", latched, v.leg.latch.remote, p.addr())
			}
		})
	}
}

// TestVideoFloodIsCounted: over a time, as polls follow each other closely.
func TestVideoFloodIsCounted(t *testing.T) {
	v := watching(t, nil)
	now := clock.Now()
	v.watch(now)
	strangers := func(n int, at int64) latchMode {
		v.leg.latch.strangers = n
		v.leg.latch.remote = v.leg.at(loopback) // which there is a way to
		v.watch(at)
		return v.leg.latch.mode
	}
	if strangers(videoFlood-1, now+1) != latchOpen || strangers(0, now+videoWindow) != latchOpen {
		t.Error("fewer than a flood are one")
	}
	if strangers(videoFlood-1, now+videoWindow+1) != latchOpen || strangers(1, now+2*videoWindow) != latchTrial {
		t.Error("a flood over two polls is none")
	}
}

// elsewhereVideo is a leg whose peer named a camera's address, of which nothing is known.
func elsewhereVideo(t *testing.T, pool *PortPool) (*VideoLeg, *camera, func(d int64, sizes ...int) int) {
	t.Helper()
	v, err := pool.ListenVideo(netip.IPv4Unspecified())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.Close() })
	c := newCamera(t, v, elsewhere)
	applyVideo(t, v, VideoParams{RemoteRTP: c.addr(), RTCPMux: true, Send: true, Receive: true, ReceivePTs: []uint8{videoPT}, SendPT: videoPT})
	now := clock.Now()
	v.Poll(now, 64, &blind{})
	return v, c, func(d int64, sizes ...int) int {
		now += d
		v.Poll(now, 64, &blind{})
		before := v.Stats().PacketsSent
		if n := v.SendVideo(now, pictures(sizes...)); n != len(sizes) {
			t.Fatalf("%d of %d are done with", n, len(sizes))
		}
		return int(v.Stats().PacketsSent - before)
	}
}

// TestVideoUnheardBytes: all legs together send so many bytes to addresses that were not
// heard, and each for ten seconds.
func TestVideoUnheardBytes(t *testing.T) {
	pool := unheardPool(t)
	a, cam, sendA := elsewhereVideo(t, pool)
	b, _, sendB := elsewhereVideo(t, pool)
	size := unheardByteBurst / 1024
	sent := 0
	for range 20 {
		n := sendA(0, times(60, size)...)
		n += sendB(0, times(40, size)...)
		sent += n
	}
	if sent < 920 || sent > 1024 {
		t.Errorf("%d packets of 1,024 bytes left at once, want nearly 1,024", sent)
	}
	if n := sendA(int64(time.Second), times(64, size)...); n != 64 {
		t.Errorf("%d of 64 packets a second later", n)
	}
	if s := a.Stats(); s.SendErrors.Withheld+s.PacketsSent != 20*60+64 {
		t.Errorf("%+v", s)
	}
	if pool.unheardVideo.Load() != 2 || pool.unheard.Load() != 0 {
		t.Errorf("%d and %d places are taken, want 2 of video's", pool.unheardVideo.Load(), pool.unheard.Load())
	}
	cam.frame(1)
	for range 20 {
		if n := sendA(0, times(64, 1024)...); n != 64 {
			t.Fatalf("%d of 64 packets to who is heard", n)
		}
	}
	sendB(unheardLimit, 100)
	if n := sendB(unheardLimit, 100); n != 0 {
		t.Errorf("%d packets to who is still silent", n)
	}
	_, _ = a.Close(), b.Close()
	if n := pool.unheardVideo.Load(); n != 0 {
		t.Errorf("%d places are taken for ever", n)
	}
}

// TestAllowance: it grows with time, up to its burst.
func TestAllowance(t *testing.T) {
	var a allowance
	now := int64(1 << 40)
	take := func(d int64, bytes int, want bool) {
		t.Helper()
		now += d
		if got := a.take(now, bytes); got != want {
			t.Errorf("%d bytes: %v, want %v", bytes, got, want)
		}
	}
	take(0, unheardByteBurst+1, false)
	take(0, unheardByteBurst, true)
	take(0, 1, false)
	take(int64(time.Second)/2, unheardByteRate/2+1, false)
	take(0, unheardByteRate/2, true)
	take(int64(time.Hour), unheardByteBurst+1, false)
	take(0, unheardByteBurst, true)
}

// TestVideoUnheardControl: a report shows that the peer is there.
func TestVideoUnheardControl(t *testing.T) {
	_, cam, send := elsewhereVideo(t, unheardPool(t))
	send(0, 100)
	send(tickTime, 100)
	if send(unheardLimit, 100) != 0 {
		t.Fatal("sent after the time is over")
	}
	cam.write(report(t))
	if send(1, 100) != 1 {
		t.Error("who reports is not sent to")
	}
}
