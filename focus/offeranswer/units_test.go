package offeranswer

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/media"
)

func TestPacketTime(t *testing.T) {
	const ms = time.Millisecond
	g711 := media.Format{Codec: media.PCMU, SampleRate: 8000, Channels: 1}
	opus := media.Format{Codec: media.Opus, SampleRate: 48000, Channels: 1}
	l16 := func(rate, channels int) media.Format {
		return media.Format{Codec: media.L16, SampleRate: rate, Channels: channels}
	}
	for _, c := range []struct {
		f    media.Format
		w    packetWish
		most time.Duration // of ours
		want time.Duration
	}{
		{g711, packetWish{}, 0, 20 * ms},
		{g711, packetWish{usual: 10 * ms}, 0, 10 * ms},
		{g711, packetWish{usual: 29 * ms}, 0, 20 * ms},
		{g711, packetWish{usual: 30 * ms}, 0, 30 * ms},
		{g711, packetWish{usual: 50 * ms}, 0, 40 * ms},
		{g711, packetWish{usual: 60 * ms}, 0, 60 * ms},
		{g711, packetWish{usual: 1000 * ms}, 0, 60 * ms},
		{g711, packetWish{usual: 60 * ms}, 30 * ms, 30 * ms},
		{g711, packetWish{usual: 60 * ms, most: 20 * ms}, 0, 20 * ms},
		{g711, packetWish{most: 10 * ms}, 0, 10 * ms},
		{g711, packetWish{usual: 5 * ms}, 0, 10 * ms},
		{g711, packetWish{usual: 20 * ms, most: 5 * ms}, 0, 10 * ms},
		{opus, packetWish{usual: 30 * ms}, 0, 20 * ms},
		{opus, packetWish{usual: 2500 * time.Microsecond}, 0, 10 * ms},
		{opus, packetWish{usual: 120 * ms}, 0, 60 * ms},
		{opus, packetWish{least: 40 * ms}, 0, 40 * ms},
		{opus, packetWish{least: 40 * ms, most: 20 * ms}, 0, 20 * ms},
		{l16(8000, 1), packetWish{usual: 60 * ms}, 0, 60 * ms},
		{l16(8000, 2), packetWish{usual: 60 * ms}, 0, 40 * ms},
		{l16(16000, 1), packetWish{usual: 60 * ms}, 0, 40 * ms},
		{l16(16000, 2), packetWish{}, 0, 20 * ms},
		{l16(44100, 1), packetWish{}, 0, 10 * ms},
		{l16(48000, 1), packetWish{}, 0, 10 * ms},
		{l16(44100, 2), packetWish{}, 0, 0},
		{l16(48000, 2), packetWish{}, 0, 0},
	} {
		caps := Capabilities{MaxPacketTime: c.most}
		if got := caps.packetTime(c.f, c.w); got != c.want {
			t.Errorf("%v x%d, %+v, most %v: %v, want %v", c.f, c.f.Channels, c.w, c.most, got, c.want)
		}
	}
}

func TestMilliseconds(t *testing.T) {
	for s, want := range map[string]time.Duration{
		"20": 20 * time.Millisecond, "2.5": 2500 * time.Microsecond, "": 0, "0": 0, "-20": 0, "x": 0,
		"NaN": 0, "Inf": 0, "1e99": 0, "20 ": 0, "9999": 9999 * time.Millisecond,
	} {
		if got := parseMilliseconds(s); got != want {
			t.Errorf("%q: %v, want %v", s, got, want)
		}
	}
}

// TestOpusNeverAbove walks through what a peer may allow and wants the nearest step below.
func TestOpusNeverAbove(t *testing.T) {
	classes := map[media.Format]bool{}
	caps := DefaultCapabilities()
	for rate := 1000; rate <= 96000; rate += 1000 {
		for bitrate := 5000; bitrate <= 520000; bitrate += 999 {
			p := payload{encoding: "opus", clock: 48000, channels: 2, params: fmt.Sprintf("maxplaybackrate=%d;maxaveragebitrate=%d", rate, bitrate)}
			f := caps.opusSend(p)
			if f.SampleRate > max(rate, 8000) || f.Opus.Bitrate > max(bitrate, 6000) || f.Opus.Bitrate > 64000 {
				t.Fatalf("%s: %+v", p.params, f)
			}
			classes[f] = true
		}
	}
	if len(classes) > 40 {
		t.Errorf("%d classes of Opus", len(classes))
	}
	caps.MaxOpusBitrate = 20000
	if f := caps.opusSend(payload{}); f.Opus.Bitrate != 16000 {
		t.Errorf("bound of ours: %+v", f.Opus)
	}
}

func TestCryptoLine(t *testing.T) {
	const key30 = "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMy"
	const key28 = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw"
	for value, want := range map[string]string{ // "" is good, else part of the problem
		"1 AES_CM_128_HMAC_SHA1_80 inline:" + key30:                        "",
		"1 aes_cm_128_hmac_sha1_32 INLINE:" + key30:                        "",
		"999999999 AEAD_AES_128_GCM inline:" + key28:                       "",
		"1 AEAD_AES_128_GCM inline:" + key28 + "==":                        "",
		"1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + "|2^31":              "",
		"1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + "|1048576":           "",
		"1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + " WSH=64 KDR=0 -X":   "",
		"1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + "|2^49":              "lifetime",
		"1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + "|0":                 "lifetime",
		"1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + "|2^31|1:4":          "MKI",
		"1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + "|1:4":               "MKI",
		"1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + ";inline:" + key30:   "one inline",
		"1 AES_CM_128_HMAC_SHA1_80 inline:" + key28:                        "28 bytes",
		"1 AEAD_AES_128_GCM inline:" + key30:                               "30 bytes",
		"1 AES_CM_128_HMAC_SHA1_80 inline:":                                "0 bytes",
		"1 AES_CM_128_HMAC_SHA1_80 inline:!!!!":                            "base64",
		"1 AES_CM_128_HMAC_SHA1_80 uri:" + key30:                           "inline",
		"1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + " UNENCRYPTED_SRTCP": "session parameter",
		"1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + " KDR=1":             "session parameter",
		"1 AES_256_CM_HMAC_SHA1_80 inline:" + key30:                        "suite",
		"1234567890 AES_CM_128_HMAC_SHA1_80 inline:" + key30:               "tag",
		"x AES_CM_128_HMAC_SHA1_80 inline:" + key30:                        "tag",
		"1 AES_CM_128_HMAC_SHA1_80":                                        "TAG SUITE",
	} {
		_, problem := parseCrypto(value)
		if (want == "") != (problem == "") || !strings.Contains(problem, want) {
			t.Errorf("%s: %q, want %q", value, problem, want)
		}
	}
}

// TestKeysAreNotPrinted formats everything that holds keys.
func TestKeysAreNotPrinted(t *testing.T) {
	caps := DefaultCapabilities()
	offer := start + "m=audio 30000 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMy\r\n"
	r, err := Negotiate([]byte(offer), caps, testLocal(""), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		for _, v := range []any{r.Negotiated.SRTP, *r.Negotiated.SRTP, r.Negotiated} {
			s := fmt.Sprintf(verb, v)
			if strings.Contains(s, "fedcba") || strings.Contains(s, "102 101 100") || strings.Contains(s, "666564") || strings.Contains(s, "0x66, 0x65") {
				t.Errorf("%s of %T shows a key: %s", verb, v, s)
			}
		}
	}
}

func TestMediaAddress(t *testing.T) {
	for sdp, want := range map[string]string{
		start + "m=audio 30000 RTP/AVP 0\r\n":                                                "192.0.2.99",
		start + "m=audio 0 RTP/AVP 0\r\nm=audio 30000 RTP/AVP 0\r\nc=IN IP6 2001:db8::9\r\n": "2001:db8::9",
		start + "m=video 30000 RTP/AVP 31\r\n":                                               "",
		start + "m=audio 30000 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\n":                            "",
		start + "m=audio 30000 RTP/AVP 0\r\nc=IN IP4 host.example.com\r\n":                   "",
		"nonsense": "",
	} {
		addr, ok := MediaAddress([]byte(sdp))
		if ok != (want != "") || ok && addr.String() != want {
			t.Errorf("%q: %v %v, want %q", sdp, addr, ok, want)
		}
	}
}

func TestHabit(t *testing.T) {
	for _, c := range []struct {
		name string
		dirs []Direction // the peer's view
		hold []bool
	}{
		{"sender from the start", []Direction{SendOnly, SendOnly}, []bool{false, false}},
		{"hold with music", []Direction{SendRecv, SendOnly, SendOnly, SendRecv}, []bool{false, true, true, false}},
		{"hold without", []Direction{SendRecv, Inactive, SendOnly, RecvOnly}, []bool{false, true, true, false}},
		{"listener who holds", []Direction{RecvOnly, Inactive, RecvOnly}, []bool{false, true, false}},
		{"sender who pauses", []Direction{SendOnly, Inactive, SendOnly}, []bool{false, true, false}},
		{"nothing at first", []Direction{Inactive, SendOnly}, []bool{false, false}},
		{"nothing, then a talk, then hold", []Direction{Inactive, SendRecv, SendOnly}, []bool{false, false, true}},
		{"sender who listens too, then holds", []Direction{SendOnly, SendRecv, SendOnly}, []bool{false, false, true}},
	} {
		var h habit
		for i, d := range c.dirs {
			var hold bool
			if h, hold = h.observe(d); hold != c.hold[i] {
				t.Errorf("%s: step %d, %v is hold: %v", c.name, i, d, hold)
			}
		}
	}
}

func TestPreferOurOrder(t *testing.T) {
	caps := DefaultCapabilities()
	caps.PreferOfferOrder = false
	offer := start + "m=audio 30000 RTP/AVP 8 0 9 96 101\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:101 telephone-event/8000\r\n"
	r, err := Negotiate([]byte(offer), caps, testLocal(""), nil)
	if err != nil || !strings.Contains(string(r.SDP), "RTP/AVP 96 9 0 8 101\r\n") || r.Negotiated.Send.Codec != media.Opus {
		t.Errorf("%v\n%s", err, r.SDP)
	}
}

func TestSwitchedOff(t *testing.T) {
	caps := Capabilities{Audio: []AudioCapability{{Codec: media.PCMU}}}
	offer := start + "m=audio 30000 RTP/AVP 0 13 101\r\na=rtpmap:101 telephone-event/8000\r\na=rtcp-mux\r\na=extmap:1 " + uriAudioLevel + "\r\n"
	r, err := Negotiate([]byte(offer), caps, testLocal(""), nil)
	if err != nil {
		t.Fatal(err)
	}
	n := &r.Negotiated
	if n.TelephoneEventPT != 0 || n.ComfortNoisePT != 0 || n.RTCPMux || n.AudioLevelID != 0 || !strings.Contains(string(r.SDP), "RTP/AVP 0\r\n") {
		t.Errorf("%s\n%s", summary(r), r.SDP)
	}
}
