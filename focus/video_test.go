package focus

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"

	"github.com/confd/confd/focus/offeranswer"
	"github.com/confd/confd/forwarder"
	"github.com/confd/confd/internal/testkit/wait"
	"github.com/confd/confd/media"
	"github.com/confd/confd/rooms"
	"github.com/confd/confd/transport"
)

func TestVideoIsAccepted(t *testing.T) {
	for _, network := range []string{"UDP", "TCP"} {
		s := startVideo(t, withListen(Listen{strings.ToLower(network), "127.0.0.1:0"}))
		p := dial(t, network, s.addr(0))
		d, answer := s.watch(p, both(40002))
		if got := ports(answer); len(got) != 1 || got[0] != d.legPort(0) || !strings.Contains(answer, "VP8/90000") {
			t.Errorf("the answer is\n%s", answer)
		}
		if got := d.videos(t); len(got) != 1 || got[0].Line != 1 || got[0].State != rooms.VideoOn || got[0].Format != vp8 {
			t.Errorf("the room has %+v", got)
		}
		s.pairs(2)
		s.leave(p)
	}
}

// A phone without a codec of the room has audio, and the room knows why it has no video.
func TestVideoIsRefused(t *testing.T) {
	s := startVideo(t)
	p := dial(t, "UDP", s.addr(0))
	d, answer := s.watch(p, lineVP9(40002))
	if got := ports(answer); len(got) != 1 || got[0] != 0 || !d.negotiated().Audio {
		t.Errorf("the answer is\n%s", answer)
	}
	got := d.videos(t)
	if len(got) != 1 || got[0].State != rooms.VideoRefused || !strings.Contains(got[0].Why, "has vp9/0; wanted is vp8") {
		t.Errorf("the room has %+v", got)
	}
	s.pairs(1)
	s.leave(p)
}

// Rooms without video refuse it as they always did.
func TestVideoIsNotToBeHad(t *testing.T) {
	s := start(t)
	p := dial(t, "UDP", s.addr(0))
	d, answer := s.watch(p, both(40002))
	if got := ports(answer); len(got) != 1 || got[0] != 0 || d.videos(t) != nil {
		t.Errorf("the answer is\n%s", answer)
	}
	s.pairs(1)
	res := p.expect(200, p.request("INVITE", "", ""))
	if got := ports(string(res.Body())); len(got) != 1 || got[0] != 0 {
		t.Errorf("the offer is\n%s", res.Body())
	}
	p.ack(offer(p.local, "sendrecv") + lineVP8(0))
	s.leave(p)
}

// Without ports for video there is sound, and it is counted and told.
func TestVideoWithoutPorts(t *testing.T) {
	small, err := transport.NewPortPool(20900, 20903, 0)
	if err != nil {
		t.Fatal(err)
	}
	s := startVideo(t, func(c *Config) { c.Pool = small })
	p := dial(t, "UDP", s.addr(0))
	d, answer := s.watch(p, lineVP8(40002), lineVP8(40004), lineVP8(40006))
	if got := ports(answer); len(got) != 3 || got[0] == 0 || got[1] != 0 || got[2] != 0 {
		t.Errorf("the answer is\n%s", answer)
	}
	if got := d.videos(t); len(got) != 3 || got[2].State != rooms.VideoRefused || !strings.Contains(got[2].Why, "ports") {
		t.Errorf("the room has %+v", got)
	}
	if n := s.Stats().VideoNoPorts; n != 2 {
		t.Errorf("%d lines without ports were counted, want 2", n)
	}
	p.expect(200, p.request("BYE", "", ""))
	wait.For(t, "ports to be given back", func() bool { return small.InUse() == 0 })
}

// More lines than the room gives a participant are refused.
func TestVideoLinesAreBounded(t *testing.T) {
	s := startVideo(t)
	p := dial(t, "UDP", s.addr(0))
	var lines []string
	for i := range 20 {
		lines = append(lines, lineVP8(40002+2*i))
	}
	_, answer := s.watch(p, lines...)
	most := s.registry.VideoPlan("any").Lines
	for i, port := range ports(answer) {
		if (port != 0) != (i < most) {
			t.Errorf("line %d has port %d, where %d are allowed", i, port, most)
		}
	}
	s.pairs(1 + most)
	s.leave(p)
}

// An INVITE without an offer gets one of sound and of video; the answer decides.
func TestVideoIsOffered(t *testing.T) {
	for name, c := range map[string]struct {
		answer string
		state  rooms.VideoState
		format media.VideoFormat
		pairs  int
	}{
		"taken":   {lineH264(40002), rooms.VideoOn, h264, 2},
		"refused": {lineH264(0), rooms.VideoRefused, media.VideoFormat{}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := startVideo(t)
			p := dial(t, "UDP", s.addr(0))
			res := p.invite("", "")
			if got := ports(string(res.Body())); len(got) != 1 || got[0] == 0 {
				t.Fatalf("the offer is\n%s", res.Body())
			}
			p.ack(offer(p.local, "sendrecv") + c.answer)
			d := s.dialogOf(p).confirmed(t)
			wait.For(t, "the answer to be in force", func() bool { return d.negotiated() != nil })
			if got := d.videos(t); len(got) != 1 || got[0].State != c.state || got[0].Format != c.format {
				t.Errorf("the room has %+v", got)
			}
			s.pairs(c.pairs)
			s.leave(p)
		})
	}
}

// An answer that leaves the choice among formats is followed by an offer of one.
func TestVideoIsNarrowed(t *testing.T) {
	s := startVideo(t)
	p := dial(t, "UDP", s.addr(0))
	p.invite("", "")
	p.ack(offer(p.local, "sendrecv") + both(40002))
	invite := p.await(sip.INVITE)
	if body := string(invite.Body()); !strings.Contains(body, "VP8") || strings.Contains(body, "H264") {
		t.Errorf("the offer is\n%s", body)
	}
	p.answer(invite, 200, "Contact: <sip:caller@"+p.local+">\n", offer(p.local, "sendrecv")+lineVP8(40002))
	p.await(sip.ACK)
	s.leave(p)
}

// INVITEs with long descriptions pass, over UDP in fragments.
func TestLongVideoOffer(t *testing.T) {
	for _, network := range []string{"UDP", "TCP"} {
		s := startVideo(t, withListen(Listen{strings.ToLower(network), "127.0.0.1:0"}))
		p := dial(t, network, s.addr(0))
		line := both(40002)
		for pt := 98; pt < 127; pt++ {
			line = strings.Replace(line, "AVP 96 97", fmt.Sprintf("AVP 96 97 %d", pt), 1) +
				fmt.Sprintf("a=rtpmap:%d H264/90000\na=fmtp:%d profile-level-id=64%04x;packetization-mode=1;max-mbps=108000;max-fs=3600\n", pt, pt, pt) +
				fmt.Sprintf("a=rtcp-fb:%d nack pli\na=rtcp-fb:%d ccm fir\n", pt, pt)
		}
		if len(line) < 4000 {
			t.Fatalf("the line has only %d bytes", len(line))
		}
		if _, answer := s.watch(p, line); ports(answer)[0] == 0 {
			t.Errorf("over %s, the answer is\n%s", network, answer)
		}
		s.leave(p)
	}
}

// Codecs, directions and addresses are told to the transport as they were agreed on.
func TestVideoParams(t *testing.T) {
	key := &offeranswer.Crypto{}
	v := offeranswer.Video{
		Accepted: true, Format: vp8, SendPT: 96, SendRTX: 97, Receive: map[uint8]uint8{96: 96, 97: 96},
		Feedback:    offeranswer.VideoFeedback{NACK: true, TMMBR: true},
		ReducedSize: true, TransportCCID: 1, FrameMarkingID: 2, RIDID: 3, RepairedRIDID: 4, MIDID: 5, MID: "v",
		RemoteRTP: netip.MustParseAddrPort("192.0.2.1:4000"), RemoteRTCP: netip.MustParseAddrPort("192.0.2.1:4001"),
		Direction: offeranswer.SendOnly, RemoteHold: true,
		RIDs: []string{"a", "b", "c", "d", "e"}, SSRCs: []offeranswer.VideoSource{{SSRC: 1, RTX: 2}}, Bandwidth: 500000,
	}
	want := transport.VideoParams{
		RemoteRTP: v.RemoteRTP, RemoteRTCP: v.RemoteRTCP, Send: true, Latch: transport.LatchBounded,
		ReceivePTs: []uint8{96}, ReceiveRTX: []transport.RTXType{{PT: 97, Original: 96}}, SendPT: 96, SendRTX: 97,
		NACK: true, TMMBR: true, ReducedSize: true,
		TransportCCID: 1, FrameMarkingID: 2, RIDID: 3, RepairedRIDID: 4, MIDID: 5, MID: "v", RIDs: v.RIDs[:transport.MaxEncodings],
	}
	if p := videoParams(&v); !reflect.DeepEqual(p, want) {
		t.Errorf("the parameters are %+v, want %+v", p, want)
	}
	if _, err := transport.PrepareVideo(want); err != nil {
		t.Error(err)
	}
	line := forwarder.LineConfig{Format: vp8, NACK: true, Send: true, Muted: true, MaxBitrate: 500000, Encodings: 4}
	if got := lineConfig(&v); got != line {
		t.Errorf("the line is %+v, want %+v", got, line)
	}

	// The other half: who names no encodings is told apart by SSRC.
	v.RIDs, v.Direction, v.RTCPMux, v.SRTP = nil, offeranswer.RecvOnly, true, key
	v.Feedback = offeranswer.VideoFeedback{PLI: true, FIR: true, REMB: true, TransportCC: true}
	p := videoParams(&v)
	if p.Send || !p.Receive || p.NACK || !p.PLI || !p.FIR || p.TMMBR || !p.REMB || !p.TransportCC || !p.RTCPMux || p.SRTP == nil {
		t.Errorf("the parameters are %+v", p)
	}
	if !slices.Equal(p.SSRCs, []transport.VideoSSRC{{Main: 1, RTX: 2}}) || lineConfig(&v).Encodings != 1 {
		t.Errorf("the sources are %+v", p.SSRCs)
	}
}
