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

// says sends RTCP of the peer and returns what the leg made of it.
func (c *camera) says(v *VideoLeg, b []byte) *viewer {
	c.t.Helper()
	c.write(b)
	w := new(viewer)
	v.look(w)
	return w
}

func TestVideoFeedbackOfThePeer(t *testing.T) {
	v, c := show(t, nil)
	own, rtx := v.SSRC(), v.RepairSSRC()
	nacks := []rtcp.NackPair{{PacketID: 65535, LostPackets: 0b101}}
	lost := []uint16{65535, 0, 2}
	for _, x := range []struct {
		name string
		b    []byte
		want []Feedback
		lost []uint16
	}{
		{"NACK", marshal(t, &rtcp.TransportLayerNack{SenderSSRC: 1, MediaSSRC: own, Nacks: nacks}), []Feedback{{Kind: FeedbackNACK}}, lost},
		{"NACK of retransmissions", marshal(t, &rtcp.TransportLayerNack{SenderSSRC: 1, MediaSSRC: rtx, Nacks: nacks}), []Feedback{{Kind: FeedbackNACK, Repair: true}}, lost},
		{"NACK of others", marshal(t, &rtcp.TransportLayerNack{SenderSSRC: 1, MediaSSRC: own + 1, Nacks: nacks}), nil, nil},
		{"PLI", marshal(t, &rtcp.PictureLossIndication{SenderSSRC: 1, MediaSSRC: own}), []Feedback{{Kind: FeedbackPLI}}, nil},
		{"PLI of nobody", marshal(t, &rtcp.PictureLossIndication{SenderSSRC: 1}), []Feedback{{Kind: FeedbackPLI}}, nil},
		{"PLI of others", marshal(t, &rtcp.PictureLossIndication{SenderSSRC: 1, MediaSSRC: own + 1}), nil, nil},
		{"FIR", marshal(t, &rtcp.FullIntraRequest{SenderSSRC: 1, FIR: []rtcp.FIREntry{{SSRC: own + 1}, {SSRC: own, SequenceNumber: 3}}}), []Feedback{{Kind: FeedbackFIR}}, nil},
		{"FIR again", marshal(t, &rtcp.FullIntraRequest{SenderSSRC: 1, FIR: []rtcp.FIREntry{{SSRC: own, SequenceNumber: 3}}}), nil, nil},
		{"FIR of another reporter", marshal(t, &rtcp.FullIntraRequest{SenderSSRC: 2, FIR: []rtcp.FIREntry{{SSRC: own, SequenceNumber: 3}}}), []Feedback{{Kind: FeedbackFIR}}, nil},
		{"FIR, next", marshal(t, &rtcp.FullIntraRequest{SenderSSRC: 2, FIR: []rtcp.FIREntry{{SSRC: own, SequenceNumber: 4}}}), []Feedback{{Kind: FeedbackFIR}}, nil},
		{"REMB", marshal(t, &rtcp.ReceiverEstimatedMaximumBitrate{SenderSSRC: 1, Bitrate: 1 << 20, SSRCs: []uint32{own + 1, own}}), []Feedback{{Kind: FeedbackREMB, Bitrate: 1 << 20}}, nil},
		{"REMB about nobody", marshal(t, &rtcp.ReceiverEstimatedMaximumBitrate{SenderSSRC: 1, Bitrate: 1 << 20}), []Feedback{{Kind: FeedbackREMB, Bitrate: 1 << 20}}, nil},
		{"REMB about others", marshal(t, &rtcp.ReceiverEstimatedMaximumBitrate{SenderSSRC: 1, Bitrate: 1 << 20, SSRCs: []uint32{own + 1}}), nil, nil},
		{"TMMBN", feedback.AppendTMMBN(nil, 1, feedback.Limit{SSRC: 5, Bitrate: 1}, feedback.Limit{SSRC: own, Bitrate: 5000}), []Feedback{{Kind: FeedbackTMMBN, Bitrate: 5000}}, nil},
		{"TMMBN of nobody", feedback.AppendTMMBN(nil, 1), nil, nil},
		{"two in one", append(feedback.AppendPLI(nil, 1, own), feedback.AppendREMB(nil, 1, 1000, own)...), []Feedback{{Kind: FeedbackPLI}, {Kind: FeedbackREMB, Bitrate: 1000}}, nil},
		{"BYE of a stranger", marshal(t, &rtcp.Goodbye{Sources: []uint32{99}}), nil, nil},
	} {
		w := c.says(v, x.b)
		for i := range w.said {
			if w.said[i].Arrival == 0 {
				t.Errorf("%s: no arrival", x.name)
			}
			w.said[i].Arrival = 0
		}
		if !slices.EqualFunc(w.said, x.want, func(a, b Feedback) bool {
			return a.Kind == b.Kind && a.Repair == b.Repair && a.Bitrate == b.Bitrate
		}) || !slices.Equal(w.lost, x.lost) {
			t.Errorf("%s: %+v, lost %v", x.name, w.said, w.lost)
		}
	}
	got, want := v.Stats().FeedbackReceived, FeedbackReceived{NACK: 2, PLI: 3, FIR: 3, REMB: 3, TMMBN: 1, Repeated: 1, Foreign: 4}
	if got != want {
		t.Errorf("counted %+v, want %+v", got, want)
	}
}

// TestVideoRefreshComesAgain: who does not count its requests is heard once a second.
func TestVideoRefreshComesAgain(t *testing.T) {
	v, _ := show(t, nil)
	var w viewer
	v.to = &w
	now := clock.Now()
	fir := feedback.AppendFIR(nil, 1, feedback.Refresh{SSRC: v.SSRC()})
	for _, d := range []int64{0, refreshAgain - 1, refreshAgain} {
		v.readFeedback(fir, now+d)
	}
	if len(w.said) != 2 || v.Stats().FeedbackReceived.Repeated != 1 {
		t.Errorf("%d requests, want 2", len(w.said))
	}
}

func TestVideoFeedbackMalformed(t *testing.T) {
	v, c := show(t, nil)
	own := v.SSRC()
	cut := func(b []byte) []byte { // leaves one word of control information
		b = slices.Clone(b[:16])
		b[3] = 3
		return b
	}
	for _, b := range [][]byte{
		cut(feedback.AppendFIR(nil, 1, feedback.Refresh{SSRC: own})),
		cut(feedback.AppendTMMBR(nil, 1, feedback.Limit{SSRC: own})),
		cut(feedback.AppendTMMBN(nil, 1, feedback.Limit{SSRC: own})),
		feedback.Append(nil, feedback.TypeTransport, feedback.FormatTMMBR, 1, own, 0),
		feedback.Append(nil, feedback.TypeTransport, feedback.FormatNACK, 1, own, 0),
		feedback.Append(nil, feedback.TypeTransport, feedback.FormatTransportCC, 1, own, 0),
		{0x81, 206, 0, 1, 0, 0, 0, 1},
	} {
		if w := c.says(v, b); len(w.said) != 0 {
			t.Errorf("% x: %+v", b, w.said)
		}
	}
	for _, b := range [][]byte{
		feedback.Append(nil, feedback.TypeTransport, 9, 1, own, 0),
		feedback.Append(nil, feedback.TypePayload, 9, 1, own, 0),
		cut(feedback.AppendREMB(nil, 1, 1, own)),
	} {
		c.says(v, b)
	}
	if s := v.Stats().FeedbackReceived; s.Malformed != 7 || s.Unknown != 3 {
		t.Errorf("%+v", s)
	}
}

// TestVideoLimitIsAnswered: once a poll, with the last.
func TestVideoLimitIsAnswered(t *testing.T) {
	v, c := show(t, nil)
	c.write(feedback.AppendTMMBR(nil, 77, feedback.Limit{SSRC: v.SSRC() + 1, Bitrate: 1}))
	c.write(feedback.AppendTMMBR(nil, 77, feedback.Limit{SSRC: v.SSRC(), Bitrate: 300_000, Overhead: 40}))
	w := c.says(v, feedback.AppendTMMBR(nil, 77, feedback.Limit{SSRC: v.SSRC(), Bitrate: 200_000, Overhead: 40}))
	if len(w.said) != 2 || w.said[1].Kind != FeedbackTMMBR || w.said[1].Bitrate != 200_000 {
		t.Errorf("%+v", w.said)
	}
	want := feedback.AppendTMMBN(nil, v.SSRC(), feedback.Limit{SSRC: 77, Bitrate: 200_000, Overhead: 40})
	if got := c.read(); !bytes.Equal(got, want) {
		t.Errorf("answered\n% x, want\n% x", got, want)
	}
	if v.look(w); v.Stats().RTCP.Sent != 1 {
		t.Errorf("%d answers", v.Stats().RTCP.Sent)
	}
}

// TestVideoReportsOfThePeer: about both streams of egress; sender reports and BYE name the
// encoding.
func TestVideoReportsOfThePeer(t *testing.T) {
	v, c := show(t, func(p *VideoParams) { p.SSRCs = []VideoSSRC{{10, 0}, {11, 0}} })
	c.ssrc = 11
	c.frame(1)
	v.look(&viewer{})
	trip := 50 * time.Millisecond
	sent := middle(NTP(clock.Now() - int64(trip)))
	w := c.says(v, marshal(t,
		&rtcp.SenderReport{SSRC: 11, NTPTime: 1<<40 + 5, RTPTime: 6, Reports: []rtcp.ReceptionReport{
			{SSRC: v.SSRC(), FractionLost: 64, TotalLost: 0xffffff, LastSequenceNumber: 70_000, Jitter: 900, LastSenderReport: sent},
			{SSRC: v.RepairSSRC(), FractionLost: 1},
			{SSRC: 4711},
		}},
		&rtcp.Goodbye{Sources: []uint32{4711, 11}}))
	if len(w.said) != 4 {
		t.Fatalf("%+v", w.said)
	}
	if f := w.said[0]; f.Kind != FeedbackSenderReport || f.Encoding != 1 || f.NTP != 1<<40+5 || f.RTP != 6 {
		t.Errorf("%+v", f)
	}
	f := w.said[1]
	if f.Kind != FeedbackReport || f.Repair || f.Fraction != 64 || f.CumulativeLost != -1 || f.Highest != 70_000 || f.Jitter != 900 ||
		f.RoundTrip < trip || f.RoundTrip > trip+5*time.Second {
		t.Errorf("%+v", f)
	}
	if f := w.said[2]; f.Kind != FeedbackReport || !f.Repair || f.Fraction != 1 {
		t.Errorf("%+v", f)
	}
	if f := w.said[3]; f.Kind != FeedbackBye || f.Encoding != 1 {
		t.Errorf("%+v", f)
	}
}

// TestVideoSentIsRecalled: what the peer says about transport-wide numbers comes with what
// was sent under them, once.
func TestVideoSentIsRecalled(t *testing.T) {
	v, c := show(t, func(p *VideoParams) { p.TransportCCID = 3 })
	start := clock.Now()
	out := frameOut(0, 0, 3, 100)
	v.SendVideo(start, out)
	v.SendVideo(start+5, out[:1])
	var numbers []byte
	for range 4 {
		r := c.readRTP()
		numbers = append(numbers, r.GetExtension(3)[1])
	}
	if !bytes.Equal(numbers, []byte{0, 1, 2, 3}) {
		t.Fatalf("numbers %v", numbers)
	}
	report := func(first uint16, times ...int64) []feedback.Arrival {
		b, _ := feedback.AppendTransportCC(nil, &feedback.Report{Sender: 1, Media: v.SSRC(), First: first, Times: times})
		w := c.says(v, b)
		if len(w.said) != 1 || w.said[0].Kind != FeedbackTransportCC {
			t.Fatalf("%+v", w.said)
		}
		return w.said[0].Sent
	}
	size := headerSize + numberSize + 103
	want := []feedback.Arrival{
		{Sequence: 0, Arrived: true, At: 64 * ms, SentAt: start, Size: size},
		{Sequence: 1, SentAt: start, Size: size},
		{Sequence: 2, Arrived: true, At: 65 * ms, SentAt: start, Size: size - 50},
	}
	if got := report(65535, 64*ms, 64*ms, -1, 65*ms); !slices.Equal(got, want) {
		t.Errorf("recalled %+v, want %+v", got, want)
	}
	want = []feedback.Arrival{{Sequence: 1, Arrived: true, At: 70 * ms, SentAt: start, Size: size}}
	if got := report(0, 64*ms, 70*ms, 64*ms); !slices.Equal(got, want) {
		t.Errorf("recalled %+v, want %+v", got, want)
	}
	for i := range logSize { // number 3 is overwritten
		v.sent.note(uint16(4+i), start, 1)
	}
	if got := report(3, 64*ms); len(got) != 0 {
		t.Errorf("recalled %+v", got)
	}
}

func TestVideoTransportFeedbackUnasked(t *testing.T) {
	v, c := show(t, nil)
	b, _ := feedback.AppendTransportCC(nil, &feedback.Report{Times: []int64{1}})
	if w := c.says(v, b); len(w.said) != 0 || v.Stats().FeedbackReceived.Foreign != 1 {
		t.Errorf("%+v", w.said)
	}
}
