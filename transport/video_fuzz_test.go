package transport

import (
	"testing"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"github.com/confd/confd/internal/clock"
	"github.com/confd/confd/transport/feedback"
)

// checker is a receiver that holds what it is given against what may be.
type checker struct {
	t *testing.T
	v *VideoLeg
}

func (c *checker) Video(p *VideoPacket) {
	if p.PayloadType != videoPT || int(p.Encoding) >= c.v.setup.encodings || len(p.Payload) > maxPacket {
		c.t.Fatalf("handed over %+v", p)
	}
}

func (c *checker) Feedback(f *Feedback) {
	n := 0
	for _, ok := f.Lost.Next(); ok; _, ok = f.Lost.Next() {
		n++
	}
	if f.Kind < FeedbackNACK || f.Kind > FeedbackBye || n > 17*32 || len(f.Sent) > logSize || int(f.Encoding) >= c.v.setup.encodings {
		c.t.Fatalf("told %+v", f)
	}
}

func fuzzed(f *testing.F) *VideoLeg {
	v, _ := show(f, func(p *VideoParams) {
		p.RIDs, p.RIDID, p.RepairedRIDID, p.MIDID, p.MID = []string{"a", "b"}, 1, 2, 3, "0"
		p.TransportCC, p.TransportCCID, p.FrameMarkingID = true, 4, 5
	})
	v.leg.ssrc.Store(2)
	v.rtx.ssrc.Store(3)
	return v
}

// FuzzVideoIngest puts whole datagrams through a leg: pictures, retransmissions and RTCP.
func FuzzVideoIngest(f *testing.F) {
	for _, b := range headerSeeds(f) {
		f.Add(b)
	}
	seed := func(pt uint8, ssrc uint32, seq uint16, payload string, elements map[uint8]string) {
		p := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: pt, SSRC: ssrc, SequenceNumber: seq}, Payload: []byte(payload)}
		extension(f, elements)(&p)
		b, err := p.Marshal()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	seed(videoPT, 10, 1, "picture", map[uint8]string{1: "a", 3: "0", 4: "\x00\x07", 5: "\x80"})
	seed(rtxPT, 11, 1, "\x00\x01picture", map[uint8]string{2: "a", 4: "\xff\xff"})
	seed(videoPT, 2, 1, "", map[uint8]string{1: "b"})
	f.Add(feedback.AppendPLI(nil, 1, 2))
	v := fuzzed(f)
	m := scratches.Get().(*scratch)
	now := clock.Now()
	f.Fuzz(func(t *testing.T, b []byte) {
		now += ms
		v.to = &checker{t, v}
		m.data, m.from, m.truncated = b, v.leg.latch.remote, len(b) > maxPacket
		if payload, ok := v.leg.unpack(m, now); ok {
			v.accept(m, payload, now)
		}
	})
}

// FuzzVideoControl puts RTCP through a leg, and has it report.
func FuzzVideoControl(f *testing.F) {
	for _, p := range [][]rtcp.Packet{
		{&rtcp.SenderReport{SSRC: 10, NTPTime: 1 << 40, Reports: []rtcp.ReceptionReport{{SSRC: 2, LastSenderReport: 5}, {SSRC: 3}}}},
		{&rtcp.ReceiverReport{SSRC: 1}, &rtcp.Goodbye{Sources: []uint32{1, 10}}},
		{&rtcp.TransportLayerNack{MediaSSRC: 2, Nacks: []rtcp.NackPair{{PacketID: 9, LostPackets: 0xffff}}}},
		{&rtcp.PictureLossIndication{MediaSSRC: 3}, &rtcp.FullIntraRequest{FIR: []rtcp.FIREntry{{SSRC: 2, SequenceNumber: 7}}}},
		{&rtcp.ReceiverEstimatedMaximumBitrate{Bitrate: 1e6, SSRCs: []uint32{2}}},
	} {
		f.Add(marshal(f, p...))
	}
	f.Add(feedback.AppendTMMBR(nil, 1, feedback.Limit{SSRC: 2, Bitrate: 5}))
	f.Add(feedback.AppendTMMBN(nil, 1, feedback.Limit{SSRC: 2, Bitrate: 5}))
	b, _ := feedback.AppendTransportCC(nil, &feedback.Report{First: 1, Times: []int64{5 * ms, -1, 9 * ms}})
	f.Add(b)
	v := fuzzed(f)
	m := scratches.Get().(*scratch)
	f.Fuzz(func(t *testing.T, b []byte) {
		now := clock.Now()
		v.to = &checker{t, v}
		v.sent.note(uint16(now), now, 100)
		v.leg.readCompound(b, now)
		v.leg.report.next = now
		v.due(m, now)
		if v.asked.owed {
			t.Fatal("an answer is owed")
		}
	})
}
