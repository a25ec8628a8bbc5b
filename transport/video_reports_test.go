package transport

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"github.com/confd/confd/internal/clock"
	"github.com/confd/confd/transport/feedback"
)

// feedbackOf reads what the leg has sent as one compound packet.
func (c *camera) feedbackOf() []rtcp.Packet {
	c.t.Helper()
	p, err := rtcp.Unmarshal(c.read())
	if err != nil {
		c.t.Fatal(err)
	}
	return p
}

func TestVideoAsksForKeyFrame(t *testing.T) {
	for _, x := range []struct {
		name   string
		change func(*VideoParams)
		asked  bool
		want   []rtcp.Packet // of two requests
	}{
		{"PLI", nil, true, []rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: 0x1234}, &rtcp.PictureLossIndication{MediaSSRC: 0x1234}}},
		{"FIR", func(p *VideoParams) { p.PLI = false }, true, []rtcp.Packet{
			&rtcp.FullIntraRequest{FIR: []rtcp.FIREntry{{SSRC: 0x1234, SequenceNumber: 1}}},
			&rtcp.FullIntraRequest{FIR: []rtcp.FIREntry{{SSRC: 0x1234, SequenceNumber: 2}}}}},
		{"neither", func(p *VideoParams) { p.PLI, p.FIR = false, false }, false, nil},
	} {
		t.Run(x.name, func(t *testing.T) {
			v, c := show(t, x.change)
			if got := v.RequestKeyFrame(0, 0); got != x.asked || v.Stats().RTCP.Sent != 0 {
				t.Errorf("asked of nobody: %v", got)
			}
			c.frame(1)
			v.look(&blind{})
			for i, want := range x.want {
				if !v.RequestKeyFrame(0, 0) {
					t.Fatal("not asked")
				}
				switch p := want.(type) {
				case *rtcp.PictureLossIndication:
					p.SenderSSRC = v.SSRC()
				case *rtcp.FullIntraRequest:
					p.SenderSSRC = v.SSRC()
				}
				if got := c.read(); !bytes.Equal(got, marshal(t, want)) {
					t.Errorf("request %d: % x, want %v", i, got, want)
				}
			}
			if v.RequestKeyFrame(0, 200) != x.asked {
				t.Error("asked of an encoding that there is not")
			}
			if s := v.Stats().FeedbackSent; s.Datagrams != uint64(len(x.want)) || s.PLI+s.FIR != s.Datagrams {
				t.Errorf("%+v", s)
			}
		})
	}
}

// TestVideoAsksWhoIsSignalled: an encoding need not have been heard if its SSRC is known.
func TestVideoAsksWhoIsSignalled(t *testing.T) {
	v, c := show(t, func(p *VideoParams) { p.SSRCs = []VideoSSRC{{Main: 10}, {Main: 11}} })
	v.RequestKeyFrame(0, 1)
	if p, ok := c.feedbackOf()[0].(*rtcp.PictureLossIndication); !ok || p.MediaSSRC != 11 {
		t.Errorf("%v", p)
	}
}

// TestVideoCompound: who did not agree to reduced size gets a report in front.
func TestVideoCompound(t *testing.T) {
	v, c := show(t, func(p *VideoParams) { p.ReducedSize = false })
	c.frame(1)
	v.look(&blind{})
	v.RequestKeyFrame(0, 0)
	p := compound(t, c.read())
	if len(p) != 3 || p[0].(*rtcp.ReceiverReport).SSRC != v.SSRC() || p[2].(*rtcp.PictureLossIndication).MediaSSRC != c.ssrc {
		t.Errorf("%v", p)
	}
}

func TestVideoNACK(t *testing.T) {
	v, c := show(t, nil)
	if !v.NACK(0, 0, []uint16{1}) || v.Stats().RTCP.Sent != 0 {
		t.Error("a NACK about nobody")
	}
	c.frame(1)
	v.look(&blind{})
	var lost []uint16
	for i := range uint16(200) { // each an entry of its own
		lost = append(lost, 65_000+17*i)
	}
	for _, n := range []int{1, 32, 33, 128, 129} {
		if !v.NACK(0, 0, lost[:n]) {
			t.Fatal("not asked")
		}
		var asked []uint16
		for _, p := range c.feedbackOf() {
			nack := p.(*rtcp.TransportLayerNack)
			if nack.MediaSSRC != c.ssrc || nack.SenderSSRC != v.SSRC() {
				t.Errorf("%v", nack)
			}
			for _, pair := range nack.Nacks {
				asked = append(asked, pair.PacketList()...)
			}
		}
		if want := lost[:min(n, 32*maxNACKs)]; !slices.Equal(asked, want) {
			t.Errorf("of %d asked for %d: %v", n, len(asked), asked)
		}
	}
	if s := v.Stats().FeedbackSent; s.NACK != 5 || s.NACKed != 1+32+33+128+128 {
		t.Errorf("%+v", s)
	}
	if !v.NACK(0, 0, nil) || v.Stats().FeedbackSent.NACK != 5 {
		t.Error("nothing is asked for")
	}
	p := v.setup.params
	p.NACK = false
	applyVideo(t, v, p)
	if v.NACK(0, 0, lost) {
		t.Error("asked though it was not negotiated")
	}
}

// TestVideoLimitsThePeer: TMMBR until it is confirmed, REMB for ever.
func TestVideoLimitsThePeer(t *testing.T) {
	const rate = 500_000
	v, c := show(t, nil)
	if !v.LimitBitrate(0, rate) || v.Stats().RTCP.Sent != 0 {
		t.Error("a limit for nobody")
	}
	c.frame(1)
	v.look(&blind{})
	limits := func(b []byte) (remb, tmmbr int) {
		for len(b) > 0 {
			size := 4 * (int(b[3]) + 1)
			if m, ok := feedback.Read(b); ok && m.Type == feedback.TypePayload {
				e, _ := feedback.ReadREMB(m.FCI)
				if s, _ := e.Next(); e.Bitrate != rate&^0 || s != c.ssrc {
					t.Errorf("%+v about %x", e, s)
				}
				remb++
			} else if ok {
				l, _ := feedback.ReadLimits(m.FCI)
				if e, _ := l.Next(); m.Format != feedback.FormatTMMBR || e.SSRC != c.ssrc || e.Bitrate > rate || e.Bitrate < rate-8 || e.Overhead != 28 {
					t.Errorf("%+v", e)
				}
				tmmbr++
			}
			b = b[size:]
		}
		return remb, tmmbr
	}
	report := func() (int, int) {
		m := scratches.Get().(*scratch)
		defer scratches.Put(m)
		v.leg.sendReport(m, clock.Now())
		return limits(c.read())
	}
	v.LimitBitrate(0, rate)
	if remb, tmmbr := limits(c.read()); remb != 1 || tmmbr != 1 {
		t.Errorf("%d REMB, %d TMMBR, want both", remb, tmmbr)
	}
	if remb, tmmbr := report(); remb != 1 || tmmbr != 1 {
		t.Errorf("%d REMB, %d TMMBR, want both again", remb, tmmbr)
	}
	c.says(v, feedback.AppendTMMBN(nil, 9, feedback.Limit{SSRC: v.SSRC(), Bitrate: rate + 8}))
	if _, tmmbr := report(); tmmbr != 1 {
		t.Error("the peer keeps to more than was asked, and is not asked again")
	}
	c.says(v, feedback.AppendTMMBN(nil, 9, feedback.Limit{SSRC: v.SSRC(), Bitrate: rate - 1}))
	if remb, tmmbr := report(); remb != 1 || tmmbr != 0 {
		t.Errorf("%d REMB, %d TMMBR, want only the first", remb, tmmbr)
	}
	v.LimitBitrate(0, 0)
	if remb, tmmbr := report(); remb+tmmbr != 0 {
		t.Errorf("%d REMB, %d TMMBR, want none", remb, tmmbr)
	}
	p := v.setup.params
	p.REMB, p.TMMBR = false, false
	applyVideo(t, v, p)
	if v.LimitBitrate(0, rate) {
		t.Error("asked though it was not negotiated")
	}
}

// TestVideoReport: a block for each source that was heard, a sender report for each stream of
// egress that was sent, and names for both.
func TestVideoReport(t *testing.T) {
	v, c := show(t, func(p *VideoParams) { p.SSRCs = []VideoSSRC{{10, 110}, {11, 0}} })
	for _, ssrc := range []uint32{10, 11} {
		c.ssrc = ssrc
		c.frame(2)
		c.seq += 2 // lost
		c.frame(1)
	}
	c.write(c.picture(true, repeat(110, 9)))
	c.write(marshal(t, &rtcp.SenderReport{SSRC: 11, NTPTime: 0xaabbccdd << 16}))
	v.look(&blind{})
	now := clock.Now()
	out := frameOut(5, 9000, 4, 100)
	v.SendVideo(now, out[:2])
	v.SendVideo(now+int64(time.Second), out[2:]) // of the same picture
	out[0].Repair = true
	v.SendVideo(now+int64(2*time.Second), out[:1])
	for range 5 {
		c.read()
	}
	m := scratches.Get().(*scratch)
	defer scratches.Put(m)
	report := func(at int64) []rtcp.Packet {
		v.leg.lastPoll = at
		v.leg.sendReport(m, at)
		return compound(t, c.read())
	}
	p := report(now + int64(time.Second))
	sr := p[0].(*rtcp.SenderReport)
	if sr.SSRC != v.SSRC() || sr.PacketCount != 4 || sr.OctetCount != 3*103+53 || sr.RTPTime != 9000+90_000 || sr.NTPTime != NTP(now+int64(time.Second)) {
		t.Errorf("%v", sr)
	}
	heard := map[uint32]rtcp.ReceptionReport{}
	for _, r := range sr.Reports {
		heard[r.SSRC] = r
	}
	if r := heard[10]; len(heard) != 3 || r.TotalLost != 2 || r.FractionLost != 102 || r.LastSequenceNumber != 1004 || r.LastSenderReport != 0 {
		t.Errorf("%v", heard)
	}
	if r := heard[11]; r.TotalLost != 2 || r.LastSenderReport != 0xaabbccdd {
		t.Errorf("%v", r)
	}
	if r := heard[110]; r.TotalLost != 0 || r.LastSequenceNumber != 9 {
		t.Errorf("%v", r)
	}
	again := p[2].(*rtcp.SenderReport)
	if again.SSRC != v.RepairSSRC() || again.PacketCount != 1 || again.OctetCount != 103 || len(again.Reports) != 0 {
		t.Errorf("%v", again)
	}
	for i, ssrc := range map[int]uint32{1: v.SSRC(), 3: v.RepairSSRC()} {
		d := p[i].(*rtcp.SourceDescription)
		if len(d.Chunks) != 1 || d.Chunks[0].Source != ssrc || d.Chunks[0].Items[0].Text != v.CNAME() {
			t.Errorf("%v", d)
		}
	}
	p = report(now + int64(2*time.Second))
	if r, ok := p[0].(*rtcp.ReceiverReport); !ok || len(r.Reports) != 0 || len(p) != 2 {
		t.Errorf("nothing happened since: %v", p)
	}
	_ = v.Close()
	p = compound(t, c.read())
	var left []uint32
	for _, x := range p {
		if bye, ok := x.(*rtcp.Goodbye); ok {
			left = append(left, bye.Sources...)
		}
	}
	if !slices.Equal(left, []uint32{v.SSRC(), v.RepairSSRC()}) {
		t.Errorf("left %x", left)
	}
}

// TestVideoReportsAreTimely: to who sends pictures every second or so, to who only looks every
// five; the first sooner.
func TestVideoReportsAreTimely(t *testing.T) {
	for _, sends := range []bool{true, false} {
		v, c := show(t, nil)
		start := clock.Now()
		var at []int64
		for now := start; len(at) < 100; now += tickTime {
			before := v.Stats().RTCP.Sent
			v.Poll(now, 16, &blind{})
			if v.Stats().RTCP.Sent == before {
				continue
			}
			at = append(at, now)
			if sends {
				c.frame(1)
				v.look(&blind{})
			}
		}
		mean, least, most := time.Duration(at[99]-at[0])/99, 700*time.Millisecond, 950*time.Millisecond
		if !sends {
			least, most = 5*least, 5*most
		}
		if first := time.Duration(at[0] - start); first > 700*time.Millisecond || mean < least || mean > most {
			t.Errorf("sends pictures %v: the first after %v, then every %v", sends, first, mean)
		}
	}
}

// TestVideoTellsArrivals: transport-wide feedback goes out every 100 ms, if there is any, and
// only to who asked for it.
func TestVideoTellsArrivals(t *testing.T) {
	v, c := show(t, func(p *VideoParams) { p.TransportCCID, p.TransportCC = 5, true })
	v.leg.report.next = 1 << 62
	number := func(n uint16) {
		c.write(c.picture(true, extension(t, map[uint8]string{5: string([]byte{byte(n >> 8), byte(n)})})))
	}
	told := func() []rtcp.Packet {
		if v.Stats().RTCP.Sent == 0 {
			return nil
		}
		v.leg.count.rtcpOut.Store(0)
		return c.feedbackOf()
	}
	now := clock.Now() + int64(time.Second)
	number(65534)
	number(65535)
	number(1)
	v.Poll(now, 16, &blind{})
	p := told()
	if len(p) != 1 {
		t.Fatalf("told %v", p)
	}
	if r := p[0].(*rtcp.TransportLayerCC); r.BaseSequenceNumber != 65534 || r.PacketStatusCount != 4 || r.FbPktCount != 0 || r.MediaSSRC != c.ssrc || len(r.RecvDeltas) != 3 {
		t.Errorf("%v", r)
	}
	number(2)
	v.Poll(now+transportReports-1, 16, &blind{})
	if p := told(); p != nil {
		t.Errorf("too early: %v", p)
	}
	number(0) // late
	v.Poll(now+transportReports, 16, &blind{})
	if r := told()[0].(*rtcp.TransportLayerCC); r.BaseSequenceNumber != 0 || r.PacketStatusCount != 3 || r.FbPktCount != 1 || len(r.RecvDeltas) != 3 {
		t.Errorf("%v", r)
	}
	v.Poll(now+10*transportReports, 16, &blind{})
	if p := told(); p != nil {
		t.Errorf("nothing new: %v", p)
	}
	q := v.setup.params
	q.TransportCC = false
	applyVideo(t, v, q)
	v.leg.report.next = 1 << 62
	number(3)
	v.Poll(now+20*transportReports, 16, &blind{})
	if p := told(); p != nil {
		t.Errorf("not asked for any more: %v", p)
	}
}

// TestArrivalLog holds the log against a plain account of what came.
func TestArrivalLog(t *testing.T) {
	var a arrivalLog
	told := map[uint16]int64{}
	read := func() (messages int) {
		for a.pending {
			b := a.append(nil, 1)
			if len(b) == 0 {
				continue
			}
			messages++
			m, _ := feedback.Read(b)
			r, ok := feedback.ReadTransportCC(m.FCI)
			if !ok {
				t.Fatalf("% x", b)
			}
			for x, more := r.Next(); more; x, more = r.Next() {
				if x.Arrived {
					told[x.Sequence] = x.At
				}
			}
		}
		return messages
	}
	want := map[uint16]int64{}
	at := int64(time.Hour)
	for i := range uint16(3000) { // through a wrap, every third lost, every seventh late
		n := 64_000 + i
		if i%3 == 0 || i%7 == 0 {
			continue
		}
		at += ms
		a.note(n, at)
		want[n] = at
		if late := n - 5; i%7 == 5 && i > 5 && i%3 != 2 {
			a.note(late, at)
			if _, known := want[late]; !known {
				want[late] = at
			}
		}
		if i%100 == 99 {
			read()
		}
	}
	read()
	if len(told) != len(want) {
		t.Fatalf("told of %d packets, want %d", len(told), len(want))
	}
	for n, at := range want {
		if told[n] != at {
			t.Fatalf("packet %d at %d, want %d", n, told[n], at)
		}
	}
	a = arrivalLog{}
	for n := range uint16(2 * logSize) { // nobody asks for long
		a.note(n, at)
	}
	if n := a.last - a.base + 1; n != logSize || read() != logSize/feedback.MaxReported {
		t.Errorf("%d packets are remembered, want %d", n, logSize)
	}
	for _, x := range []struct {
		name  string
		jump  uint16
		first uint16
		count int
	}{
		{"as far as can be", logSize - 1, 1, logSize - 1},
		{"further", logSize, logSize, 1},
		{"twice", 0, 0, 0},
		{"as late as can be", 65536 - (logSize - 1), 65536 - (logSize - 1), logSize},
		{"later", 65536 - logSize, 0, 0},
	} {
		a = arrivalLog{}
		a.note(0, at)
		read()
		a.note(x.jump, at)
		first, count := uint16(a.base), int(a.last-a.base+1)
		if !a.pending {
			first, count = 0, 0
		}
		if first != x.first || count != x.count {
			t.Errorf("%s: from %d on %d packets, want %d from %d", x.name, first, count, x.count, x.first)
		}
		if n := read(); n > logSize/feedback.MaxReported {
			t.Errorf("%s: %d messages", x.name, n)
		}
	}
}
