package listen

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/confd/confd/codec"
	"github.com/confd/confd/internal/clock"
	"github.com/confd/confd/internal/testkit/leak"
	"github.com/confd/confd/internal/testkit/tone"
	"github.com/confd/confd/media"
	"github.com/confd/confd/multicast/control"
	"github.com/confd/confd/multicast/feedback"
	"github.com/confd/confd/multicast/groupkey"
	"github.com/confd/confd/multicast/socket"
	"github.com/confd/confd/multicast/stream"
	"github.com/confd/confd/transport"
)

// What sends a group in a server, and what hears it here, understand each other: Opus with
// a key, a redundant payload and retransmissions, a tenth of all packets lost.
func TestServersGroup(t *testing.T) {
	leak.Check(t)
	key := groupkey.New(transport.AES128CMHMACSHA180, 9)
	group := netip.AddrPortFrom(netip.MustParseAddr("239.255.8.9"), uint16(pair(t)))
	format := media.Format{Codec: media.Opus, ClockRate: 48000, SampleRate: 48000, Channels: 1, PacketTime: 20 * time.Millisecond, Opus: media.OpusParams{Bitrate: 32000}}
	path, err := socket.Find(group.Addr(), "", home)
	if err != nil {
		t.Fatal(err)
	}
	out, err := socket.OpenSender(socket.SenderConfig{Group: group, Path: path, TTL: 1})
	if err != nil {
		t.Fatal(err)
	}
	s, err := stream.New(stream.Config{Socket: out, Format: format, PayloadType: 96, Redundancy: 1, RedundantType: 98, LevelsID: 1, Key: &key, History: 256})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	target := netip.AddrPortFrom(home, group.Port()+1)
	k, err := control.Start(control.Config{Group: group, Path: path, TTL: 1, Target: target, CNAME: "group", Bandwidth: feedback.Bandwidth{Senders: 5000, Receivers: 15000},
		PayloadType: 96, RepairType: 99, Repair: 40000, Sent: s.Sent, History: s.History(), Collided: s.NewSSRC, Key: &key})
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	session := parse(t, fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=Board\r\nc=IN IP4 %v/1\r\nt=0 0\r\na=rtcp-unicast:rsi\r\nm=audio %d RTP/SAVPF 98 96 99\r\nb=AS:60\r\nb=RS:5000\r\nb=RR:15000\r\n"+
		"a=rtpmap:98 red/48000/2\r\na=fmtp:98 96/96\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:99 rtx/48000\r\na=fmtp:99 apt=96\r\na=ptime:20\r\na=rtcp:%d IN IP4 127.0.0.1\r\n"+
		"a=multicast-rtcp:%d\r\na=portmapping-req:%d IN IP4 127.0.0.1\r\na=rtcp-fb:* nack\r\na=%s\r\n", group.Addr(), group.Port(), target.Port(), target.Port(), target.Port(), key.Crypto(1)))

	var pcm []int16
	decoder, err := NewDecoder(session, func(p []int16) { pcm = append(pcm, p...) })
	if err != nil {
		t.Fatal(err)
	}
	dice := rand.New(rand.NewPCG(5, 6))
	l, err := Listen(session, Config{Output: decoder, Buffer: time.Second, Drop: func([]byte) bool { return dice.Float64() < 0.10 }})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	sing(t, s, format, 4*time.Second, func() bool { return k.Audience().Reporting > 0 && l.Stats().Reports > 0 })
	_ = l.Close()
	st := l.Stats()
	t.Logf("%+v\n%+v\n%+v", st, k.Stats(), k.Audience())
	if st.LossBefore() < 0.05 || st.LossAfter() > 0.01 || st.ByRedundancy == 0 || st.ByRetransmission == 0 || st.Unauthentic != 0 {
		t.Errorf("%.3f lost before repair, %.3f after", st.LossBefore(), st.LossAfter())
	}
	if st.Reports == 0 || st.GroupSize != 1 || k.Stats().Unproven+k.Stats().Forged != 0 {
		t.Errorf("%d reports, a group of %d; %+v", st.Reports, st.GroupSize, k.Stats())
	}
	if level := tone.Near(pcm[len(pcm)/4:len(pcm)/4*3], 48000, 1000, 0.01); level < -13 || level > -9 {
		t.Errorf("1000 Hz at %.1f dB, want -10", level)
	}
}

// sing sends a tone for at least some time, and until so, as a class's encoder would.
func sing(t *testing.T, s *stream.Stream, f media.Format, least time.Duration, so func() bool) {
	t.Helper()
	e, err := codec.NewEncoder(f, codec.DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	voice, pcm := tone.New(f.SampleRate, -10, 1000), make([]int16, f.Samples(f.PacketTime))
	o := media.Outgoing{ClockRate: uint32(f.ClockRate), Contributors: []uint32{1, 2}, Levels: []media.Level{10, 20}}
	begin := clock.Now()
	for ; clock.Now()-begin < int64(least) || !so(); time.Sleep(time.Duration(begin + o.Time - clock.Now())) {
		if clock.Now()-begin > int64(15*time.Second) {
			t.Fatal("no report arrives")
		}
		voice.Read(pcm)
		if o.Data, err = e.Encode(o.Data[:0], pcm); err != nil {
			t.Fatal(err)
		}
		s.Send(&o)
		o.Time += int64(f.PacketTime)
	}
}

// pair returns an even port that is free, as the one above it is.
func pair(t *testing.T) int {
	t.Helper()
	for range 100 {
		a, err := net.ListenUDP("udp4", &net.UDPAddr{IP: home.AsSlice()})
		if err != nil {
			t.Fatal(err)
		}
		low := a.LocalAddr().(*net.UDPAddr).Port &^ 1
		_ = a.Close()
		if b, err := net.ListenUDP("udp4", &net.UDPAddr{IP: home.AsSlice(), Port: low + 1}); err == nil {
			_ = b.Close()
			return low
		}
	}
	t.Fatal("no pair of ports is free")
	return 0
}
