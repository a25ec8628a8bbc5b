package transport

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"github.com/pion/rtp"

	"github.com/confd/confd/internal/clock"
)

// extension gives a packet RFC 8285 elements, of the one-byte form if their ids allow.
func extension(t testing.TB, elements map[uint8]string) func(*rtp.Packet) {
	return func(p *rtp.Packet) {
		p.Extension, p.ExtensionProfile = true, profileOne
		for id := range elements {
			if id > maxOneByteID {
				p.ExtensionProfile = profileTwo
			}
		}
		for id, value := range elements {
			if err := p.SetExtension(id, []byte(value)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// repeat wraps a packet as RFC 4588 section 4 has it.
func repeat(ssrc uint32, seq uint16) func(*rtp.Packet) {
	return func(p *rtp.Packet) {
		p.Payload = append(binary.BigEndian.AppendUint16(nil, p.SequenceNumber), p.Payload...)
		p.SSRC, p.SequenceNumber, p.PayloadType = ssrc, seq, rtxPT
	}
}

func both(a, b func(*rtp.Packet)) func(*rtp.Packet) {
	return func(p *rtp.Packet) { a(p); b(p) }
}

func TestVideoRetransmission(t *testing.T) {
	v, c := show(t, nil)
	lost := c.picture(true, repeat(0x777, 50)) // sent as a repetition only
	c.frame(1)
	c.write(lost)
	c.write(c.picture(false, func(p *rtp.Packet) { // a probe
		p.SSRC, p.SequenceNumber, p.PayloadType, p.Payload = 0x777, 51, rtxPT, nil
		p.Padding, p.PaddingSize = true, 200
	}))
	c.write(c.picture(false, func(p *rtp.Packet) { // half a number
		p.SSRC, p.SequenceNumber, p.PayloadType, p.Payload = 0x777, 52, rtxPT, []byte{1}
	}))
	var got viewer
	if n := v.look(&got); n != 4 || len(got.packets) != 2 {
		t.Fatalf("read %d, handed over %d", n, len(got.packets))
	}
	p := got.packets[1]
	if !p.Repaired || p.Sequence != 1000 || p.SSRC != c.ssrc || p.PayloadType != videoPT || p.Timestamp != 5000 || !p.Marker ||
		!bytes.Equal(p.Payload, []byte{0, 0, 1000 >> 8, 1000 & 0xff}) {
		t.Errorf("%+v", p)
	}
	if s := v.Stats(); s.RepairsReceived != 1 || s.Probes != 1 || s.Dropped.Malformed != 1 {
		t.Errorf("%+v", s)
	}
	if x := v.place(0, videoRepair); x.ssrc != 0x777 || x.got != 3 {
		t.Errorf("statistics of retransmissions: %+v", x.reception)
	}
}

// TestVideoRetransmissionOfNothing: what repeats a stream that was never heard leads nowhere.
func TestVideoRetransmissionOfNothing(t *testing.T) {
	v, c := show(t, nil)
	c.write(c.picture(true, repeat(0x777, 50)))
	var got viewer
	v.look(&got)
	if s := v.Stats(); len(got.packets) != 0 || s.Dropped.Source != 1 {
		t.Errorf("%d packets, %+v", len(got.packets), s.Dropped)
	}
}

func TestVideoPaddingIsHandedOver(t *testing.T) {
	v, c := show(t, nil)
	c.write(c.picture(false, func(p *rtp.Packet) { p.Payload, p.Padding, p.PaddingSize = nil, true, 255 }))
	var got viewer
	v.look(&got)
	if len(got.packets) != 1 || got.packets[0].Sequence != 1000 || len(got.packets[0].Payload) != 0 {
		t.Errorf("%+v", got.packets)
	}
}

func TestVideoFrameMarking(t *testing.T) {
	for _, id := range []uint8{1, 14, 15, 255} {
		v, c := show(t, func(p *VideoParams) { p.FrameMarkingID = id })
		c.write(c.picture(true, extension(t, map[uint8]string{id: "\x80\x01\x02"})))
		c.frame(1)
		var got viewer
		v.look(&got)
		if len(got.packets) != 2 || string(got.packets[0].FrameMarking) != "\x80\x01\x02" || got.packets[1].FrameMarking != nil {
			t.Errorf("id %d: %+v", id, got.packets)
		}
	}
}

// TestVideoEncodings: three streams are told apart by their names, or by what was signalled,
// or not at all; retransmissions go with theirs.
func TestVideoEncodings(t *testing.T) {
	rids := []string{"q", "h", "f"}
	named := func(p *VideoParams) { p.RIDs, p.RIDID, p.RepairedRIDID = rids, 4, 20 }
	signalled := func(p *VideoParams) { p.SSRCs = []VideoSSRC{{10, 110}, {11, 111}, {12, 112}} }
	for _, c := range []struct {
		name   string
		change func(*VideoParams)
		rid    bool
		want   int // packets handed over, of 9
	}{
		{"named", named, true, 9},
		{"named, but packets tell nothing", named, false, 0},
		{"signalled", signalled, false, 9},
		{"both", func(p *VideoParams) { named(p); signalled(p) }, false, 9},
		{"neither", nil, false, 2}, // that of the first, and its repetition
	} {
		t.Run(c.name, func(t *testing.T) {
			v, cam := show(t, c.change)
			for e, rid := range rids {
				cam.ssrc = uint32(10 + e)
				main, again := func(*rtp.Packet) {}, func(*rtp.Packet) {}
				if c.rid {
					main = extension(t, map[uint8]string{4: rid})
					again = extension(t, map[uint8]string{20: rid})
				}
				cam.write(cam.picture(false, main))
				cam.write(cam.picture(true, both(repeat(uint32(110+e), 7), again)))
				cam.write(cam.picture(true, nil)) // known by now
			}
			var got viewer
			v.look(&got)
			if len(got.packets) != c.want && c.want != 2 {
				t.Fatalf("%d packets handed over, want %d: %+v", len(got.packets), c.want, v.Stats().Dropped)
			}
			for _, p := range got.packets {
				if want := uint8(p.SSRC - 10); c.want == 9 && p.Encoding != want || c.want == 2 && (p.Encoding != 0 || p.SSRC != 10) {
					t.Errorf("SSRC %d is encoding %d", p.SSRC, p.Encoding)
				}
			}
		})
	}
}

// TestVideoOtherLine: a packet that names another m= line is not ours.
func TestVideoOtherLine(t *testing.T) {
	v, c := show(t, func(p *VideoParams) { p.MIDID, p.MID = 9, "v0" })
	c.write(c.picture(false, extension(t, map[uint8]string{9: "v1"})))
	c.write(c.picture(false, extension(t, map[uint8]string{9: "v0"})))
	c.frame(1)
	var got viewer
	if v.look(&got); !slices.Equal(got.sequences(), []uint16{1001, 1002}) {
		t.Errorf("%v, want 1001 and 1002", got.sequences())
	}
}

// TestVideoSourceChanges: another SSRC takes the place at once if the one before is silent or
// the new one is signalled; else with its second packet, and then it stays for a while.
func TestVideoSourceChanges(t *testing.T) {
	const a, b = 0xa, 0xb
	for _, c := range []struct {
		name   string
		gap    int64 // before each packet but the first
		change func(*VideoParams)
		ssrcs  []uint32
		want   []uint32
	}{
		{"after silence", sourceSilence, nil, []uint32{a, b, b}, []uint32{a, b, b}},
		{"at once", 1, nil, []uint32{a, b, b, b}, []uint32{a, b, b}},
		{"just before silence is over", sourceSilence - 1, nil, []uint32{a, b, b}, []uint32{a, b}},
		{"signalled", 1, func(p *VideoParams) { p.SSRCs = []VideoSSRC{{Main: b}} }, []uint32{a, b, b}, []uint32{a, b, b}},
		{"in turn", 1, nil, []uint32{a, b, a, b, a, b}, []uint32{a, a, a}},
		{"in pairs", 1, nil, []uint32{a, a, b, b, a, a, b, b}, []uint32{a, a, b, b, b}},
		{"in turn, slowly", sourceHold / 2, nil, []uint32{a, b, a, b, a, b}, []uint32{a, b, b, a}},
		{"and back", sourceHold, nil, []uint32{a, b, a, b}, []uint32{a, b, a, b}},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, cam := show(t, c.change)
			var got viewer
			v.to = &got
			m := scratches.Get().(*scratch)
			defer scratches.Put(m)
			now := clock.Now()
			for _, ssrc := range c.ssrcs {
				cam.ssrc = ssrc
				m.data, m.from, m.truncated = cam.picture(true, nil), cam.addr(), false
				if payload, ok := v.leg.unpack(m, now); ok {
					v.accept(m, payload, now)
				}
				now += c.gap
			}
			var ssrcs []uint32
			for _, p := range got.packets {
				ssrcs = append(ssrcs, p.SSRC)
			}
			if !slices.Equal(ssrcs, c.want) {
				t.Errorf("heard %x, want %x", ssrcs, c.want)
			}
		})
	}
}

// TestVideoLateAndFarAhead: what comes late still counts, up to 1,023 packets; a jump needs a
// second packet.
func TestVideoLateAndFarAhead(t *testing.T) {
	v, c := show(t, nil)
	c.seq = 60_000
	c.frame(1)
	for _, seq := range []uint16{60_000 - maxLate + 1, 60_000 - maxLate, 60_000 + maxDropout - 1, 10_000, 10_001} {
		c.seq = seq
		c.frame(1)
	}
	var got viewer
	v.look(&got)
	want := []uint16{60_000, 60_000 - maxLate + 1, 60_000 + maxDropout - 1, 10_001}
	if s := v.Stats(); !slices.Equal(got.sequences(), want) || s.Dropped.Sequence != 2 {
		t.Errorf("%v, want %v; %+v", got.sequences(), want, s.Dropped)
	}
}

func TestVideoDropsAndCounts(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*VideoParams)
		data   func(c *camera) []byte
		count  func(Dropped) uint64
	}{
		{"held", func(p *VideoParams) { p.Receive = false }, func(c *camera) []byte { return c.picture(true, nil) }, func(d Dropped) uint64 { return d.Held }},
		{"payload type", nil, func(c *camera) []byte { c.pt = 98; return c.picture(true, nil) }, func(d Dropped) uint64 { return d.PayloadType }},
		{"too long", nil, func(*camera) []byte { return make([]byte, maxPacket+1) }, func(d Dropped) uint64 { return d.TooLong }},
		{"no RTP", nil, func(*camera) []byte { return make([]byte, 20) }, func(d Dropped) uint64 { return d.Malformed }},
		{"padding past the start", nil, func(c *camera) []byte {
			return append(c.picture(true, func(p *rtp.Packet) { p.Padding, p.PaddingSize = true, 1 }), 200)
		},
			func(d Dropped) uint64 { return d.Malformed }},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, cam := show(t, c.change)
			cam.write(c.data(cam))
			var got blind
			if n := v.look(&got); n != 1 || got.packets != 0 || c.count(v.Stats().Dropped) != 1 {
				t.Errorf("read %d, handed over %d: %+v", n, got.packets, v.Stats().Dropped)
			}
		})
	}
}

func TestVideoLargestPacket(t *testing.T) {
	v, c := show(t, nil)
	c.write(c.picture(true, func(p *rtp.Packet) { p.Payload = make([]byte, maxPacket-headerSize) }))
	var got viewer
	if v.look(&got); len(got.packets) != 1 || len(got.packets[0].Payload) != 1488 {
		t.Errorf("%+v", v.Stats().Dropped)
	}
}

// TestVideoBeforeApply: what comes too early does not stay in the socket.
func TestVideoBeforeApply(t *testing.T) {
	v := listenVideo(t)
	c := &camera{newPhone(t, loopback, v.leg.at(loopback))}
	c.frame(3)
	newPhone(t, loopback, v.leg.atControl(loopback)).speak()
	if n := v.look(nil); n != 4 || v.look(nil) != 0 {
		t.Errorf("read %d, want 4", n)
	}
	if s := v.Stats(); s.Dropped.Stranger != 4 {
		t.Errorf("%+v", s.Dropped)
	}
	if n := v.SendVideo(0, frameOut(0, 0, 2, 100)); n != 2 || v.Stats().Held != 2 {
		t.Errorf("sent %d before there was anybody", n)
	}
	if v.RequestKeyFrame(0, 0) || v.NACK(0, 0, []uint16{1}) || v.LimitBitrate(0, 1) {
		t.Error("feedback before anything was negotiated")
	}
}

// TestVideoPollIsBounded: as many packets as were asked for; the rest later.
func TestVideoPollIsBounded(t *testing.T) {
	v, c := show(t, nil)
	c.frame(20)
	var got blind
	v.leg.report.next = 1
	if n := v.Poll(clock.Now(), 0, &got); n != 0 || got.packets != 0 || v.Stats().RTCP.Sent != 1 {
		t.Errorf("read %d, handed over %d, want none, and a report sent", n, got.packets)
	}
	if n := v.Poll(clock.Now(), 8, &got); n != 8 || got.packets != 8 {
		t.Errorf("read %d, handed over %d, want 8", n, got.packets)
	}
	if n := v.look(&got); n != 12 || got.packets != 20 {
		t.Errorf("read %d, handed over %d, want 12 and 20", n, got.packets)
	}
}

// TestVideoControlWaitsForMedia: a look at the RTCP socket is saved while media comes, but not
// for long.
func TestVideoControlWaitsForMedia(t *testing.T) {
	v, c := show(t, nil)
	control := newPhone(t, loopback, v.leg.atControl(loopback))
	now := clock.Now()
	v.Poll(now, 8, &blind{})
	for _, x := range []struct {
		media int
		at    int64
		read  int
	}{{1, controlLook - 1, 1}, {0, controlLook - 1, 2}, {1, 2*controlLook - 2, 1}, {1, 2*controlLook - 1, 3}, {0, 2*controlLook - 1, 1}} {
		for range x.media {
			c.frame(1)
		}
		control.speak()
		if n := v.Poll(now+x.at, 8, &blind{}); n != x.read {
			t.Errorf("%d ns later: read %d, want %d", x.at, n, x.read)
		}
	}
}

func TestVideoCollision(t *testing.T) {
	for _, which := range []string{"picture", "retransmissions"} {
		t.Run(which, func(t *testing.T) {
			v, c := show(t, nil)
			before, own := v.SSRC(), v.SSRC
			if which != "picture" {
				before, own = v.RepairSSRC(), v.RepairSSRC
			}
			c.ssrc = before
			c.frame(1)
			var got blind
			v.look(&got)
			if own() == before || got.packets != 1 || v.Stats().Collisions != 1 {
				t.Fatalf("%x is still ours: %+v", before, v.Stats())
			}
			c.ssrc = own()
			c.frame(1)
			v.look(&got)
			if got.packets != 1 || own() != c.ssrc || v.Stats().Dropped.Loop != 1 {
				t.Errorf("our packets come back: %+v", v.Stats())
			}
		})
	}
}

func TestPrepareVideoRefuses(t *testing.T) {
	good := func() VideoParams {
		return VideoParams{ReceivePTs: []uint8{96}, ReceiveRTX: []RTXType{{97, 96}}, SendPT: 96, SendRTX: 97}
	}
	for _, c := range []struct {
		name   string
		change func(*VideoParams)
		ok     bool
	}{
		{"nothing", func(*VideoParams) {}, true},
		{"a type twice", func(p *VideoParams) { p.ReceivePTs = []uint8{96, 96} }, false},
		{"a type past 127", func(p *VideoParams) { p.ReceivePTs = []uint8{96, 128} }, false},
		{"retransmissions under a picture's type", func(p *VideoParams) { p.ReceiveRTX = []RTXType{{96, 96}} }, false},
		{"retransmissions of nothing", func(p *VideoParams) { p.ReceiveRTX = []RTXType{{97, 98}} }, false},
		{"retransmissions of retransmissions", func(p *VideoParams) { p.ReceiveRTX = []RTXType{{97, 96}, {98, 97}} }, false},
		{"retransmissions past 127", func(p *VideoParams) { p.ReceiveRTX = []RTXType{{128, 96}} }, false},
		{"of a type past 127", func(p *VideoParams) { p.ReceiveRTX = []RTXType{{97, 200}} }, false},
		{"egress past 127", func(p *VideoParams) { p.SendPT = 128 }, false},
		{"its retransmissions past 127", func(p *VideoParams) { p.SendRTX = 128 }, false},
		{"type that looks like RTCP", func(p *VideoParams) { p.RTCPMux, p.ReceivePTs = true, []uint8{96, 72} }, false},
		{"most encodings", func(p *VideoParams) { p.RIDID, p.RIDs = 1, []string{"a", "b", "c", "d"} }, true},
		{"too many encodings", func(p *VideoParams) { p.RIDID, p.RIDs = 1, []string{"a", "b", "c", "d", "e"} }, false},
		{"too many sources", func(p *VideoParams) { p.SSRCs = make([]VideoSSRC, 5) }, false},
		{"encodings that cannot be named", func(p *VideoParams) { p.RIDs = []string{"a", "b"} }, false},
		{"an encoding without name", func(p *VideoParams) { p.RIDID, p.RIDs = 1, []string{"a", ""} }, false},
		{"a key too short", func(p *VideoParams) { p.SRTP = &SRTP{Suite: AEADAES128GCM} }, false},
		{"a policy that is none", func(p *VideoParams) { p.Latch = 9 }, false},
	} {
		p := good()
		c.change(&p)
		if _, err := PrepareVideo(p); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestVideoRenegotiated: encodings that are named otherwise have other places.
func TestVideoRenegotiated(t *testing.T) {
	params := func(rids ...string) func(*VideoParams) {
		return func(p *VideoParams) { p.RIDID, p.RIDs = 1, rids }
	}
	v, c := show(t, params("a", "b"))
	c.write(c.picture(true, extension(t, map[uint8]string{1: "b"})))
	var got viewer
	v.look(&got)
	p := v.setup.params
	params("b", "a")(&p)
	applyVideo(t, v, p)
	c.write(c.picture(true, extension(t, map[uint8]string{1: "b"})))
	v.look(&got)
	if s := fmt.Sprint(got.packets[0].Encoding, got.packets[1].Encoding); s != "1 0" {
		t.Errorf("encodings %s, want 1 and 0", s)
	}
}
