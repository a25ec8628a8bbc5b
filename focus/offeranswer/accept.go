package offeranswer

import (
	"strings"
)

// Accept reads the answer to an offer of ours. A peer that refuses the stream of a first
// offer is NotAcceptable; in a session that exists it means that audio is over. Result.SDP
// is nil. Errors are of type *Error.
func Accept(ours *OfferResult, answer []byte, caps Capabilities, local Local) (*Result, error) {
	if err := local.check(); err != nil {
		return nil, err
	}
	d, err := parse(answer)
	if err != nil {
		return nil, err
	}
	e := &exchange{&caps, &local, d, ours.previous}
	s, err := e.accept(ours)
	if err != nil {
		return nil, err
	}
	st := *ours.state
	st.audio = -1
	st.conclude(s, ours.previous)
	st.watch(e.acceptVideos(ours), caps.Video != nil)
	return &Result{Negotiated: st.last, State: &st, Unchanged: e.unchanged(&st)}, nil
}

func (e *exchange) accept(ours *OfferResult) (*stream, *Error) {
	i := ours.state.audio
	if i < 0 {
		return nil, nil
	}
	if i >= len(e.peer.media) {
		return nil, malformed(0, "an answer has as many m= lines as the offer",
			"the answer has %d m= lines, our audio is number %d", len(e.peer.media), i+1)
	}
	m := &e.peer.media[i]
	if !strings.EqualFold(m.media, "audio") {
		return nil, malformed(m.line, "m= lines are answered in their order",
			"audio was offered, %s answered", quote(m.media))
	}
	if l := ours.state.group; l != nil {
		return &stream{index: i, group: l}, e.acceptGroup(m, l.Group)
	}
	if m.port == 0 {
		return nil, e.declined(m)
	}
	return e.acceptStream(i, ours)
}

func (e *exchange) declined(m *section) *Error {
	if e.last != nil {
		return nil
	}
	return refused(WarnMediaType, m.line, "", "the peer declined the audio that we offered")
}

func (e *exchange) acceptStream(i int, ours *OfferResult) (*stream, *Error) {
	m := &e.peer.media[i]
	offered := ours.state.slots[i].proto
	want, _ := secure(offered)
	got, ok := secure(m.proto)
	if !ok || want != got {
		return nil, malformed(m.line, offered+" was offered", "profile %s was answered", quote(m.proto))
	}
	told := ours.state.told
	s, err := e.stream(i, told.match(m), true, told.mux)
	if err != nil {
		return nil, err
	}
	for _, p := range told.payloads {
		s.ours[p.number] = true
	}
	if s.levels.audio != told.levels.audio {
		s.levels.audio = 0
	}
	if s.levels.mixer != told.levels.mixer {
		s.levels.mixer = 0
	}
	if len(told.crypto) > 0 {
		s.crypto, err = acceptCrypto(told.crypto, m)
	}
	return s, err
}

// match pairs the payload types of an answer with those of our offer: by encoding, or by
// number where the answer does not say what a number is.
func (o *ownAudio) match(m *section) []agreed {
	var list []agreed
	for _, p := range m.payloads() {
		for _, q := range o.payloads {
			if p.encoding == "" && p.number == q.number {
				p.encoding, p.clock, p.channels = q.encoding, q.clock, q.channels
			}
			if q.same(p) {
				list = append(list, agreed{payload: p, own: q.number})
				break
			}
		}
	}
	return list
}

// acceptCrypto finds the one line of ours that the answer chose by its tag.
func acceptCrypto(ours []cryptoLine, m *section) (*Crypto, *Error) {
	lines, why := m.cryptoLines()
	for _, peer := range lines {
		for _, own := range ours {
			if own.tag == peer.tag && own.suite == peer.suite {
				return joinCrypto(own, peer), nil
			}
		}
		why = "tag and suite are none that we offered"
	}
	return nil, refused(WarnTransport, m.line, "the answer repeats tag and suite of one a=crypto line",
		"the answer has no usable key: %s", why)
}
