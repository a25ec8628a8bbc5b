package offeranswer

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

const start = "v=0\r\no=- 1 1 IN IP4 192.0.2.99\r\ns=-\r\nc=IN IP4 192.0.2.99\r\nt=0 0\r\n"

// TestLimits takes each limit at its edge and one past it.
func TestLimits(t *testing.T) {
	audio := "m=audio 30000 RTP/AVP 0"
	for _, c := range []struct {
		name  string
		offer func(n int) string
		limit int
	}{
		{"m= lines", func(n int) string {
			return start + strings.Repeat(audio+"\r\n", n)
		}, MaxMedia},
		{"attributes of the session", func(n int) string {
			return start + strings.Repeat("a=x\r\n", n) + audio + "\r\n"
		}, MaxAttributes},
		{"attributes of a medium", func(n int) string {
			return start + audio + "\r\n" + strings.Repeat("a=x\r\n", n)
		}, MaxAttributes},
		{"formats", func(n int) string {
			return start + audio + strings.Repeat(" 99", n-1) + "\r\n"
		}, MaxFormats},
		{"token", func(n int) string {
			return start + audio + "\r\nm=" + strings.Repeat("x", n) + " 1 udp x\r\n"
		}, MaxToken},
		{"size", func(n int) string {
			s := start + audio + "\r\ni="
			return s + strings.Repeat("x", n-len(s))
		}, MaxSize},
		{"port", func(n int) string {
			return start + fmt.Sprintf("m=audio %d RTP/AVP 0\r\na=rtcp-mux\r\n", n)
		}, 65535},
	} {
		caps, local := DefaultCapabilities(), testLocal("")
		offer := []byte(c.offer(c.limit))
		if r, err := Negotiate(offer, caps, local, nil); err != nil {
			t.Errorf("%s, %d: %v", c.name, c.limit, err)
		} else {
			checkResult(t, offer, r, caps, local)
		}
		if _, err := Negotiate([]byte(c.offer(c.limit+1)), caps, local, nil); code(err) != Malformed {
			t.Errorf("%s, %d: %v", c.name, c.limit+1, err)
		}
	}
}

// TestLongParameters has a=fmtp text at the edge of what is read and past it.
func TestLongParameters(t *testing.T) {
	for n, want := range map[int]int{maxParams - 1: 8000, maxParams: 48000} {
		params := "maxplaybackrate=8000;"
		params += strings.Repeat("x", n-len(params))
		offer := start + "m=audio 30000 RTP/AVP 96\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 " + params + "\r\n"
		r, err := Negotiate([]byte(offer), DefaultCapabilities(), testLocal(""), nil)
		if err != nil || r.Negotiated.Send.SampleRate != want {
			t.Errorf("%d bytes: %v, want %d Hz", n, err, want)
		}
	}
}

func TestMalformed(t *testing.T) {
	for _, offer := range []string{
		"", "\r\n\r\n", "v", "v=", "v=0\r\nx\r\n", "o=- 1 1 IN IP4 192.0.2.99\r\nv=0\r\n",
		"v=0\r\ns=\x00\r\n", "v=0\rs=-\r\n", "v=0\nm=audio\n", "v=0\nm=audio 1\n", "v=0\nm=audio x RTP/AVP 0\n",
		"v=0\nm=audio -1 RTP/AVP 0\n", "v=0\nm=audio 1/x RTP/AVP 0\n", "v=0\nm=audio 1 RTP//A\"VP 0\n",
		"v=0\nc=IN IP4\nm=audio 1 RTP/AVP 0\n", "v=0\nc=ATM IP4 192.0.2.99\nm=audio 1 RTP/AVP 0\n",
		"v=0\nc=IN IP6 fe80::1%eth0\nm=audio 1 RTP/AVP 0\n", "v=0\nc=IN IP4 1.2.3\nm=audio 1 RTP/AVP 0\n",
	} {
		if _, err := Negotiate([]byte(offer), DefaultCapabilities(), testLocal(""), nil); code(err) != Malformed {
			t.Errorf("%q: %v", offer, err)
		}
	}
}

// TestPortWithoutNeighbour has RTP on the last port, where RTCP has nowhere to go.
func TestPortWithoutNeighbour(t *testing.T) {
	offer := start + "m=audio 65535 RTP/AVP 0\r\n"
	if _, err := Negotiate([]byte(offer), DefaultCapabilities(), testLocal(""), nil); code(err) != NotAcceptable {
		t.Error(err)
	}
	r, err := Negotiate([]byte(offer+"a=rtcp:4000\r\n"), DefaultCapabilities(), testLocal(""), nil)
	if err != nil || r.Negotiated.RemoteRTCP.Port() != 4000 {
		t.Error(err)
	}
}

func TestLocalMistakes(t *testing.T) {
	good := testLocal("")
	for name, spoil := range map[string]func(*Local){
		"no address":  func(l *Local) { l.Address = netip.Addr{} },
		"wildcard":    func(l *Local) { l.Address = netip.IPv4Unspecified() },
		"wildcard 6":  func(l *Local) { l.Address = netip.IPv6Unspecified() },
		"multicast":   func(l *Local) { l.Address = netip.MustParseAddr("224.2.0.1") },
		"no port":     func(l *Local) { l.RTPPort = 0 },
		"last port":   func(l *Local) { l.RTPPort = 65535 },
		"wild port":   func(l *Local) { l.RTCPPort = 65536 },
		"no keys":     func(l *Local) { l.Keys = nil },
		"short keys":  func(l *Local) { l.Keys = func(Suite) []byte { return make([]byte, 16) } },
		"no such key": func(l *Local) { l.Keys = func(Suite) []byte { return nil } },
	} {
		local, caps := good, DefaultCapabilities()
		caps.SRTP = SRTPRequired
		spoil(&local)
		if _, err := Offer(caps, local, nil); code(err) != Internal {
			t.Errorf("%s: offered, %v", name, err)
		}
		offer := start + "m=audio 30000 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMy\r\n"
		if _, err := Negotiate([]byte(offer), caps, local, nil); code(err) != Internal {
			t.Errorf("%s: answered, %v", name, err)
		}
	}
	if _, err := Offer(Capabilities{}, good, nil); code(err) != Internal {
		t.Errorf("offered without a codec: %v", err)
	}
}

func TestRTCPPortOfItsOwn(t *testing.T) {
	local := testLocal("")
	local.RTCPPort = 20000
	r, err := Negotiate([]byte(start+"m=audio 30000 RTP/AVP 0\r\n"), DefaultCapabilities(), local, nil)
	if err != nil || !strings.Contains(string(r.SDP), "a=rtcp:20000\r\n") {
		t.Errorf("%v %s", err, r.SDP)
	}
	r, err = Negotiate([]byte(start+"m=audio 30000 RTP/AVP 0\r\na=rtcp-mux\r\n"), DefaultCapabilities(), local, nil)
	if err != nil || strings.Contains(string(r.SDP), "a=rtcp:") {
		t.Errorf("%v %s", err, r.SDP)
	}
	o, err := Offer(DefaultCapabilities(), local, nil)
	if err != nil || !strings.Contains(string(o.SDP), "a=rtcp:20000\r\na=rtcp-mux\r\n") {
		t.Errorf("%v %s", err, o.SDP)
	}
}
