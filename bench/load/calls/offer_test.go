package calls

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestOfferIsWhatWasAskedFor(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*Offer)
		want   string
	}{
		"plain": {func(*Offer) {}, "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 3000 RTP/AVP 0 101\r\n" +
			"a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"},
		"two codecs, RTCP elsewhere": {func(o *Offer) {
			o.Formats = []Format{{111, "opus/48000/2", "useinbandfec=1"}, {9, "G722/8000", ""}}
			o.RTCP, o.PacketTime = netip.MustParseAddrPort("127.0.0.2:5001"), 10*time.Millisecond
		}, "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 3000 RTP/AVP 111 9 101\r\n" +
			"a=rtpmap:111 opus/48000/2\r\na=fmtp:111 useinbandfec=1\r\na=rtpmap:9 G722/8000\r\n" +
			"a=rtpmap:101 telephone-event/48000\r\na=fmtp:101 0-15\r\na=ptime:10\r\na=rtcp:5001 IN IP4 127.0.0.2\r\na=sendrecv\r\n"},
		"IPv6, RTCP beside it, no events": {func(o *Offer) {
			o.Media, o.Event = netip.MustParseAddrPort("[2001:db8::1]:3000"), 0
			o.RTCP = netip.MustParseAddrPort("[2001:db8::1]:7000")
		}, "v=0\r\no=- 1 2 IN IP6 2001:db8::1\r\ns=-\r\nc=IN IP6 2001:db8::1\r\nt=0 0\r\nm=audio 3000 RTP/AVP 0\r\n" +
			"a=rtpmap:0 PCMU/8000\r\na=ptime:20\r\na=rtcp:7000\r\na=sendrecv\r\n"},
		"RTCP on the same port": {func(o *Offer) { o.RTCP, o.Event = o.Media, 0 },
			"v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 3000 RTP/AVP 0\r\n" +
				"a=rtpmap:0 PCMU/8000\r\na=ptime:20\r\na=rtcp:3000\r\na=rtcp-mux\r\na=sendrecv\r\n"},
		"levels": {func(o *Offer) { o.Level, o.Event = 14, 0 },
			"v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 3000 RTP/AVP 0\r\n" +
				"a=rtpmap:0 PCMU/8000\r\na=extmap:14 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\na=ptime:20\r\na=sendrecv\r\n"},
	} {
		o := someOffer()
		test.change(&o)
		if err := o.complete(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := o.sdp(2); got != test.want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, test.want)
		}
	}
}

func TestOffersThatCannotBeMade(t *testing.T) {
	for name, change := range map[string]func(*Offer){
		"no media":       func(o *Offer) { o.Media = netip.AddrPort{} },
		"every address":  func(o *Offer) { o.Media = netip.MustParseAddrPort("0.0.0.0:3000") },
		"no codec":       func(o *Offer) { o.Formats = nil },
		"number of 128":  func(o *Offer) { o.Formats = []Format{{128, "PCMU/8000", ""}} },
		"no clock":       func(o *Offer) { o.Formats = []Format{{0, "PCMU", ""}} },
		"a line in it":   func(o *Offer) { o.Formats = []Format{{0, "PCMU/8000\r\na=x", ""}} },
		"levels at 15":   func(o *Offer) { o.Level = 15 },
		"events at 128":  func(o *Offer) { o.Event = 128 },
		"no packet time": func(o *Offer) { o.PacketTime = time.Microsecond },
		"a second long":  func(o *Offer) { o.PacketTime = time.Second + 1 },
		"name":           func(o *Offer) { o.From = "a b" },
	} {
		o := someOffer()
		change(&o)
		if err := o.complete(); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

// answers are what servers and phones answer to an offer of PCMU, G.722 and Opus with events,
// in their manner of writing.
var answers = map[string]struct {
	text string
	want Answer
}{
	"confd": {"v=0\r\no=- 3953908800 1 IN IP4 127.0.0.1\r\ns=confd\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 16384 RTP/AVP 0 101\r\n" +
		"a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n",
		Answer{at("127.0.0.1:16384"), at("127.0.0.1:16385"), pcmu, 0, 101, 20 * time.Millisecond, true, true, VideoAnswer{}}},
	"FreeSWITCH": {"v=0\r\no=FreeSWITCH 1700000000 1700000001 IN IP4 192.0.2.10\r\ns=FreeSWITCH\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\n" +
		"m=audio 24580 RTP/AVP 111 101 13\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 useinbandfec=1; maxaveragebitrate=30000; maxplaybackrate=48000; ptime=20; minptime=10; maxptime=40\r\n" +
		"a=rtpmap:101 telephone-event/48000\r\na=fmtp:101 0-15\r\na=rtpmap:13 CN/8000\r\na=ptime:20\r\na=rtcp:24581 IN IP4 192.0.2.10\r\n",
		Answer{at("192.0.2.10:24580"), at("192.0.2.10:24581"), opus, 111, 101, 20 * time.Millisecond, true, true, VideoAnswer{}}},
	"Asterisk": {"v=0\r\no=- 1234567 3 IN IP4 192.0.2.20\r\ns=Asterisk\r\nc=IN IP4 192.0.2.20\r\nt=0 0\r\nm=audio 11594 RTP/AVP 9 101\r\n" +
		"a=rtpmap:9 G722/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=maxptime:150\r\na=sendrecv\r\n",
		Answer{at("192.0.2.20:11594"), at("192.0.2.20:11595"), g722, 9, 101, 20 * time.Millisecond, true, true, VideoAnswer{}}},
	"baresip": {"v=0\r\no=- 2862053126 1217487046 IN IP4 10.80.0.1\r\ns=-\r\nc=IN IP4 10.80.0.1\r\nt=0 0\r\na=tool:baresip 1.0.0\r\n" +
		"m=audio 20014 RTP/AVP 0 101\r\nb=AS:125\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n" +
		"a=rtcp:20015\r\na=sendrecv\r\na=label:1\r\na=rtcp-rsize\r\na=ssrc:1497826 cname:sip:bare@10.80.0.1\r\na=ptime:20\r\n",
		Answer{at("10.80.0.1:20014"), at("10.80.0.1:20015"), pcmu, 0, 101, 20 * time.Millisecond, true, true, VideoAnswer{}}},
	"Linphone": {"v=0\r\no=linphone 181 3530 IN IP4 10.80.0.1\r\ns=Talk\r\nc=IN IP4 10.80.0.1\r\nb=AS:64\r\nt=0 0\r\n" +
		"a=rtcp-xr:rcvr-rtt=all:10000 stat-summary=loss,dup,jitt,TTL voip-metrics\r\nm=audio 7078 RTP/AVP 96 0 100\r\n" +
		"a=rtpmap:96 OPUS/48000/2\r\na=fmtp:96 useinbandfec=1\r\na=rtpmap:100 telephone-event/48000\r\na=rtcp-fb:* trr-int 1000\r\n",
		Answer{at("10.80.0.1:7078"), at("10.80.0.1:7079"), opus, 96, 100, 20 * time.Millisecond, true, true, VideoAnswer{}}},
	"SIPp": {"v=0\no=user1 53655765 2353687637 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 6000 RTP/AVP 0\na=rtpmap:0 PCMU/8000\n",
		Answer{at("127.0.0.1:6000"), at("127.0.0.1:6001"), pcmu, 0, 0, 20 * time.Millisecond, true, true, VideoAnswer{}}},
	"media elsewhere than the session, on hold": {"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\na=sendonly\r\n" +
		"m=video 0 RTP/AVP 31\r\nm=audio 4000/1 RTP/AVPF 0\r\nc=IN IP6 2001:db8::5\r\na=ptime:30\r\na=rtcp:9 IN IP6 2001:db8::6\r\n",
		Answer{at("[2001:db8::5]:4000"), at("[2001:db8::6]:9"), pcmu, 0, 0, 30 * time.Millisecond, true, false, VideoAnswer{}}},
	"hold of the old kind": {"v=0\r\nc=IN IP4 0.0.0.0\r\nm=audio 4000 RTP/AVP 0\r\na=inactive\r\na=sendrecv\r\n",
		Answer{at("0.0.0.0:4000"), at("0.0.0.0:4001"), pcmu, 0, 0, 20 * time.Millisecond, true, false, VideoAnswer{}}},
	"listens only": {"v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio 4000 RTP/AVP 0\r\na=recvonly\r\n",
		Answer{at("127.0.0.1:4000"), at("127.0.0.1:4001"), pcmu, 0, 0, 20 * time.Millisecond, false, true, VideoAnswer{}}},
	"a static number with another name": {"v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio 4000 RTP/AVP 0 9\r\na=rtpmap:0 L16/8000\r\n",
		Answer{at("127.0.0.1:4000"), at("127.0.0.1:4001"), g722, 9, 0, 20 * time.Millisecond, true, true, VideoAnswer{}}},
	"mux that was not offered": {"v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio 4000 RTP/AVP 0\r\na=rtcp-mux\r\n",
		Answer{at("127.0.0.1:4000"), at("127.0.0.1:4001"), pcmu, 0, 0, 20 * time.Millisecond, true, true, VideoAnswer{}}},
}

var at = netip.MustParseAddrPort

var (
	pcmu = Format{0, "PCMU/8000", ""}
	g722 = Format{9, "G722/8000", ""}
	opus = Format{111, "opus/48000/2", "useinbandfec=1"}
)

func wideOffer() Offer {
	o := someOffer()
	o.Formats = []Format{pcmu, g722, opus}
	_ = o.complete()
	return o
}

func TestAnswers(t *testing.T) {
	o := wideOffer()
	for name, test := range answers {
		got, _, _, fault := o.read(test.text, nil)
		if fault != nil {
			t.Errorf("%s: %v", name, fault)
		} else if got != test.want {
			t.Errorf("%s: %+v\nwant %+v", name, got, test.want)
		}
	}
	o.RTCP = o.Media
	if got, _, _, _ := o.read(answers["mux that was not offered"].text, nil); got.RTCP != got.Media {
		t.Errorf("mux that was offered: RTCP to %v", got.RTCP)
	}
}

// What a phone answers to offers within a call: the codec in use under the offer's number.
func TestAnswerToAnOffer(t *testing.T) {
	o := wideOffer()
	now := answers["FreeSWITCH"].want
	text := "v=0\r\no=x 1 2 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=3 4\r\nm=video 900 RTP/AVP 31 32\r\n" +
		"m=audio 4000 RTP/AVPF 0 98 99\r\na=rtpmap:98 opus/48000/2\r\na=rtpmap:99 telephone-event/8000\r\na=sendonly\r\nm=audio 4002 RTP/AVP 0\r\n"
	got, a, fault := o.answer(text, now, 5)
	if fault != nil {
		t.Fatal(fault)
	}
	want := "v=0\r\no=- 1 5 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=3 4\r\nm=video 0 RTP/AVP 31 32\r\n" +
		"m=audio 3000 RTP/AVPF 98 99\r\na=rtpmap:98 opus/48000/2\r\na=fmtp:98 useinbandfec=1\r\n" +
		"a=rtpmap:99 telephone-event/8000\r\na=fmtp:99 0-15\r\na=ptime:20\r\na=recvonly\r\nm=audio 0 RTP/AVP 0\r\n"
	if got != want {
		t.Errorf("answer\n%s\nwant\n%s", got, want)
	}
	if a.PayloadType != 98 || a.Event != 99 || a.Media != at("192.0.2.9:4000") || a.Receives || !a.Sends {
		t.Errorf("%+v", a)
	}
}

func TestManySections(t *testing.T) {
	text := "v=0\r\nc=IN IP4 127.0.0.1\r\n" + strings.Repeat("m=video 0 RTP/AVP 31\r\n", maxSections-1) + "m=audio 4000 RTP/AVP 0\r\n"
	o := wideOffer()
	if _, _, _, fault := o.read(text, nil); fault != nil {
		t.Errorf("%d m= lines: %v", maxSections, fault)
	}
	if _, _, _, fault := o.read(text+"m=video 0 RTP/AVP 31\r\n", nil); fault == nil {
		t.Errorf("%d m= lines are read", maxSections+1)
	}
}

// Whatever is answered, what is made of it can be sent to, and what we answer to it can be read.
func FuzzAnswer(f *testing.F) {
	for _, a := range answers {
		f.Add(a.text)
	}
	f.Add("v=0\r\nc=IN IP4 127.0.0.1/127\r\nm=audio 65535 RTP/AVP 127 0\r\na=ptime:0\r\na=rtcp:0\r\n")
	o := wideOffer()
	f.Fuzz(func(t *testing.T, text string) {
		a, _, _, fault := o.read(text, nil)
		if fault != nil {
			if fault.cause != Protocol && fault.cause != WrongCodec || fault.why == "" {
				t.Fatalf("fault %+v", fault)
			}
			return
		}
		if !a.Media.IsValid() || a.Media.Port() == 0 || a.PacketTime < time.Millisecond || a.PacketTime > time.Second || a.PayloadType > 127 || a.Event > 127 {
			t.Fatalf("%+v of %q", a, text)
		}
		ours, _, fault := o.answer(text, a, 2)
		if fault != nil {
			t.Fatalf("taken as an answer, and not as an offer: %v", fault)
		}
		if _, fault := parseSDP(ours); fault != nil {
			t.Fatalf("we answer %q: %v", ours, fault)
		}
	})
}
