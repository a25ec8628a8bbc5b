package offeranswer

import (
	"bytes"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/confd/confd/media"
)

func groupLocal(g *Group) Local {
	l := testLocal("")
	l.Group = g
	return l
}

// offerGroup offers g in a session and returns the offer.
func offerGroup(t *testing.T, g *Group, at *State) *OfferResult {
	t.Helper()
	o, err := OfferGroup(DefaultCapabilities(), groupLocal(g), at)
	if err != nil {
		t.Fatal(err)
	}
	checkLines(t, o.SDP)
	return o
}

// accept takes an answer of the phone's, made from our own offer by replacing text.
func accept(o *OfferResult, g *Group, replace ...string) (*Result, error) {
	answer := strings.NewReplacer(replace...).Replace(string(o.SDP))
	return Accept(o, []byte(answer), DefaultCapabilities(), groupLocal(g))
}

func version(sdp []byte) string {
	for line := range bytes.Lines(sdp) {
		if bytes.HasPrefix(line, []byte("o=")) {
			return strings.Fields(string(line))[2]
		}
	}
	return ""
}

func TestOfferOfGroup(t *testing.T) {
	for _, c := range []struct{ group, file string }{{"opus", "our-group.txt"}, {"ssm-red-srtp", "our-group-srtp.txt"}} {
		o := offerGroup(t, testGroup(c.group), nil)
		compare(t, "testdata/"+c.file, strings.ReplaceAll(string(o.SDP), "\r\n", "\n"))
	}
}

// The session goes from a stream of its own to the group and back, twice, in one m= line, and
// what was agreed on before is there again.
func TestUnicastGroupUnicast(t *testing.T) {
	for _, policy := range []SRTPPolicy{SRTPOff, SRTPRequired} {
		g := testGroup("opus")
		if policy == SRTPRequired {
			g = testGroup("ssm-red-srtp")
		}
		caps := DefaultCapabilities()
		caps.SRTP = policy
		first, err := Offer(caps, groupLocal(g), nil)
		if err != nil {
			t.Fatal(err)
		}
		phones := caps // it prefers G.722 once, and then goes by our order
		phones.Audio = []AudioCapability{{Codec: media.G722}, {Codec: media.PCMU}}
		phones.PreferOfferOrder = false
		server, peer := call(t, first, caps, phones, nil)
		phones.PreferOfferOrder = true
		phones.Audio = []AudioCapability{{Codec: media.PCMU}, {Codec: media.G722}, {Codec: media.Opus}}
		unicast, seen := server.Negotiated, version(first.SDP)
		for range 2 {
			o, err := OfferGroup(caps, groupLocal(g), server.State)
			if err != nil {
				t.Fatal(err)
			}
			in, err := Accept(o, o.SDP, caps, groupLocal(g))
			if err != nil {
				t.Fatal(err)
			}
			n := in.Negotiated
			if n.Multicast != g.Address() || n.RemoteRTP.IsValid() || n.Direction != Inactive || in.Unchanged {
				t.Fatalf("on the group: %+v, unchanged %v", n, in.Unchanged)
			}
			if !n.SRTP.Equal(unicast.SRTP) {
				t.Error("the keys of the resting stream are gone, and with them where its contexts stand")
			}
			back, err := Offer(caps, groupLocal(g), in.State)
			if err != nil {
				t.Fatal(err)
			}
			if a, b := version(o.SDP), version(back.SDP); seen == a || a == b {
				t.Errorf("versions %s, %s, %s", seen, a, b)
			}
			seen = version(back.SDP)
			if bytes.Count(back.SDP, []byte("m=")) != 1 || bytes.Contains(back.SDP, []byte("c=IN IP4 239")) || bytes.Contains(back.SDP, []byte("c=IN IP6")) {
				t.Errorf("back from the group:\n%s", back.SDP)
			}
			server, peer = call(t, back, caps, phones, peer.State)
			if server.Negotiated.Send != unicast.Send || !server.Negotiated.SRTP.Equal(unicast.SRTP) ||
				server.Negotiated.Direction != unicast.Direction || server.Negotiated.RemoteRTP != unicast.RemoteRTP {
				t.Errorf("before the group %+v\nafter it %+v", unicast, server.Negotiated)
			}
		}
	}
}

func TestGroupWithoutUnicastBefore(t *testing.T) {
	g := testGroup("opus")
	o := offerGroup(t, g, nil)
	in, err := accept(o, g)
	if err != nil {
		t.Fatal(err)
	}
	caps := DefaultCapabilities()
	back, err := Offer(caps, groupLocal(g), in.State)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(back.SDP, []byte("m=audio 16384 RTP/AVP ")) || !bytes.Contains(back.SDP, []byte("a=sendrecv")) {
		t.Errorf("back from the group:\n%s", back.SDP)
	}
	call(t, back, caps, caps, nil)
}

func TestAnswersToGroup(t *testing.T) {
	for name, c := range map[string]struct {
		group   string
		replace []string
		ok      bool
	}{
		"echo":              {"opus", nil, true},
		"other TTL":         {"opus", []string{"239.255.1.2/1", "239.255.1.2/64"}, true},
		"no retransmission": {"opus", []string{"AVP 96 99", "AVP 96"}, true},
		"hold":              {"opus", []string{"a=recvonly", "a=inactive"}, true},
		"AVPF":              {"opus", []string{"RTP/AVP", "RTP/AVPF"}, true},
		"own address":       {"opus", []string{"239.255.1.2/1", "192.0.2.99"}, false},
		"other group":       {"opus", []string{"239.255.1.2/1", "239.255.1.3/1"}, false},
		"other port":        {"opus", []string{"audio 10000", "audio 10002"}, false},
		"declined":          {"opus", []string{"audio 10000", "audio 0"}, false},
		"mirrored":          {"opus", []string{"a=recvonly", "a=sendonly"}, false},
		"speaks":            {"opus", []string{"a=recvonly", "a=sendrecv"}, false},
		"no codec":          {"opus", []string{"AVP 96 99", "AVP 99"}, false},
		"other packet time": {"opus", []string{"ptime:20", "ptime:60"}, false},
		"encrypted":         {"opus", []string{"RTP/AVP", "RTP/SAVP"}, false},
		"secure echo":       {"ssm-red-srtp", nil, true},
		"no redundancy":     {"ssm-red-srtp", []string{"SAVPF 98 96", "SAVPF 96"}, false},
		"plain":             {"ssm-red-srtp", []string{"RTP/SAVPF", "RTP/AVPF"}, false},
		"video instead":     {"opus", []string{"m=audio", "m=video"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			g := testGroup(c.group)
			o := offerGroup(t, g, nil)
			r, err := accept(o, g, c.replace...)
			if (err == nil) != c.ok {
				t.Fatalf("accepted: %v, error %v", err == nil, err)
			}
			if c.ok && r.Negotiated.Multicast != g.Address() {
				t.Errorf("negotiated %v", r.Negotiated.Multicast)
			}
		})
	}
}

// What the session was stays in force when the group is refused, also for one that never had
// anything else.
func TestRefusedGroup(t *testing.T) {
	g, caps := testGroup("opus"), DefaultCapabilities()
	first, err := Offer(caps, groupLocal(g), nil)
	if err != nil {
		t.Fatal(err)
	}
	server, _ := call(t, first, caps, caps, nil)
	o := offerGroup(t, g, server.State)
	before := server.State.Negotiated()
	if after := o.Rejected().Negotiated(); !after.Equal(&before) {
		t.Errorf("the refusal changed %+v to %+v", before, after)
	}
	if again, err := Refresh(caps, groupLocal(g), o.Rejected()); err != nil || version(again.SDP) == version(o.SDP) || bytes.Contains(again.SDP, []byte("239.")) {
		t.Errorf("after the refusal: %v\n%s", err, again.SDP)
	}
	never := offerGroup(t, g, nil)
	next, err := Offer(caps, groupLocal(g), never.Abandoned())
	if err != nil {
		t.Fatal(err)
	}
	if version(next.SDP) == version(never.SDP) || bytes.Count(next.SDP, []byte("m=")) != 1 || bytes.Contains(next.SDP, []byte("239.")) {
		t.Errorf("after the group came to nothing:\n%s", next.SDP)
	}
	call(t, next, caps, caps, nil)
}

// A refresh says the same again; with a new key it says that.
func TestRefreshOfGroup(t *testing.T) {
	g, caps := testGroup("ssm-red-srtp"), DefaultCapabilities()
	o := offerGroup(t, g, nil)
	r, err := accept(o, g)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Refresh(caps, groupLocal(g), r.State)
	if err != nil || !bytes.Equal(again.SDP, o.SDP) {
		t.Errorf("refreshed with %v\n%s\nwant\n%s", err, again.SDP, o.SDP)
	}
	text, _ := os.ReadFile("testdata/groups/ssm-red-srtp.sdp")
	renewed, err := ParseGroup(bytes.ReplaceAll(text, []byte("|9:4"), []byte("|10:4")))
	if err != nil || renewed.Equal(g) || !g.Equal(testGroup("ssm-red-srtp")) {
		t.Fatalf("another key is told from the same: %v", err)
	}
	const before = ";inline:c2l4dGVlbiBieXRlcyBva2ZvdXJ0ZWVuIGJ5dGVz|2^31|9:4"
	both, err := ParseGroup(bytes.ReplaceAll(text, []byte("|9:4"), []byte("|10:4"+before)))
	if err != nil || !both.Equal(renewed) || both.Equal(g) {
		t.Errorf("with the key before behind it the new one is another: %v", err)
	}
	if o := offerGroup(t, both, nil); !bytes.Contains(o.SDP, []byte("|10:4"+before+"\r\n")) {
		t.Errorf("two keys are not offered\n%s", o.SDP)
	}
	again, err = Refresh(caps, groupLocal(renewed), r.State)
	if err != nil || !bytes.Contains(again.SDP, []byte("|10:4")) || version(again.SDP) == version(o.SDP) {
		t.Errorf("after a new key: %v\n%s", err, again.SDP)
	}
}

func TestPolicyOfGroups(t *testing.T) {
	for _, c := range []struct {
		group  string
		policy SRTPPolicy
		ok     bool
	}{{"opus", SRTPOff, true}, {"opus", SRTPRequired, false}, {"ssm-red-srtp", SRTPOff, false}, {"ssm-red-srtp", SRTPRequired, true}} {
		caps := DefaultCapabilities()
		caps.SRTP = c.policy
		if _, err := OfferGroup(caps, groupLocal(testGroup(c.group)), nil); (err == nil) != c.ok {
			t.Errorf("%s with policy %d: %v", c.group, c.policy, err)
		}
	}
	if _, err := OfferGroup(DefaultCapabilities(), testLocal(""), nil); err == nil || code(err) != Internal {
		t.Errorf("no group: %v", err)
	}
}

func TestParseGroupRefuses(t *testing.T) {
	good, _ := os.ReadFile("testdata/groups/opus.sdp")
	for name, replace := range map[string][]string{
		"empty":         {string(good), ""},
		"unicast":       {"239.255.1.2/1", "192.0.2.1"},
		"two addresses": {"239.255.1.2/1", "239.255.1.2/1/2"},
		"sendrecv":      {"a=recvonly", "a=sendrecv"},
		"two lines":     {"a=recvonly\n", "a=recvonly\nm=audio 10004 RTP/AVP 0\n"},
		"no port":       {"audio 10000", "audio 0"},
		"profile":       {"RTP/AVP", "UDP/TLS/RTP/SAVP"},
		"no format":     {" 96 99", ""},
	} {
		text := strings.NewReplacer(replace...).Replace(string(good))
		if _, err := ParseGroup([]byte(text)); err == nil || code(err) != Internal {
			t.Errorf("%s: %v", name, err)
		}
	}
	if at := testGroup("opus").Address(); at != netip.MustParseAddrPort("239.255.1.2:10000") {
		t.Errorf("address %v", at)
	}
}

// FuzzAcceptGroup answers an offer of a group with anything: what is accepted is the group.
func FuzzAcceptGroup(f *testing.F) {
	g := testGroup("opus")
	o, err := OfferGroup(DefaultCapabilities(), groupLocal(g), nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(o.SDP)
	for _, offers := range corpus(f) {
		f.Add(offers[0])
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		r, err := Accept(o, answer, DefaultCapabilities(), groupLocal(g))
		if err != nil {
			failure(t, err)
			return
		}
		checkNegotiated(t, &r.Negotiated)
		if r.Negotiated.Multicast != g.Address() {
			t.Errorf("accepted %+v", r.Negotiated)
		}
	})
}
