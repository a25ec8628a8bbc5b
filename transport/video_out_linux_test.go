package transport

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/pion/rtp"
	"golang.org/x/sys/unix"

	"github.com/confd/confd/internal/clock"
)

// TestVideoGolden: the bytes of a packet, of its transport-wide number, and of its
// retransmission.
func TestVideoGolden(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*VideoParams)
		repair bool
		want   string
	}{
		{"plain", nil, false, "80e01234 00abcdef aaaaaaaa 0708"},
		{"number of one byte", func(p *VideoParams) { p.TransportCCID = 14 }, false, "90e01234 00abcdef aaaaaaaa bede0001e1ffff00 0708"},
		{"number of two bytes", func(p *VideoParams) { p.TransportCCID = 15 }, false, "90e01234 00abcdef aaaaaaaa 100000010f02ffff 0708"},
		{"retransmission", nil, true, "80e10042 00abcdef bbbbbbbb 1234 0708"},
		{"numbered retransmission", func(p *VideoParams) { p.TransportCCID = 1 }, true, "90e10042 00abcdef bbbbbbbb bede000111ffff00 1234 0708"},
		{"the same again", func(p *VideoParams) { p.SendRTX = 0 }, true, "80e01234 00abcdef aaaaaaaa 0708"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, cam := show(t, c.change)
			v.leg.ssrc.Store(0xaaaaaaaa)
			v.rtx.ssrc.Store(0xbbbbbbbb)
			v.rtx.sequence, v.wire.number = 0x42, 0xffff
			v.SendVideo(0, []VideoOut{{Sequence: 0x1234, Timestamp: 0xabcdef, Marker: true, Repair: c.repair, Head: []byte{7}, Body: []byte{8}}})
			got := fmt.Sprintf("%x", cam.read())
			want := ""
			for _, r := range c.want {
				if r != ' ' {
					want += string(r)
				}
			}
			if got != want {
				t.Errorf("sent %s, want %s", got, want)
			}
		})
	}
}

// TestVideoRuns: a receiver gets the same packets whether the kernel cuts them or not, plain
// and sealed; and as many runs go as there must be.
func TestVideoRuns(t *testing.T) {
	for _, c := range []struct {
		name  string
		sizes []int
		runs  uint64
	}{
		{"one", []int{500}, 0},
		{"equal", times(5, 1000), 1},
		{"the last smaller", []int{1000, 1000, 300}, 1},
		{"two frames", []int{1000, 300, 1000, 300}, 2},
		{"growing", []int{100, 200, 300}, 0},
		{"small, then equal", []int{40, 1200, 1200, 1200}, 1},
		{"none equal", []int{1200, 1000, 800, 600}, 2},
		{"empty payloads", times(3, headerSize), 1},
		{"most packets", times(maxSegments, 100), 1},
		{"one more", times(maxSegments+1, 100), 1},
		{"two more", times(maxSegments+2, 100), 2},
		{"most bytes", times(43, 1500), 1},
		{"more bytes", times(45, 1500), 2},
		{"largest", []int{MaxVideoDatagram, MaxVideoDatagram}, 1},
	} {
		for _, suite := range []Suite{0, AES128CMHMACSHA180, AEADAES128GCM} {
			if suite != 0 && c.sizes[0] > 1400 {
				continue
			}
			t.Run(fmt.Sprintf("%s/%v", c.name, suite), func(t *testing.T) {
				change := func(p *VideoParams) {
					if suite != 0 {
						p.SRTP = testKeys(suite)
					}
				}
				cut, a := show(t, change)
				single, b := show(t, change)
				single.wire.segments = 0
				for _, v := range []*VideoLeg{cut, single} {
					v.leg.ssrc.Store(5)
				}
				out := pictures(c.sizes...)
				if n, m := cut.SendVideo(1, out), single.SendVideo(1, out); n != len(out) || m != len(out) {
					t.Fatalf("sent %d and %d of %d", n, m, len(out))
				}
				for i := range out {
					if x, y := a.read(), b.read(); !bytes.Equal(x, y) {
						t.Fatalf("packet %d of %d bytes, in a run of %d", i, len(y), len(x))
					}
				}
				for _, v := range []*VideoLeg{cut, single} {
					s := v.Stats()
					if want := map[*VideoLeg]uint64{cut: c.runs}[v]; s.Runs != want || s.Uncut != 0 || s.PacketsSent != uint64(len(out)) {
						t.Errorf("%d runs, want %d; %+v", s.Runs, want, s)
					}
				}
			})
		}
	}
}

// TestVideoTooLarge: what does not fit is counted, and those around it go.
func TestVideoTooLarge(t *testing.T) {
	v, c := show(t, nil)
	out := pictures(100, MaxVideoDatagram+1, 100, MaxVideoDatagram)
	if n := v.SendVideo(1, out); n != 4 || v.Stats().SendErrors.Oversize != 1 || v.Stats().PacketsSent != 3 {
		t.Fatalf("sent %d: %+v", n, v.Stats())
	}
	for _, want := range []uint16{0, 2, 3} {
		if r := c.readRTP(); r.SequenceNumber != want {
			t.Errorf("packet %d, want %d", r.SequenceNumber, want)
		}
	}
}

// TestVideoUncut: where the kernel does not cut, packets go singly, and it is not asked for
// ever. Without checksums it refuses.
func TestVideoUncut(t *testing.T) {
	for _, suite := range []Suite{0, AEADAES128GCM} {
		v, c := show(t, func(p *VideoParams) {
			p.TransportCCID = 3
			if suite != 0 {
				p.SRTP = testKeys(suite)
			}
		})
		if err := unix.SetsockoptInt(v.leg.rtp.fd, unix.SOL_SOCKET, unix.SO_NO_CHECK, 1); err != nil {
			t.Fatal(err)
		}
		for i := range 10 {
			out := frameOut(uint16(3*i), 0, 3, 1000-i)
			if n := v.SendVideo(1, out); n != 3 {
				t.Fatalf("sent %d of 3: %+v", n, v.Stats())
			}
		}
		for i := range 30 {
			b := c.read()
			if got := int(b[3]); got != i {
				t.Fatalf("packet %d, want %d", got, i)
			}
			if got := int(b[headerSize+extPrefix+2]); got != i {
				t.Fatalf("transport-wide number %d, want %d", got, i)
			}
		}
		if s := v.Stats(); s.Runs != 0 || s.Uncut != maxRefusals || s.PacketsSent != 30 || s.SendErrors != (SendErrors{}) {
			t.Errorf("%+v", s)
		}
		applyVideo(t, v, v.setup.params)
		if v.wire.segments == 0 {
			t.Error("a new state does not try again")
		}
	}
}

// TestVideoSegmentLimit: sizes below one that was refused are still cut.
func TestVideoSegmentLimit(t *testing.T) {
	var w wire
	w.segments = MaxVideoDatagram
	for _, size := range []int{1400, 1300, 1200} {
		if w.refused(size); w.segments != size-1 {
			t.Errorf("%d after %d was refused", w.segments, size)
		}
	}
	if w.refused(1100); w.segments != 0 {
		t.Errorf("%d after %d refusals", w.segments, maxRefusals)
	}
	v, _ := show(t, nil)
	v.wire.segments = 999
	v.SendVideo(1, pictures(1000, 1000, 999, 999))
	if s := v.Stats(); s.Runs != 1 || s.PacketsSent != 4 {
		t.Errorf("%+v", s)
	}
}

// TestVideoSocketIsFull: what finds no room is offered again, under the same numbers. A local
// socket with a short queue stands for a slow network.
func TestVideoSocketIsFull(t *testing.T) {
	for _, segments := range []int{0, MaxVideoDatagram} {
		v, _ := show(t, func(p *VideoParams) { p.TransportCCID = 3 })
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(pair[1])
		unix.Close(v.leg.rtp.fd)
		v.leg.rtp.fd, v.leg.latch.connected, v.wire.segments = pair[0], true, segments
		const packets = 1200 // of equal size, and half of them retransmissions
		out := pictures(times(packets, 100)...)
		for i := range out {
			out[i].Repair = i%2 == 1
		}
		var got [][]byte
		rounds := 0
		for left := out; len(left) > 0; rounds++ {
			left = left[v.SendVideo(1, left):]
			for b := make([]byte, 65536); ; {
				n, err := unix.Read(pair[1], b)
				if err != nil {
					break
				}
				got = append(got, bytes.Clone(b[:n]))
			}
		}
		var all []byte
		for _, b := range got {
			all = append(all, b...)
		}
		if rounds < 3 || v.Stats().SendErrors.NoRoom != uint64(rounds-1) || v.Stats().PacketsSent != packets {
			t.Errorf("%d rounds, %+v", rounds, v.Stats())
		}
		rtx := -1
		for i := range packets {
			size := 100 + numberSize + i%2*2
			var r rtp.Packet
			if err := r.Unmarshal(all[:size]); err != nil {
				t.Fatal(err)
			}
			all = all[size:]
			if n := r.GetExtension(3); int(n[0])<<8|int(n[1]) != i {
				t.Fatalf("packet %d has number %d", i, n)
			}
			switch {
			case i%2 == 0 && r.SequenceNumber != uint16(i):
				t.Fatalf("packet %d is %d", i, r.SequenceNumber)
			case i%2 == 1 && rtx >= 0 && r.SequenceNumber != uint16(rtx+1):
				t.Fatalf("retransmission %d behind %d", r.SequenceNumber, rtx)
			case i%2 == 1:
				rtx = int(r.SequenceNumber)
			}
		}
	}
}

// TestVideoPeerGone: what its host says about earlier packets does not cost later ones.
func TestVideoPeerGone(t *testing.T) {
	v, c := show(t, nil)
	_ = c.conn.Close()
	v.SendVideo(1, pictures(100))
	if n := v.SendVideo(1, pictures(100, 100)); n != 2 || v.Stats().SendErrors.Refused != 0 || v.Stats().PacketsSent != 3 {
		t.Errorf("sent %d: %+v", n, v.Stats())
	}
	if n := v.look(&blind{}); n != 1 { // the answer to the second
		t.Errorf("read %d", n)
	}
}

// TestVideoSealed: pictures and retransmissions through wraps and a change of key; the other
// end is the library.
func TestVideoSealed(t *testing.T) {
	for _, suite := range allSuites {
		t.Run(suite.String(), func(t *testing.T) {
			v, c := show(t, func(p *VideoParams) { p.SRTP = testKeys(suite); p.TransportCCID = 3 })
			f := newForeign(t, testKeys(suite))
			v.rtx.sequence = 65_530
			c.seq = 65_520
			seq, rtx := uint16(65_520), uint16(100)
			exchange := func(f *foreign, n int) {
				t.Helper()
				for range n {
					out := frameOut(seq, uint32(seq), 4, 500)
					out = append(out, out[1])
					out[4].Repair = true
					seq += 4
					if n := v.SendVideo(clock.Now(), out); n != len(out) {
						t.Fatalf("sent %d", n)
					}
					for i := range out {
						r := f.open(c.readMedia())
						want := append(bytes.Clone(out[i].Head), out[i].Body...)
						if i == 4 {
							want = append([]byte{byte(out[i].Sequence >> 8), byte(out[i].Sequence)}, want...)
						}
						if !bytes.Equal(r.Payload, want) || r.GetExtension(3) == nil {
							t.Fatalf("packet %d: %v", i, r)
						}
					}
					c.write(f.seal(c.picture(true, nil)))
					c.write(f.seal(c.picture(true, repeat(0x777, rtx))))
					rtx++
					var got viewer
					if v.look(&got); len(got.packets) != 2 || !got.packets[1].Repaired {
						t.Fatalf("%d packets: %+v", len(got.packets), v.Stats().Dropped)
					}
				}
			}
			exchange(f, 20)
			p := v.setup.params
			p.SRTP = numberedKeys(suite, 9)
			g := newForeign(t, p.SRTP)
			for _, ssrc := range []uint32{v.SSRC(), v.RepairSSRC()} {
				g.in.SetROC(ssrc, 1)
			}
			g.out.SetROC(c.ssrc, 1)
			g.out.SetROC(0x777, 0)
			applyVideo(t, v, p)
			exchange(g, 20)
			if s := v.Stats(); s.Dropped != (Dropped{}) || s.Stale != 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}

// TestVideoSealedOnce: under a key a number stands for one packet.
func TestVideoSealedOnce(t *testing.T) {
	again := func(seq uint16) VideoOut { return VideoOut{Sequence: seq, Body: []byte{byte(seq)}, Repair: true} }
	fresh := func(seq uint16) VideoOut { return VideoOut{Sequence: seq, Body: []byte{byte(seq)}} }
	for _, c := range []struct {
		name   string
		change func(*VideoParams)
		out    []VideoOut
		stale  uint64
	}{
		{"in order", nil, []VideoOut{fresh(1), fresh(2), fresh(5)}, 0},
		{"through a wrap", nil, []VideoOut{fresh(65_535), fresh(0)}, 0},
		{"twice", nil, []VideoOut{fresh(1), fresh(1), fresh(2)}, 1},
		{"backwards", nil, []VideoOut{fresh(7), fresh(6), fresh(8), fresh(7)}, 2},
		{"repaired", nil, []VideoOut{fresh(1), again(1), again(1), again(9)}, 0},
		{"repaired without RTX", func(p *VideoParams) { p.SendRTX = 0 }, []VideoOut{fresh(1), again(1), again(2), fresh(2)}, 1},
		{"repaired under another number", func(p *VideoParams) { p.SendRTX, p.TransportCCID = 0, 3 }, []VideoOut{fresh(1), again(1)}, 1},
	} {
		v, cam := show(t, func(p *VideoParams) {
			p.SRTP = testKeys(AEADAES128GCM)
			if c.change != nil {
				c.change(p)
			}
		})
		if n := v.SendVideo(1, c.out); n != len(c.out) || v.Stats().Stale != c.stale || v.Stats().PacketsSent != uint64(len(c.out))-c.stale {
			t.Errorf("%s: sent %d: %+v", c.name, n, v.Stats())
		}
		packets := map[string][]byte{}
		for range v.Stats().PacketsSent {
			b := cam.read()
			number := string(b[2:4]) + string(b[8:12])
			if before, seen := packets[number]; seen && !bytes.Equal(before, b) {
				t.Errorf("%s: two packets of one number", c.name)
			}
			packets[number] = b
		}
	}
}
