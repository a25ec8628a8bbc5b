package offeranswer

import (
	"slices"
	"strconv"
	"strings"

	"github.com/confd/confd/media"
)

// exchange is one offer and answer at work.
type exchange struct {
	caps  *Capabilities
	local *Local
	peer  *description
	last  *State // nil in the first exchange of a session
}

// stream is an audio m= line that was agreed on.
type stream struct {
	index  int
	proto  string
	known  []payload // everything the peer put on the line
	lineup lineup
	remote remote
	peer   Direction // the peer's view
	levels levels
	crypto *Crypto
	send   media.Format
	sendPT uint8
	group  *groupLine // the line is the room's group: all else but index and proto is zero
	ours   [128]bool  // the numbers of our offer, where this is the answer to one
}

// secure tells whether a profile is one of ours and whether it is encrypted.
func secure(proto string) (encrypted, ok bool) {
	switch strings.ToUpper(proto) {
	case "RTP/AVP", "RTP/AVPF":
		return false, true
	case "RTP/SAVP", "RTP/SAVPF":
		return true, true
	}
	return false, false
}

// checkProfile refuses what we do not speak, or what the policy forbids. wantsKey says
// whether the line needs a key.
func (e *exchange) checkProfile(m *section) (wantsKey bool, err *Error) {
	encrypted, ok := secure(m.proto)
	_, keyed := m.attr("crypto")
	policy := e.caps.SRTP
	switch {
	case !ok && strings.Contains(strings.ToUpper(m.proto), "TLS"):
		return false, refused(WarnTransport, m.line, "RTP/AVP, RTP/AVPF and, with a=crypto, RTP/SAVP and RTP/SAVPF are spoken",
			"%s needs DTLS, which is not available", quote(m.proto))
	case !ok:
		return false, refused(WarnTransport, m.line, "RTP/AVP, RTP/AVPF, RTP/SAVP and RTP/SAVPF are spoken",
			"profile %s is not available", quote(m.proto))
	case encrypted && policy == SRTPOff:
		return false, refused(WarnTransport, m.line, "RTP/AVP and RTP/AVPF are allowed", "SRTP is switched off")
	case !encrypted && policy == SRTPRequired && !keyed:
		return false, refused(WarnTransport, m.line, "RTP/SAVP with a=crypto is wanted", "unencrypted media is not allowed")
	}
	return encrypted || policy == SRTPRequired, nil
}

// stream fits one m= line of the peer to what we can, all but its keys. list are its
// payload types with the numbers of ours; mux allows RTCP on the same port.
func (e *exchange) stream(i int, list []agreed, peersOrder, mux bool) (*stream, *Error) {
	m := &e.peer.media[i]
	s := &stream{index: i, proto: strings.Clone(m.proto), known: m.payloads(), peer: e.peer.direction(m)}
	var err *Error
	if s.remote, err = e.peer.remote(m, e.local.Address, mux); err != nil {
		return nil, err
	}
	if !s.remote.rtp.IsValid() {
		s.peer = Inactive
	}
	if s.remote.mux {
		list = withoutRTCP(list)
	}
	s.lineup = e.caps.lineup(list, peersOrder)
	var ok bool
	if s.sendPT, s.send, ok = e.caps.sender(&s.lineup, m); !ok {
		problem := "no codec in common"
		if len(s.lineup.audio) > 0 {
			problem = "10 ms of no common codec fit into a packet of " + strconv.Itoa(MaxPacket) + " bytes"
		}
		return nil, refused(WarnMediaFormat, m.line, "supported are "+e.caps.supported(),
			"%s, the peer has %s", problem, describeAll(s.known))
	}
	if e.caps.AudioLevels {
		s.levels = e.peer.levels(m)
	}
	return s, nil
}

// withoutRTCP drops payload types that look like RTCP on a shared port (RFC 5761 section 4).
func withoutRTCP(list []agreed) []agreed {
	var kept []agreed
	for _, a := range list {
		if a.number < 64 || a.number > 95 {
			kept = append(kept, a)
		}
	}
	return kept
}

// negotiated is what the media plane is told about s.
func (s *stream) negotiated(hold bool) Negotiated {
	n := Negotiated{
		Audio: true, Media: s.index, Profile: s.proto,
		Send: s.send, SendPT: s.sendPT,
		RemoteRTP: s.remote.rtp, RemoteRTCP: s.remote.rtcp, RTCPMux: s.remote.mux,
		Direction: s.peer.Reverse(), RemoteHold: hold,
		AudioLevelID: s.levels.audio, MixerLevelID: s.levels.mixer,
		SRTP: s.crypto,
	}
	n.ingress(&s.lineup, s.ours)
	if a := atClock(s.lineup.events, s.send.ClockRate); a != nil {
		n.TelephoneEventPT = a.number
	} else if a := atClock(s.lineup.events, 8000); a != nil {
		n.TelephoneEventPT = a.number
	}
	if a := atClock(s.lineup.noise, s.send.ClockRate); a != nil && s.send.Codec != media.Opus {
		n.ComfortNoisePT = a.number
	}
	return n
}

// ingress fills the tables by payload type: first our numbers, then, where an answer
// renumbered, the peer's, because such peers are not agreed on which of them they use. A
// number of our offer (taken) keeps the meaning that we gave it.
func (n *Negotiated) ingress(l *lineup, taken [128]bool) {
	n.Receive, n.ComfortNoise, n.TelephoneEvent = map[uint8]media.Format{}, map[uint8]uint32{}, map[uint8]uint32{}
	for _, a := range slices.Concat(l.audio, l.noise, l.events) {
		taken[a.own] = false
	}
	own := func(a agreed) uint8 { return a.own }
	peers := func(a agreed) uint8 { return a.number }
	for _, number := range []func(agreed) uint8{own, peers} {
		for _, a := range l.audio {
			if pt := number(a); !taken[pt] {
				n.Receive[pt], taken[pt] = a.format, true
			}
		}
		for _, a := range l.noise {
			if pt := number(a); !taken[pt] {
				n.ComfortNoise[pt], taken[pt] = uint32(a.clock), true
			}
		}
		for _, a := range l.events {
			if pt := number(a); !taken[pt] {
				n.TelephoneEvent[pt], taken[pt] = uint32(a.clock), true
			}
		}
	}
}

// conclude puts an agreed stream, or nil for none, into the state that follows before.
func (s *State) conclude(st *stream, before *State) {
	if st == nil {
		return
	}
	if st.group != nil {
		s.join(st.group, st.index, before)
		return
	}
	s.audio = st.index
	s.spoken = st.lineup.payloads()
	var hold bool
	s.habit, hold = s.habit.observe(st.peer)
	s.last = st.negotiated(hold)
}
