package offeranswer

import (
	"slices"
	"strings"

	"github.com/confd/confd/media"
)

// OfferResult is an offer of ours that waits for its answer.
type OfferResult struct {
	SDP []byte // CRLF line ends

	previous *State
	state    *State // what holds if the answer comes, but for what only it can tell
}

// Rejected returns the State after the offer was refused: what was in force before, but
// that our next description does not repeat the refused one's version. It is nil for the
// first offer of a session.
func (o *OfferResult) Rejected() *State {
	if o.previous == nil {
		return nil
	}
	s := *o.previous
	if s.version != o.state.version {
		s.version, s.body = o.state.version, o.state.body
	}
	return &s
}

// Offer writes an offer of everything we can, as if the call were new (RFC 3261 section
// 14.2): for an INVITE, or a re-INVITE without an offer, or a change of ours. In a session
// that exists, m= lines and payload numbers stay, and what is in use comes first.
func Offer(caps Capabilities, local Local, previous *State) (*OfferResult, error) {
	if err := local.check(); err != nil {
		return nil, err
	}
	own := &ownAudio{
		payloads: previous.plan(&caps), ptime: int(defaultPacketTime.Milliseconds()),
		mux: caps.RTCPMux, direction: SendRecv,
	}
	switch {
	case previous != nil && previous.audio >= 0 && previous.told != nil:
		last := &previous.last
		own.ptime, own.mux, own.muxed = previous.told.ptime, last.RTCPMux, last.RTCPMux
		own.levels = levels{last.AudioLevelID, last.MixerLevelID}
	case caps.AudioLevels:
		own.levels = levels{1, 2}
	}
	o, err := writeOffer(&caps, &local, previous, own, true)
	if err != nil {
		return nil, err
	}
	return o, nil
}

// Refresh offers again what our last description says, for session timers (RFC 4028): if
// nothing has changed on our side it is the same, with the same version. It asks for
// sendrecv even while the peer holds, as RFC 6337 section 5.3 has it. A group is offered as
// Local.Group describes it now. Without a stream in use it is Offer.
func Refresh(caps Capabilities, local Local, previous *State) (*OfferResult, error) {
	return refresh(caps, local, previous, false)
}

// refresh is Refresh, with video afresh or as it was.
func refresh(caps Capabilities, local Local, previous *State, video bool) (*OfferResult, error) {
	if previous == nil || previous.audio < 0 {
		return Offer(caps, local, previous)
	}
	o, err := previous.repeat(&caps, &local, video)
	if err != nil {
		return nil, err
	}
	return o, nil
}

func (s *State) repeat(caps *Capabilities, local *Local, video bool) (*OfferResult, *Error) {
	if err := local.check(); err != nil {
		return nil, err
	}
	if s.group != nil {
		return s.offerAgain(caps, local, video)
	}
	own := *s.told
	own.direction = SendRecv
	return writeOffer(caps, local, s, &own, video)
}

// writeOffer places own, whose keys it fills in, in the session's m= lines. Those of video are
// offered afresh or as they were.
func writeOffer(caps *Capabilities, local *Local, previous *State, own *ownAudio, afresh bool) (*OfferResult, *Error) {
	if len(own.payloads) == 0 && !local.NoAudio {
		return nil, internal("no codec is configured, or no payload type number is left")
	}
	st := previous.next(local)
	if previous != nil {
		st.slots = slices.Clone(previous.slots)
	}
	o := &OfferResult{previous: previous, state: st}
	if !local.NoAudio {
		st.place(previous, caps)
		st.bind(own.payloads)
		var last *Crypto
		if previous != nil {
			last = previous.last.SRTP
		}
		var err *Error
		if own.crypto, err = local.offerKeys(st.slots[st.audio].proto, last, suites); err != nil {
			return nil, err
		}
		st.told = own
	}
	if err := st.offerVideos(caps, local, previous, afresh); err != nil {
		return nil, err
	}
	o.SDP = st.describe(local)
	return o, nil
}

// place finds the audio line: the one in use, else a disabled one, else a new one
// (RFC 3264 section 8.1).
func (s *State) place(previous *State, caps *Capabilities) {
	if previous != nil && previous.audio >= 0 {
		s.audio = previous.audio
		if previous.group != nil && previous.profile != "" {
			s.slots[s.audio].proto = previous.profile
		} else if previous.group != nil {
			s.slots[s.audio] = caps.slot()
		}
		return
	}
	fresh := caps.slot()
	for i, slot := range s.slots {
		if strings.EqualFold(slot.media, "audio") {
			s.audio, s.slots[i] = i, fresh
			return
		}
	}
	s.audio = len(s.slots)
	s.slots = append(s.slots, fresh)
}

// slot is an audio line as we begin one.
func (c *Capabilities) slot() slot {
	if c.SRTP == SRTPRequired {
		return slot{"audio", "RTP/SAVP", "0"}
	}
	return slot{"audio", "RTP/AVP", "0"}
}

// offerKeys offers the key in use, or one for each suite if the profile wants any.
func (l *Local) offerKeys(proto string, last *Crypto, suites []Suite) (keys []cryptoLine, err *Error) {
	if last != nil {
		return []cryptoLine{last.ours()}, nil
	}
	if encrypted, _ := secure(proto); !encrypted {
		return nil, nil
	}
	for i, suite := range suites {
		key, err := l.freshKey(suite)
		if err != nil {
			return nil, err
		}
		keys = append(keys, cryptoLine{uint32(i + 1), suite, key})
	}
	return keys, nil
}

// plan lists everything we can, with numbers: what is spoken first.
func (s *State) plan(caps *Capabilities) []payload {
	var list []payload
	var used [128]bool
	if s != nil {
		for _, p := range s.numbers {
			used[p.number] = true
		}
		list = slices.Clone(s.spoken)
	}
	for _, p := range caps.everything() {
		if slices.ContainsFunc(list, p.same) {
			continue
		}
		number, ok := s.number(p, &used)
		if !ok {
			continue
		}
		used[number] = true
		p.number = number
		list = append(list, p)
	}
	return list
}

// everything is our whole line-up without numbers: codecs, noise, events.
func (c *Capabilities) everything() []payload {
	var list []payload
	clocks := []int{}
	for _, a := range c.Audio {
		p, ok := a.payload()
		if !ok {
			continue
		}
		list = append(list, p.canonical())
		if clock := p.clock; (clock == 8000 || a.Codec == media.Opus) && !slices.Contains(clocks, clock) {
			clocks = append(clocks, clock)
		}
	}
	if c.ComfortNoise && slices.Contains(clocks, 8000) {
		list = append(list, payload{encoding: "CN", clock: 8000, channels: 1})
	}
	if c.TelephoneEvent {
		for _, clock := range clocks {
			list = append(list, payload{encoding: "telephone-event", clock: clock, channels: 1, params: "0-16"})
		}
	}
	return list
}

// number finds the number that the session or RFC 3551 gave to p, else a free dynamic one.
func (s *State) number(p payload, used *[128]bool) (uint8, bool) {
	if s != nil {
		for _, bound := range s.numbers {
			if bound.same(p) {
				return bound.number, true
			}
		}
	}
	for n := uint8(0); n < 35; n++ {
		if fixed, ok := statics[n]; ok && fixed.same(p) && !used[n] {
			return n, true
		}
	}
	for n := uint8(96); n < 128; n++ {
		if !used[n] {
			return n, true
		}
	}
	return 0, false
}
