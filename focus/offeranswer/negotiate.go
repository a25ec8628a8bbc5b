package offeranswer

import (
	"strconv"
	"strings"
)

// Negotiate answers an offer. previous is the State of the session's last exchange, nil
// for the first. The answer has the offer's m= lines in their order; one audio stream is
// accepted, the one that was accepted before if it still can be, and beside it video as
// Capabilities.Video and Local.Video say; everything else gets port 0. If nothing can be accepted the error is NotAcceptable, unless the peer itself
// has disabled everything in a session that exists. Errors are of type *Error.
func Negotiate(offer []byte, caps Capabilities, local Local, previous *State) (*Result, error) {
	if err := local.check(); err != nil {
		return nil, err
	}
	d, err := parse(offer)
	if err != nil {
		return nil, err
	}
	e := &exchange{&caps, &local, d, previous}
	s, err := e.choose()
	if err != nil {
		return nil, err
	}
	v, err := e.answerVideos()
	if err != nil {
		return nil, err
	}
	return e.answer(s, v), nil
}

// choose finds the m= line to accept; nil without an error means that none is wanted.
func (e *exchange) choose() (*stream, *Error) {
	if e.local.NoAudio {
		return nil, nil
	}
	var first *Error
	for _, i := range e.candidates() {
		s, err := e.answerStream(i)
		if err == nil {
			return s, nil
		}
		if err.Code == Internal {
			return nil, err
		}
		if first == nil {
			first = err
		}
	}
	if first == nil && e.last != nil && e.allDisabled() {
		return nil, nil
	}
	if first == nil {
		first = refused(WarnMediaType, 0, "an m=audio line with a port other than 0 is wanted",
			"no audio is offered: %s", e.peer.summary())
	}
	return nil, first
}

// candidates are the live audio lines, the one in use first.
func (e *exchange) candidates() []int {
	var list []int
	for i, m := range e.peer.media {
		switch {
		case m.port == 0 || !strings.EqualFold(m.media, "audio"):
		case e.last != nil && e.last.audio == i:
			list = append([]int{i}, list...)
		default:
			list = append(list, i)
		}
	}
	return list
}

func (e *exchange) allDisabled() bool {
	for _, m := range e.peer.media {
		if m.port != 0 {
			return false
		}
	}
	return true
}

// summary names the m= lines for an error.
func (d *description) summary() string {
	if len(d.media) == 0 {
		return "there is no m= line"
	}
	var names []string
	for i, m := range d.media {
		if i == 6 {
			names = append(names, "...")
			break
		}
		names = append(names, quote(m.media)+" at port "+strconv.Itoa(m.port))
	}
	return strings.Join(names, ", ")
}

func (e *exchange) answerStream(i int) (*stream, *Error) {
	m := &e.peer.media[i]
	if e.local.Group.names(e.peer, m) {
		return e.answerGroup(i)
	}
	wantsKey, err := e.checkProfile(m)
	if err != nil {
		return nil, err
	}
	var list []agreed
	for _, p := range m.payloads() {
		list = append(list, agreed{payload: p, own: p.number})
	}
	s, err := e.stream(i, list, e.caps.PreferOfferOrder, e.caps.RTCPMux)
	if err != nil || !wantsKey {
		return s, err
	}
	var last *Crypto
	if e.last != nil {
		last = e.last.last.SRTP
	}
	s.crypto, err = m.answerCrypto(e.local, last)
	return s, err
}

// answer writes the answer that accepts s with its videos, or nothing.
func (e *exchange) answer(s *stream, videos []videoSlot) *Result {
	st := e.last.next(e.local)
	st.time = e.peer.timeLine()
	for _, m := range e.peer.media {
		st.slots = append(st.slots, m.slot())
	}
	st.conclude(s, e.last)
	if s != nil && s.group == nil {
		st.bind(s.known)
		own := &ownAudio{
			payloads: st.spoken, ptime: int(s.send.PacketTime.Milliseconds()), mux: s.remote.mux, muxed: s.remote.mux,
			levels: s.levels, direction: s.peer.Reverse(),
		}
		if s.crypto != nil {
			own.crypto = []cryptoLine{s.crypto.ours()}
		}
		st.told = own
	}
	st.watch(videos, e.caps.Video != nil)
	sdp := st.describe(e.local)
	return &Result{SDP: sdp, Negotiated: st.last, State: st, Unchanged: e.unchanged(st)}
}

func (e *exchange) unchanged(st *State) bool {
	return e.last != nil && st.last.Equal(&e.last.last)
}

// slot is what stays of an m= line; a refused one keeps one of its formats.
func (m *section) slot() slot {
	s := slot{strings.Clone(m.media), strings.Clone(m.proto), "0"}
	if len(m.formats) > 0 {
		s.format = strings.Clone(m.formats[0])
	}
	return s
}

// timeLine is the offer's t=, which the answer repeats (RFC 3264 section 6).
func (d *description) timeLine() string {
	words := strings.Fields(d.time.text)
	if len(words) != 2 || !isNumber(words[0]) || !isNumber(words[1]) {
		return "0 0"
	}
	return words[0] + " " + words[1]
}

func isNumber(s string) bool {
	_, err := strconv.ParseUint(s, 10, 64)
	return err == nil && s[0] != '+'
}
