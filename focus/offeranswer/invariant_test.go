package offeranswer

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/media"
)

// checkResult asserts what holds of every answer, whatever the offer.
func checkResult(t testing.TB, offer []byte, r *Result, caps Capabilities, local Local) {
	t.Helper()
	in, err := parse(offer)
	if err != nil {
		t.Fatalf("the offer was answered but cannot be parsed: %v", err)
	}
	out, err := parse(r.SDP)
	if err != nil {
		t.Fatalf("our answer is malformed: %v\n%s", err, r.SDP)
	}
	checkSlots(t, in, out, r)
	checkLines(t, r.SDP)
	if addr, err := parseConnection(out.conn); err != nil || addr != local.Address {
		t.Errorf("c= is %q, not %s (%v)", out.conn.text, local.Address, err)
	}
	checkNegotiated(t, &r.Negotiated)
	checkVideos(t, r, caps, local)
	if r.Negotiated.Multicast.IsValid() {
		checkGroup(t, in, out, r, local)
	} else if r.Negotiated.Audio {
		m, a := &in.media[r.Negotiated.Media], &out.media[r.Negotiated.Media]
		checkDirections(t, in.direction(m), out.direction(a), r)
		checkPacketTime(t, m, a, r, caps)
		checkKeys(t, m, a, r)
	}
	if !reflect.DeepEqual(r.State.Negotiated(), r.Negotiated) {
		t.Error("State does not remember what was negotiated")
	}
}

// checkGroup holds an answer that is the group against RFC 3264 section 6.2.
func checkGroup(t testing.TB, in, out *description, r *Result, local Local) {
	t.Helper()
	m, a := &in.media[r.Negotiated.Media], &out.media[r.Negotiated.Media]
	if addr, ok := parseMulticast(out.connection(a).text); !ok || addr != local.Group.Address().Addr() || a.port != m.port || addr != r.Negotiated.Multicast.Addr() {
		t.Errorf("the group %v is answered with %s port %d", local.Group.Address(), out.connection(a).text, a.port)
	}
	if in.direction(m) != out.direction(a) || out.direction(a).Sends() {
		t.Errorf("%v is answered with %v", in.direction(m), out.direction(a))
	}
	if said := m.milliseconds("ptime"); said != 0 && said != a.milliseconds("ptime") {
		t.Errorf("a packet time of %v is answered with %v", said, a.milliseconds("ptime"))
	}
	for _, b := range a.bands {
		if !slices.Contains(m.bands, b) {
			t.Errorf("b=%s was not offered", b)
		}
	}
	if _, keyed := a.attr("crypto"); keyed != local.Group.Secure() {
		t.Errorf("the answer has a key: %v", keyed)
	}
}

// checkSlots compares m= lines: RFC 3264 section 6.
func checkSlots(t testing.TB, in, out *description, r *Result) {
	t.Helper()
	if len(in.media) != len(out.media) {
		t.Fatalf("%d m= lines offered, %d answered", len(in.media), len(out.media))
	}
	live := 0
	for i, m := range in.media {
		a := out.media[i]
		if m.media != a.media || m.proto != a.proto {
			t.Errorf("m= line %d: %s %s answered with %s %s", i, m.media, m.proto, a.media, a.proto)
		}
		if m.port == 0 && a.port != 0 {
			t.Errorf("m= line %d was disabled and is answered with port %d", i, a.port)
		}
		if len(a.formats) == 0 {
			t.Errorf("m= line %d has no format", i)
		}
		for _, f := range a.formats {
			if !slices.Contains(m.formats, f) && (len(m.formats) > 0 || f != "0") {
				t.Errorf("m= line %d: format %s was not offered in %v", i, f, m.formats)
			}
		}
		if isVideo(a.media) && r.Negotiated.Audio && r.Negotiated.Media != i {
			checkVideoSlot(t, i, in, out, r)
		} else if a.port != 0 {
			live++
			if !r.Negotiated.Audio || r.Negotiated.Media != i {
				t.Errorf("m= line %d is live, Negotiated says %v %d", i, r.Negotiated.Audio, r.Negotiated.Media)
			}
		}
	}
	if live > 1 || (live == 1) != r.Negotiated.Audio {
		t.Errorf("%d live streams, audio %v", live, r.Negotiated.Audio)
	}
}

// checkLines wants exact line ends and the five lines that RFC 8866 orders first.
func checkLines(t testing.TB, sdp []byte) {
	t.Helper()
	if bytes.Count(sdp, []byte("\n")) != bytes.Count(sdp, []byte("\r\n")) || !bytes.HasSuffix(sdp, []byte("\r\n")) {
		t.Errorf("line ends are not CRLF: %q", sdp)
	}
	lines := strings.Split(string(sdp), "\r\n")
	for i, want := range []string{"v=0", "o=", "s=-", "c=IN IP", "t="} {
		if i >= len(lines) || !strings.HasPrefix(lines[i], want) {
			t.Errorf("line %d should start with %s:\n%s", i+1, want, sdp)
		}
	}
}

func checkNegotiated(t testing.TB, n *Negotiated) {
	t.Helper()
	if !n.Audio {
		if !n.Equal(&Negotiated{}) {
			t.Errorf("no audio, but %+v", n)
		}
		return
	}
	if n.Multicast.IsValid() {
		if n.RemoteRTP.IsValid() || n.RemoteRTCP.IsValid() || n.Direction != Inactive || n.RemoteHold {
			t.Errorf("beside the group, there is %v to %v", n.Direction, n.RemoteRTP)
		}
		if len(n.Receive) == 0 {
			return // the session never had a stream of its own
		}
	}
	f := n.Send
	if f.Codec == media.NoCodec || f.PacketTime < 10*time.Millisecond || f.PacketTime > 60*time.Millisecond {
		t.Errorf("send format %+v", f)
	}
	if f.Codec == media.L16 && f.Samples(f.PacketTime)*2*f.Channels > maxPayload {
		t.Errorf("a packet of %v of %v exceeds %d bytes", f.PacketTime, f, maxPayload)
	}
	if f.Codec == media.Opus && (f.PacketTime == 30*time.Millisecond || !slices.Contains(opusBitrates, f.Opus.Bitrate) || !slices.Contains(opusRates, f.SampleRate)) {
		t.Errorf("opus is not quantised: %+v", f)
	}
	if f.Codec != media.Opus && f.Opus != (media.OpusParams{}) {
		t.Errorf("%v has Opus parameters", f)
	}
	if n.RemoteRTP.IsValid() != n.RemoteRTCP.IsValid() || n.RemoteRTP.IsValid() && (n.RemoteRTP.Port() == 0 || n.RemoteRTCP.Port() == 0) {
		t.Errorf("remote %v and %v", n.RemoteRTP, n.RemoteRTCP)
	}
	if a := n.RemoteRTP.Addr(); a.IsValid() && (a.IsUnspecified() || a.IsMulticast() || a.Is4In6() || a.Zone() != "") {
		t.Errorf("remote %v is no unicast address", a)
	}
	if !n.RemoteRTP.IsValid() && n.Direction != Inactive {
		t.Errorf("the peer wants nothing, the direction is %v", n.Direction)
	}
	if n.RemoteHold && n.Direction.Sends() {
		t.Errorf("held, but %v", n.Direction)
	}
	checkIngress(t, n)
}

func checkIngress(t testing.TB, n *Negotiated) {
	t.Helper()
	rates, any := n.ClockRates(), false
	for pt := range uint8(128) {
		kinds := 0
		if n.Receive[pt] != (media.Format{}) {
			kinds++
			any = true
		}
		if n.ComfortNoise[pt] != 0 {
			kinds++
		}
		if n.TelephoneEvent[pt] != 0 {
			kinds++
		}
		if kinds > 1 || (kinds == 1) != (rates[pt] != 0) {
			t.Errorf("payload type %d has %d meanings, clock %d", pt, kinds, rates[pt])
		}
	}
	if !any {
		t.Error("nothing to receive")
	}
}

// checkDirections holds the answer against RFC 3264 section 6.1.
func checkDirections(t testing.TB, peer, ours Direction, r *Result) {
	t.Helper()
	if ours.Sends() && !peer.Receives() || ours.Receives() && !peer.Sends() {
		t.Errorf("%v answered with %v", peer, ours)
	}
	if ours != r.Negotiated.Direction {
		t.Errorf("answered %v, negotiated %v", ours, r.Negotiated.Direction)
	}
}

func checkPacketTime(t testing.TB, m, a *section, r *Result, caps Capabilities) {
	t.Helper()
	told := a.milliseconds("ptime")
	if told != r.Negotiated.Send.PacketTime {
		t.Errorf("a=ptime says %v, packets have %v", told, r.Negotiated.Send.PacketTime)
	}
	for _, most := range []time.Duration{m.milliseconds("maxptime"), caps.MaxPacketTime} {
		if most >= 10*time.Millisecond && told > most {
			t.Errorf("packets of %v, at most %v are allowed", told, most)
		}
	}
}

// checkKeys wants the offer's tag and suite repeated, and keys of ours that are not theirs.
func checkKeys(t testing.TB, m, a *section, r *Result) {
	t.Helper()
	ours, _ := a.cryptoLines()
	if r.Negotiated.SRTP == nil {
		if len(ours) != 0 {
			t.Error("plain RTP is answered with keys")
		}
		if encrypted, _ := secure(a.proto); encrypted {
			t.Errorf("%s without keys", a.proto)
		}
		return
	}
	if len(ours) != 1 {
		t.Fatalf("%d a=crypto lines in the answer", len(ours))
	}
	theirs, _ := m.cryptoLines()
	if !slices.ContainsFunc(theirs, func(c cryptoLine) bool { return c.tag == ours[0].tag && c.suite == ours[0].suite }) {
		t.Errorf("a=crypto:%s was not offered", ours[0])
	}
	if r.Negotiated.SRTP.ours() != ours[0] {
		t.Error("the key that we told is not the one that we use")
	}
}
