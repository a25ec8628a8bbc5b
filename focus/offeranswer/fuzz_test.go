package offeranswer

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/confd/confd/media"
)

// FuzzNegotiate sends one offer and then another of the same session, and has us refresh
// and offer afresh after each. Whatever is answered keeps the rules.
func FuzzNegotiate(f *testing.F) {
	for _, offers := range corpus(f) {
		second := offers[len(offers)-1]
		for policy := range byte(3) {
			f.Add(offers[0], second, policy)
			f.Add(offers[0], second, policy|16)
			f.Add(offers[0], second, policy|32|8)
			f.Add(offers[0], second, policy|64)
			f.Add(offers[0], second, policy|128)
		}
	}
	groups := []*Group{testGroup("opus"), testGroup("ssm-red-srtp")}
	f.Fuzz(func(t *testing.T, first, second []byte, settings byte) {
		caps := DefaultCapabilities()
		caps.SRTP = SRTPPolicy(settings % 3)
		caps.PreferOfferOrder = settings&4 == 0
		local := testLocal("")
		if settings&8 != 0 {
			local.Address = netip.MustParseAddr("2001:db8::1")
		}
		switch {
		case settings&48 == 16:
			local.Group = groups[0]
		case settings&48 == 32:
			local.Group = groups[1]
		}
		fuzzVideo(&caps, &local, settings)
		var state *State
		for _, offer := range [][]byte{first, second} {
			r, err := Negotiate(offer, caps, local, state)
			if err != nil {
				failure(t, err)
				continue
			}
			checkResult(t, offer, r, caps, local)
			state = r.State
			checkOwnOffers(t, caps, local, state)
		}
	})
}

// fuzzVideo gives the room no video, two lines of any format, or one of VP8.
func fuzzVideo(caps *Capabilities, local *Local, settings byte) {
	switch settings & 192 {
	case 64:
		caps.Video = testVideo(2)
	case 128:
		caps.Video = testVideo(1)
		caps.Video.Formats, caps.Video.Settled = []media.VideoFormat{vp8}, true
	}
	if caps.Video != nil {
		*local = withVideo(*local, 2)
	}
}

// checkOwnOffers wants offers of ours that fit the session.
func checkOwnOffers(t *testing.T, caps Capabilities, local Local, state *State) {
	t.Helper()
	for _, write := range []func(Capabilities, Local, *State) (*OfferResult, error){Offer, Refresh, OfferVideo} {
		o, err := write(caps, local, state)
		if err != nil {
			if code(err) != Internal || state.audio >= 0 {
				t.Fatalf("no offer of ours: %v", err)
			}
			continue // a peer that took all payload numbers
		}
		d, perr := parse(o.SDP)
		if perr != nil {
			t.Fatalf("our offer is malformed: %v\n%s", perr, o.SDP)
		}
		if len(d.media) < len(state.slots) {
			t.Errorf("%d m= lines shrink to %d", len(state.slots), len(d.media))
		}
		checkLines(t, o.SDP)
		checkVideoNumbers(t, d, state, caps)
		if o.state.group != nil {
			continue // its numbers are the group's
		}
		numbers := map[uint8]bool{}
		for _, p := range d.media[o.state.audio].payloads() {
			if i, bound := state.find(p.number); numbers[p.number] || bound && !state.numbers[i].same(p) {
				t.Errorf("number %d of %v means %s in an offer", p.number, state.numbers, p.rtpmap())
			}
			numbers[p.number] = true
		}
	}
}

// checkVideoNumbers wants no payload type of video to mean what it did not mean before, and no
// more lines than there may be.
func checkVideoNumbers(t *testing.T, d *description, state *State, caps Capabilities) {
	t.Helper()
	live := 0
	for i := range d.media {
		m := &d.media[i]
		if !isVideo(m.media) || m.port == 0 {
			continue
		}
		live++
		now, before := videoSlot{}, state.video(i)
		now.bindAll(m.payloads())
		if before == nil {
			continue
		}
		for _, n := range now.numbers {
			same := func(old videoNumber) bool {
				return old.number == n.number && (old.meaning == n.meaning || old.standsFor(n.meaning))
			}
			if slices.ContainsFunc(before.numbers, func(old videoNumber) bool { return old.number == n.number }) && !slices.ContainsFunc(before.numbers, same) {
				t.Errorf("number %d of %v means %+v in an offer", n.number, before.numbers, n.meaning)
			}
		}
	}
	if live > 0 && (caps.Video == nil || live > caps.Video.Lines) {
		t.Errorf("%d lines of video", live)
	}
}

// FuzzAccept answers a plain and an encrypted offer of ours with anything.
func FuzzAccept(f *testing.F) {
	for _, offers := range corpus(f) {
		f.Add(offers[0])
	}
	answers, _ := filepath.Glob("testdata/video-answers/*.sdp")
	for _, file := range answers {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	for _, policy := range []SRTPPolicy{SRTPOff, SRTPRequired} {
		caps := videoCapabilities(2)
		caps.SRTP = policy
		o, err := Offer(caps, videoPhone(2), nil)
		if err != nil {
			f.Fatal(err)
		}
		r, err := Negotiate(o.SDP, caps, withVideo(testLocal(""), 2), nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(r.SDP)
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		for _, policy := range []SRTPPolicy{SRTPOff, SRTPRequired} {
			caps, local := videoCapabilities(2), withVideo(testLocal(""), 2)
			caps.SRTP = policy
			ours, err := Offer(caps, local, nil)
			if err != nil {
				t.Fatal(err)
			}
			before := bytes.Clone(ours.SDP)
			r, err := Accept(ours, answer, caps, local)
			if err != nil {
				failure(t, err)
				continue
			}
			checkAccepted(t, ours, r)
			checkVideos(t, r, caps, local)
			checkOwnOffers(t, caps, local, r.State)
			if !bytes.Equal(before, ours.SDP) {
				t.Error("Accept modified the offer")
			}
		}
	})
}

func checkAccepted(t *testing.T, ours *OfferResult, r *Result) {
	t.Helper()
	n := &r.Negotiated
	checkNegotiated(t, n)
	if !n.Audio {
		t.Fatal("a first offer ended without audio and without an error")
	}
	if r.SDP != nil {
		t.Error("an answer to an answer")
	}
	offered := map[uint8]payload{}
	for _, p := range ours.state.told.payloads {
		offered[p.number] = p
	}
	found := false
	for number, p := range offered {
		if f := n.Receive[number]; f.ClockRate != 0 && (!p.is(f.Codec.String()) || p.clock != f.ClockRate) {
			t.Errorf("number %d was offered as %s and is received as %v", number, p.rtpmap(), f)
		}
		found = found || p.is(n.Send.Codec.String()) && p.clock == n.Send.ClockRate
	}
	if !found {
		t.Errorf("sending %v, which was not offered", n.Send)
	}
	if (n.SRTP != nil) != (len(ours.state.told.crypto) > 0) {
		t.Error("encryption is not as offered")
	}
}
