package dial

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

const goodAnswer = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n" +
	"m=audio 4000 RTP/AVP 0\r\n"

func offer() Offer {
	return Offer{
		Media: netip.MustParseAddrPort("127.0.0.1:3000"), RTCP: netip.MustParseAddrPort("127.0.0.1:3001"),
		Codec: "PCMU/8000",
	}
}

// server answers INVITE with sdp and BYE with 200, and returns its URI.
func server(t *testing.T, sdp string) (uri string, ended chan struct{}) {
	t.Helper()
	agent, err := sipgo.NewUA()
	if err != nil {
		t.Fatal(err)
	}
	s, err := sipgo.NewServer(agent)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended = make(chan struct{}, 1)
	own := conn.LocalAddr().(*net.UDPAddr)
	s.OnInvite(func(r *sip.Request, tx sip.ServerTransaction) {
		answer := sip.NewSDPResponseFromRequest(r, []byte(sdp))
		answer.AppendHeader(&sip.ContactHeader{Address: sip.Uri{Scheme: "sip", Host: "127.0.0.1", Port: own.Port}})
		tx.Respond(answer)
		<-tx.Done()
	})
	s.OnAck(func(*sip.Request, sip.ServerTransaction) {})
	s.OnOptions(func(r *sip.Request, tx sip.ServerTransaction) {
		tx.Respond(sip.NewResponseFromRequest(r, 200, "OK", nil))
	})
	s.OnBye(func(r *sip.Request, tx sip.ServerTransaction) {
		tx.Respond(sip.NewResponseFromRequest(r, 200, "OK", nil))
		ended <- struct{}{}
	})
	go s.ServeUDP(conn)
	t.Cleanup(func() {
		agent.Close()
		conn.Close()
	})
	return "sip:room@" + own.String(), ended
}

func open(t *testing.T) (*Line, context.Context) {
	t.Helper()
	l, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return l, ctx
}

func TestCallAndHangup(t *testing.T) {
	uri, ended := server(t, goodAnswer)
	l, ctx := open(t)
	if err := l.Options(ctx, uri); err != nil {
		t.Fatal(err)
	}
	call, err := l.Call(ctx, uri, offer())
	if err != nil {
		t.Fatal(err)
	}
	if want := netip.MustParseAddrPort("127.0.0.1:4000"); call.Media != want {
		t.Errorf("media at %v, want %v", call.Media, want)
	}
	if err := call.Hangup(ctx); err != nil {
		t.Fatal(err)
	}
	<-ended
}

func TestCallIsHungUpIfItsAnswerIsOfNoUse(t *testing.T) {
	uri, ended := server(t, strings.Replace(goodAnswer, "4000", "0", 1))
	l, ctx := open(t)
	if _, err := l.Call(ctx, uri, offer()); err == nil || !strings.Contains(err.Error(), "refuses PCMU/8000") {
		t.Fatalf("a refused m-line: %v", err)
	}
	<-ended
}

func TestAnswer(t *testing.T) {
	for name, text := range map[string]string{
		"no SDP":      "hello",
		"no m-line":   goodAnswer[:strings.Index(goodAnswer, "m=")],
		"other codec": strings.Replace(goodAnswer, "AVP 0", "AVP 8", 1),
		"no c= line":  strings.Replace(goodAnswer, "c=IN IP4 127.0.0.1\r\n", "", 1),
		"name in c=":  strings.Replace(goodAnswer, "c=IN IP4 127.0.0.1", "c=IN IP4 localhost", 1),
	} {
		if got, err := offer().answer([]byte(text)); err == nil {
			t.Errorf("%s: media at %v", name, got)
		}
	}
	text := strings.Replace(goodAnswer, "RTP/AVP 0\r\n", "RTP/AVP 0\r\nc=IN IP4 127.0.0.2\r\n", 1)
	got, err := offer().answer([]byte(text))
	if want := netip.MustParseAddrPort("127.0.0.2:4000"); err != nil || got != want {
		t.Errorf("c= of the m-line: %v, %v; want %v", got, err, want)
	}
}

func TestOfferIsWhatWeAskedFor(t *testing.T) {
	o := offer()
	o.PayloadType, o.Codec, o.Parameters, o.LevelID = 111, "opus/48000/2", "useinbandfec=1", 3
	want := "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 3000 RTP/AVP 111\r\n" +
		"a=rtcp:3001\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 useinbandfec=1\r\na=extmap:3 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\na=ptime:20\r\na=sendrecv\r\n"
	if got := string(o.sdp()); got != want {
		t.Errorf("offer\n%s\nwant\n%s", got, want)
	}
}
