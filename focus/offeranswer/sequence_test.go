package offeranswer

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/media"
)

// phone is a second party made of this very package, with an address of its own.
func phone() Local {
	return Local{Address: netip.MustParseAddr("192.0.2.99"), RTPPort: 30000, RTCPPort: 30001, SessionID: 7, SessionVersion: 70, Keys: RandomKey}
}

// call runs ours through a phone with these capabilities and returns both ends.
func call(t *testing.T, ours *OfferResult, caps, phoneCaps Capabilities, at *State) (server, peer *Result) {
	t.Helper()
	peer, err := Negotiate(ours.SDP, phoneCaps, phone(), at)
	if err != nil {
		t.Fatalf("our own offer is refused: %v\n%s", err, ours.SDP)
	}
	checkResult(t, ours.SDP, peer, phoneCaps, phone())
	server, err = Accept(ours, peer.SDP, caps, testLocal(""))
	if err != nil {
		t.Fatalf("our own answer is refused: %v\n%s", err, peer.SDP)
	}
	checkNegotiated(t, &server.Negotiated)
	checkMirror(t, &server.Negotiated, &peer.Negotiated)
	return server, peer
}

// checkMirror wants two ends that understand each other.
func checkMirror(t *testing.T, a, b *Negotiated) {
	t.Helper()
	for _, way := range [][2]*Negotiated{{a, b}, {b, a}} {
		from, to := way[0], way[1]
		if got := to.Receive[from.SendPT]; got.Codec != from.Send.Codec || got.ClockRate != from.Send.ClockRate {
			t.Errorf("%v under %d arrives as %v", from.Send, from.SendPT, got)
		}
		if pt := from.TelephoneEventPT; pt != 0 && to.TelephoneEvent[pt] == 0 {
			t.Errorf("events under %d are not understood", pt)
		}
		if pt := from.ComfortNoisePT; pt != 0 && to.ComfortNoise[pt] == 0 {
			t.Errorf("noise under %d is not understood", pt)
		}
		if (from.SRTP == nil) != (to.SRTP == nil) {
			t.Fatal("one end encrypts")
		}
		if s := from.SRTP; s != nil && (string(s.LocalKey) != string(to.SRTP.RemoteKey) || string(s.LocalSalt) != string(to.SRTP.RemoteSalt) || s.Suite != to.SRTP.Suite) {
			t.Error("keys do not fit")
		}
	}
	if a.Direction != b.Direction.Reverse() {
		t.Errorf("directions %v and %v", a.Direction, b.Direction)
	}
	if a.RTCPMux != b.RTCPMux || a.AudioLevelID != 0 && b.AudioLevelID != 0 {
		t.Errorf("mux %v %v, levels %d %d", a.RTCPMux, b.RTCPMux, a.AudioLevelID, b.AudioLevelID)
	}
}

func TestOfferIsOurOwnAnswer(t *testing.T) {
	for _, policy := range []SRTPPolicy{SRTPOff, SRTPOptional, SRTPRequired} {
		caps := DefaultCapabilities()
		caps.SRTP = policy
		ours, err := Offer(caps, testLocal(""), nil)
		if err != nil {
			t.Fatal(err)
		}
		checkLines(t, ours.SDP)
		phoneCaps := DefaultCapabilities()
		server, _ := call(t, ours, caps, phoneCaps, nil)
		n := &server.Negotiated
		if n.Send.Codec != media.Opus || !n.Send.Opus.FEC || n.Direction != SendRecv || !n.RTCPMux {
			t.Errorf("policy %d: %s", policy, summary(server))
		}
		if (n.SRTP != nil) != (policy == SRTPRequired) || n.SRTP != nil && n.SRTP.Suite != AEADAES128GCM {
			t.Errorf("policy %d: %s", policy, summary(server))
		}
	}
}

func TestOfferGolden(t *testing.T) {
	caps := DefaultCapabilities()
	plain, err := Offer(caps, testLocal(""), nil)
	if err != nil {
		t.Fatal(err)
	}
	compare(t, "testdata/our-offer.txt", strings.ReplaceAll(string(plain.SDP), "\r\n", "\n"))
	caps.SRTP = SRTPRequired
	secured, err := Offer(caps, testLocal("@6"), nil)
	if err != nil {
		t.Fatal(err)
	}
	compare(t, "testdata/our-offer-srtp@6.txt", strings.ReplaceAll(string(secured.SDP), "\r\n", "\n"))
}

func TestAnswerMayChooseLess(t *testing.T) {
	caps := DefaultCapabilities()
	ours, _ := Offer(caps, testLocal(""), nil)
	few := Capabilities{Audio: []AudioCapability{{Codec: media.PCMA}}, PreferOfferOrder: true}
	server, _ := call(t, ours, caps, few, nil)
	n := &server.Negotiated
	if n.Send.Codec != media.PCMA || n.TelephoneEventPT != 0 || n.RTCPMux || n.AudioLevelID != 0 || n.Receive[0].Codec != media.NoCodec {
		t.Error(summary(server))
	}
	if n.RemoteRTCP.Port() != n.RemoteRTP.Port()+1 {
		t.Error(summary(server))
	}
}

// TestAnswerRenumbers wants egress under the answer's number, and ingress understood under
// both.
func TestAnswerRenumbers(t *testing.T) {
	caps := DefaultCapabilities()
	ours, _ := Offer(caps, testLocal(""), nil)
	answer := "v=0\r\nc=IN IP4 192.0.2.99\r\nm=audio 30000 RTP/AVP 120 0\r\na=rtpmap:120 opus/48000/2\r\na=ptime:40\r\n"
	r, err := Accept(ours, []byte(answer), caps, testLocal(""))
	if err != nil {
		t.Fatal(err)
	}
	n := &r.Negotiated
	if n.SendPT != 120 || n.Receive[96].Codec != media.Opus || n.Receive[120].Codec != media.Opus || n.Send.PacketTime != 40*time.Millisecond {
		t.Error(summary(r))
	}
}

func TestRefreshSaysTheSame(t *testing.T) {
	for name, offers := range corpus(t) {
		caps, local := testCapabilities(name), testLocal(name)
		r, err := Negotiate(offers[0], caps, local, nil)
		if err != nil || r.Negotiated.Direction != SendRecv {
			continue
		}
		again, err := Refresh(caps, local, r.State)
		if err != nil {
			t.Fatal(err)
		}
		if string(again.SDP) != string(r.SDP) {
			t.Errorf("%s: answered\n%s\nrefreshed with\n%s", name, r.SDP, again.SDP)
		}
	}
}

func TestRefreshKeepsHoldAndKeys(t *testing.T) {
	caps := DefaultCapabilities()
	caps.SRTP = SRTPRequired
	ours, _ := Offer(caps, testLocal(""), nil)
	server, peer := call(t, ours, caps, DefaultCapabilities(), nil)

	again, err := Refresh(caps, testLocal(""), server.State)
	if err != nil {
		t.Fatal(err)
	}
	held := strings.Replace(string(peer.SDP), "a=sendrecv", "a=sendonly", 1)
	r, err := Accept(again, []byte(held), caps, testLocal(""))
	if err != nil {
		t.Fatal(err)
	}
	if !r.Negotiated.RemoteHold || r.Negotiated.Direction != RecvOnly || !r.Negotiated.SRTP.Equal(server.Negotiated.SRTP) {
		t.Error(summary(r))
	}
	r, err = Accept(again, peer.SDP, caps, testLocal(""))
	if err != nil || !r.Unchanged {
		t.Errorf("a refresh changed something: %v\n%s", err, summary(r))
	}
}

// TestNumbersStay lets a phone use 96 for its codec and wants our later full offer to leave
// that and the unknown ones alone (RFC 3264 section 8.3.2).
func TestNumbersStay(t *testing.T) {
	caps := DefaultCapabilities()
	first := "v=0\r\nc=IN IP4 192.0.2.99\r\nm=video 30002 RTP/AVP 96\r\nm=audio 30000 RTP/AVP 96 97 0\r\na=rtpmap:96 speex/16000\r\na=rtpmap:97 L16/16000\r\n"
	r, err := Negotiate([]byte(first), caps, testLocal(""), nil)
	if err != nil {
		t.Fatal(err)
	}
	full, err := Offer(caps, testLocal(""), r.State)
	if err != nil {
		t.Fatal(err)
	}
	d, _ := parse(full.SDP)
	if len(d.media) != 2 || d.media[0].port != 0 || d.media[0].media != "video" || d.media[1].port == 0 {
		t.Fatalf("m= lines moved:\n%s", full.SDP)
	}
	for i, p := range d.media[1].payloads() {
		if p.number == 96 || p.number == 97 && !p.is("L16") || i == 0 && p.number != 97 {
			t.Errorf("%d is %s at place %d", p.number, p.rtpmap(), i)
		}
	}
	if !strings.Contains(string(full.SDP), "opus/48000/2") {
		t.Error("the full offer lacks opus")
	}
}

func TestVersions(t *testing.T) {
	caps := DefaultCapabilities()
	offer := "v=0\r\nc=IN IP4 192.0.2.99\r\nm=audio 30000 RTP/AVP 0\r\n"
	r, err := Negotiate([]byte(offer), caps, testLocal(""), nil)
	if err != nil {
		t.Fatal(err)
	}
	changed, err := Offer(caps, testLocal(""), r.State)
	if err != nil {
		t.Fatal(err)
	}
	after := changed.Rejected()
	r2, err := Negotiate([]byte(offer), caps, testLocal(""), after)
	if err != nil {
		t.Fatal(err)
	}
	for i, sdp := range [][]byte{r.SDP, changed.SDP, r2.SDP} {
		if want := fmt.Sprintf("o=confd 1000 %d IN IP4 192.0.2.1\r\n", i+1); !strings.Contains(string(sdp), want) {
			t.Errorf("want %q in\n%s", want, sdp)
		}
	}
	if !r2.Unchanged {
		t.Error("a rejected offer of ours changed the session")
	}
	if fresh, _ := Offer(caps, testLocal(""), nil); fresh.Rejected() != nil {
		t.Error("a rejected first offer leaves a state")
	}
}

func TestDeclined(t *testing.T) {
	caps := DefaultCapabilities()
	ours, _ := Offer(caps, testLocal(""), nil)
	none := []byte("v=0\r\nc=IN IP4 192.0.2.99\r\nm=audio 0 RTP/AVP 0\r\n")
	if _, err := Accept(ours, none, caps, testLocal("")); code(err) != NotAcceptable {
		t.Errorf("first offer declined: %v", err)
	}
	server, peer := call(t, ours, caps, caps, nil)
	again, _ := Refresh(caps, testLocal(""), server.State)
	r, err := Accept(again, none, caps, testLocal(""))
	if err != nil || r.Negotiated.Audio {
		t.Fatalf("audio goes on: %v", err)
	}
	back, err := Offer(caps, testLocal(""), r.State)
	if err != nil {
		t.Fatal(err)
	}
	server, _ = call(t, back, caps, caps, peer.State)
	if server.Negotiated.Media != 0 {
		t.Errorf("the disabled line is not reused: %d", server.Negotiated.Media)
	}
}

func TestNoAudio(t *testing.T) {
	caps, local := DefaultCapabilities(), testLocal("")
	local.NoAudio, local.RTPPort = true, 0
	r, err := Negotiate([]byte("v=0\r\nm=audio 30000 RTP/AVP 0\r\nm=video 30002 RTP/AVP 31\r\n"), caps, local, nil)
	if err != nil || r.Negotiated.Audio || strings.Count(string(r.SDP), " 0 RTP/AVP") != 2 {
		t.Errorf("%v %s", err, r.SDP)
	}
	if o, err := Offer(caps, local, r.State); err != nil || strings.Contains(string(o.SDP), "a=sendrecv") {
		t.Errorf("%v", err)
	}
}

func TestBadAnswers(t *testing.T) {
	caps := DefaultCapabilities()
	plain, _ := Offer(caps, testLocal(""), nil)
	caps.SRTP = SRTPRequired
	secured, _ := Offer(caps, testLocal(""), nil)
	head := "v=0\r\nc=IN IP4 192.0.2.99\r\n"
	for _, c := range []struct {
		name   string
		ours   *OfferResult
		answer string
		want   Code
	}{
		{"no m= line", plain, head, Malformed},
		{"video for audio", plain, head + "m=video 30000 RTP/AVP 0\r\n", Malformed},
		{"other profile", plain, head + "m=audio 30000 RTP/SAVP 0\r\n", Malformed},
		{"plain for secure", secured, head + "m=audio 30000 RTP/AVP 0\r\n", Malformed},
		{"codec not offered", plain, head + "m=audio 30000 RTP/AVP 18\r\n", NotAcceptable},
		{"no key", secured, head + "m=audio 30000 RTP/SAVP 0\r\n", NotAcceptable},
		{"tag not offered", secured, head + "m=audio 30000 RTP/SAVP 0\r\na=crypto:9 AES_CM_128_HMAC_SHA1_80 inline:ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMy\r\n", NotAcceptable},
		{"suite of another tag", secured, head + "m=audio 30000 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMy\r\n", NotAcceptable},
	} {
		if _, err := Accept(c.ours, []byte(c.answer), caps, testLocal("")); code(err) != c.want {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func code(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return 0
}
