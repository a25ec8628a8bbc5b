package multicast

import (
	"bytes"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"github.com/confd/confd/internal/clock"
	"github.com/confd/confd/internal/testkit/leak"
	"github.com/confd/confd/internal/testkit/wait"
	"github.com/confd/confd/media"
	"github.com/confd/confd/multicast/feedback"
	"github.com/confd/confd/multicast/groupkey"
	"github.com/confd/confd/multicast/listen"
	"github.com/confd/confd/transport"
	"github.com/confd/confd/transport/repair"
)

var (
	vp8  = media.VideoFormat{Codec: media.VP8}
	h264 = media.VideoFormat{Codec: media.H264, Profile: media.H264ConstrainedBaseline, PacketizationMode: 1}
)

// withVideo is a host on the loopback interface with four ports that nobody holds.
func withVideo(t testing.TB) *Host {
	t.Helper()
	for range 100 {
		p := freePorts(t)
		if p[1] > 65533 {
			continue
		}
		a, err := net.ListenUDP("udp4", &net.UDPAddr{IP: home.AsSlice(), Port: p[0] + 2})
		if err != nil {
			continue
		}
		_ = a.Close()
		b, err := net.ListenUDP("udp4", &net.UDPAddr{IP: home.AsSlice(), Port: p[0] + 3})
		if err != nil {
			continue
		}
		_ = b.Close()
		return homeHost(t, func(c *Config) { c.Ports = [2]int{p[0], p[0] + 3} })
	}
	t.Fatal("no four ports are free")
	return nil
}

func picture(text string) []transport.VideoOut {
	return []transport.VideoOut{{Timestamp: 90000, Marker: true, Body: []byte(text)}}
}

func sdpOf(t *testing.T, g *Group) string {
	t.Helper()
	sdp, _ := g.Description(true)
	return string(sdp)
}

func TestVideoOfAGroup(t *testing.T) {
	leak.Check(t)
	g := opened(t, withVideo(t), Spec{Video: true})
	v := g.Video()
	sound := sdpOf(t, g)
	if strings.Contains(sound, "m=video") || v.SendVideo(1, picture("early")) != 1 {
		t.Errorf("before there is a format:\n%s", sound)
	}
	_, version := g.Description(false)
	if err := g.SetVideo(vp8); err != nil {
		t.Fatal(err)
	}
	_, next := g.Description(false)
	if all := sdpOf(t, g); next <= version || !strings.Contains(all, "m=video") || strings.Contains(string(g.Sound()), "video") {
		t.Errorf("version %d after %d\n%s", next, version, all)
	}
	if _, err := listen.Parse([]byte(sdpOf(t, g))); err != nil {
		t.Error("who hears the sound cannot read that there is video:", err)
	}
	rtpIn, rtcpIn := hear(t, g, 2, home), hear(t, g, 3, home)
	v.SendVideo(clock.Now(), picture("first"))
	b, _ := rtpIn.next()
	var p rtp.Packet
	if p.Unmarshal(b) != nil || string(p.Payload) != "first" || p.PayloadType != 100 || p.SSRC != g.Stats().Pictures.SSRC {
		t.Errorf("%v", p)
	}
	if err := g.SetVideo(vp8); err != nil || g.Stats().Pictures.SSRC != p.SSRC {
		t.Error("the same format is another stream:", err)
	}
	if err := g.SetVideo(h264); err != nil || g.Pictured() != h264 {
		t.Fatal(err)
	}
	if cname := lastWords(t, rtcpIn, p.SSRC); cname != g.cname {
		t.Errorf("the video is of %q, the sound of %q: players cannot keep lips to it", cname, g.cname)
	}
	v.SendVideo(clock.Now(), picture("second"))
	b, _ = rtpIn.next()
	if was := p.SSRC; p.Unmarshal(b) != nil || p.PayloadType != 102 || p.SSRC == was {
		t.Errorf("after a change of format: %v", p)
	}
	g.Close()
	if cname := lastWords(t, rtcpIn, p.SSRC); cname != g.cname {
		t.Error("no BYE at the end")
	}
	if s := g.Stats(); s.Pictures.Packets != 2 || s.Pictures.SSRC != 0 || v.live.Load() != nil || v.SendVideo(1, picture("late")) != 1 {
		t.Errorf("%+v", s.Pictures)
	}
	if err := g.Open(); err != nil || g.Stats().Pictures.SSRC == 0 {
		t.Error("opened again the group is without its video:", err)
	}
}

// lastWords waits for the BYE of an SSRC, and returns the CNAME that came with it.
func lastWords(t *testing.T, h hearer, ssrc uint32) (cname string) {
	t.Helper()
	for {
		b, _ := h.next()
		all, err := rtcp.Unmarshal(b[:len(b)-unknownTail(b)])
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range all {
			switch p := p.(type) {
			case *rtcp.SourceDescription:
				cname = p.Chunks[0].Items[0].Text
			case *rtcp.Goodbye:
				if p.Sources[0] == ssrc {
					return cname
				}
			}
		}
	}
}

// unknownTail is how long the RSI at the end of a report is, which the library takes for a fault.
func unknownTail(b []byte) int {
	for at := 0; at+4 <= len(b); at += 4 + 4*int(b[at+2])<<8 + 4*int(b[at+3]) {
		if b[at+1] == 209 {
			return len(b) - at
		}
	}
	return 0
}

// asked counts what the group asks the camera for.
type asked int

func (a *asked) Video(*transport.VideoPacket) {}
func (a *asked) Feedback(*transport.Feedback) { *a++ }

// A listener that has lost its picture says so at the feedback target.
func TestListenersAskForKeyFrames(t *testing.T) {
	g := opened(t, withVideo(t), Spec{Video: true, VideoInterval: 60})
	if err := g.SetVideo(vp8); err != nil {
		t.Fatal(err)
	}
	v, now := g.Video(), clock.Now()
	v.SendVideo(now, picture("key"))
	var n asked
	v.Poll(now, 0, &n)
	conn, err := net.DialUDP("udp4", nil, &net.UDPAddr{IP: home.AsSlice(), Port: g.Place().VideoPort() + 1})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	b, _ := (&rtcp.PictureLossIndication{SenderSSRC: 7, MediaSSRC: g.Stats().Pictures.SSRC}).Marshal()
	if _, err := conn.Write(b); err != nil {
		t.Fatal(err)
	}
	wait.For(t, "the wish", func() bool { return g.Stats().Pictures.Wishes > 0 }, func() any { return g.Stats().VideoControl })
	v.Poll(now+int64(3*time.Second), 0, &n)
	if n != 1 || g.Stats().VideoControl.Taken != 1 {
		t.Errorf("%d asked for", n)
	}
	if len(v.Descriptors()) != 0 || v.RequestKeyFrame(now, 0) || v.NACK(now, 0, nil) || v.LimitBitrate(now, 1) {
		t.Error("a group is taken for a camera")
	}
}

// A flood of feedback, of the worst kind and of none, costs the camera one key frame in two
// seconds, and sends nothing to anybody; it is counted.
func TestFeedbackFlood(t *testing.T) {
	g := opened(t, withVideo(t), Spec{Video: true, VideoInterval: 60})
	if err := g.SetVideo(vp8); err != nil {
		t.Fatal(err)
	}
	in, v, now := hear(t, g, 2, home), g.Video(), clock.Now()
	v.SendVideo(now, picture("key"))
	b, _ := in.next()
	var sent rtp.Packet
	if err := sent.Unmarshal(b); err != nil {
		t.Fatal(err)
	}
	var n asked
	v.Poll(now, 0, &n)
	fci, _ := repair.AppendNACK(nil, []uint16{sent.SequenceNumber})
	pli, _ := (&rtcp.PictureLossIndication{SenderSSRC: 7, MediaSSRC: sent.SSRC}).Marshal()
	fir, _ := (&rtcp.FullIntraRequest{SenderSSRC: 7, FIR: []rtcp.FIREntry{{SSRC: sent.SSRC}}}).Marshal()
	floods := [][]byte{pli, fir, feedback.AppendNACK(nil, 7, sent.SSRC, fci), {0x81, 206}, {0x81, 206, 0, 0}, bytes.Repeat([]byte{0x84, 206, 0, 2, 0, 0, 0, 7, 0, 0, 0, 0}, 120)}
	const rounds = 300
	for i := range rounds {
		conn, err := net.DialUDP("udp4", nil, &net.UDPAddr{IP: home.AsSlice(), Port: g.Place().VideoPort() + 1})
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range floods {
			_, _ = conn.Write(b)
		}
		_ = conn.Close()
		v.SendVideo(now, picture("more"))
		v.Poll(now+int64(i)*int64(10*time.Millisecond), 0, &n) // three seconds in all
	}
	all := uint64(rounds * len(floods))
	wait.For(t, "the end of the flood", func() bool {
		c := g.Stats().VideoControl
		return c.Taken+c.Overrun >= all
	}, func() any { return g.Stats().VideoControl })
	s := g.Stats()
	if n > 1 || s.Pictures.Asked != uint64(n) || s.Pictures.Wishes == 0 || s.VideoControl.Malformed == 0 || s.VideoControl.Unproven == 0 ||
		s.VideoControl.Unicast+s.VideoControl.Multicast != 0 {
		t.Errorf("%d asked for, %+v, %+v", n, s.Pictures, s.VideoControl)
	}
}

// A listener that lost a packet of a picture is sent it again under RFC 4588, once it has shown
// where it is; nobody else is.
func TestPicturesAreRepaired(t *testing.T) {
	g := opened(t, withVideo(t), Spec{Video: true})
	if err := g.SetVideo(vp8); err != nil {
		t.Fatal(err)
	}
	in := hear(t, g, 2, home)
	g.Video().SendVideo(clock.Now(), picture("lost"))
	b, _ := in.next()
	var sent rtp.Packet
	if err := sent.Unmarshal(b); err != nil {
		t.Fatal(err)
	}
	conn, err := net.DialUDP("udp4", nil, &net.UDPAddr{IP: home.AsSlice(), Port: g.Place().VideoPort() + 1})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	exchange := func(b []byte) []byte {
		t.Helper()
		answer := make([]byte, 2000)
		_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := conn.Write(b); err != nil {
			t.Fatal(err)
		}
		n, err := conn.Read(answer)
		if err != nil {
			t.Fatalf("%v: %+v", err, g.Stats().VideoControl)
		}
		return answer[:n]
	}
	head := transport.AppendCNAME([]byte{2 << 6, 201, 0, 1, 0, 0, 0, 7}, 7, "0123456789abcdef")
	fci, _ := repair.AppendNACK(nil, []uint16{sent.SequenceNumber})
	token := func(b []byte) feedback.Token {
		walk := feedback.Read(b)
		p, _ := walk.Next()
		k, ok := feedback.ReadToken(&p)
		if !ok {
			t.Fatalf("% x is no token", b)
		}
		return k
	}
	if k := token(exchange(feedback.AppendNACK(bytes.Clone(head), 7, sent.SSRC, fci))); k.Kind != feedback.TokenFailure {
		t.Errorf("%+v without a token", k)
	}
	k := token(exchange(feedback.AppendToken(bytes.Clone(head), &feedback.Token{Kind: feedback.PortMappingRequest, SSRC: 7, Nonce: 5})))
	k.Kind, k.SSRC = feedback.TokenVerification, 7
	b = exchange(feedback.AppendNACK(feedback.AppendToken(bytes.Clone(head), &k), 7, sent.SSRC, fci))
	var again rtp.Packet
	if err := again.Unmarshal(b); err != nil {
		t.Fatal(err)
	}
	number, payload, ok := repair.ReadRetransmission(again.Payload)
	if !ok || number != sent.SequenceNumber || string(payload) != "lost" || again.PayloadType != 105 || again.SSRC == sent.SSRC || again.Timestamp != sent.Timestamp {
		t.Errorf("%v", again)
	}
	g.Close() // what is sent is counted a moment later
	if s := g.Stats(); s.VideoControl.Unicast != 1 || s.VideoControl.Unproven != 1 || s.Control.Unicast != 0 {
		t.Errorf("%+v", s.VideoControl)
	}
}

// A new key is that of the pictures, too, from the same moment.
func TestRekeyedVideo(t *testing.T) {
	leak.Check(t)
	g := opened(t, withVideo(t), Spec{Video: true, SRTP: true})
	if err := g.SetVideo(h264); err != nil {
		t.Fatal(err)
	}
	in := hear(t, g, 2, home)
	ring, err := groupkey.NewOpener(told(t, g), 4)
	if err != nil {
		t.Fatal(err)
	}
	opens := func(want bool) {
		t.Helper()
		g.Video().SendVideo(clock.Now(), picture("secret"))
		b, _ := in.next()
		plain, err := ring.RTP(nil, b, clock.Now())
		if (err == nil) != want || bytes.Contains(b, []byte("secret")) || want && !bytes.HasSuffix(plain, []byte("secret")) {
			t.Errorf("% x, %v", plain, err)
		}
	}
	opens(true)
	if _, err := g.Rekey(time.Hour); err != nil {
		t.Fatal(err)
	}
	opens(true)
	next := told(t, g)
	leadOver(g)
	opens(false)
	if err := ring.Add(next, clock.Now(), time.Minute); err != nil {
		t.Fatal(err)
	}
	opens(true)
}

// A group that was not asked for video has none.
func TestNoVideoUnasked(t *testing.T) {
	g := opened(t, homeHost(t, nil), Spec{})
	if err := g.SetVideo(vp8); err != nil || g.Video() != nil || g.Place().VideoPort() != 0 || strings.Contains(sdpOf(t, g), "video") {
		t.Errorf("%v\n%s", err, sdpOf(t, g))
	}
}

// A port that somebody else holds takes the video, not the sound.
func TestVideoWithoutItsPort(t *testing.T) {
	g := opened(t, withVideo(t), Spec{Video: true})
	holder, err := net.ListenUDP("udp4", &net.UDPAddr{IP: home.AsSlice(), Port: g.Place().VideoPort() + 1})
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Close()
	complains(t, g.SetVideo(vp8), Unavailable, "", "cannot send video")
	if s := g.Stats(); !s.Sending || s.Pictures.SSRC != 0 {
		t.Errorf("%+v", s)
	}
}
