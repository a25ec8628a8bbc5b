package offeranswer

import "slices"

// answerVideos goes through the m=video lines of an offer. Only a mistake of ours is an error:
// what is wrong with a line has it refused.
func (e *exchange) answerVideos() ([]videoSlot, *Error) {
	var all []videoSlot
	for i := range e.peer.media {
		m := &e.peer.media[i]
		if !isVideo(m.media) {
			continue
		}
		v := e.last.again(i)
		v.observe(e.peer, m)
		v.last = v.begin()
		all = append(all, v)
	}
	if e.caps.Video == nil || e.local.NoAudio {
		return all, nil
	}
	free := newEnds(e.local)
	for _, v := range e.last.inUseFirst(all) {
		m := &e.peer.media[v.index]
		if m.port == 0 {
			continue
		}
		err := e.answerVideo(v, m, free)
		if err != nil && err.Code == Internal {
			return nil, err
		}
		if err != nil {
			v.told, v.last = nil, v.begin()
			v.last.Refused = err
		}
	}
	return all, nil
}

// ends hands out Local.Video.
type ends struct {
	taken []bool
	given int
}

func newEnds(local *Local) *ends { return &ends{taken: make([]bool, len(local.Video))} }

// wish finds an end: that of before if the line had one.
func (f *ends) wish(before *videoSlot) (end int, ok bool) {
	if before != nil && before.last.Accepted {
		if end = before.last.Local; end < len(f.taken) && !f.taken[end] {
			return end, true
		}
	}
	end = slices.Index(f.taken, false)
	return end, end >= 0
}

func (f *ends) take(end int) {
	f.taken[end] = true
	f.given++
}

// inUseFirst orders lines so that one that has media loses its place to none that has not.
func (s *State) inUseFirst(all []videoSlot) []*videoSlot {
	var list, rest []*videoSlot
	for i := range all {
		if before := s.video(all[i].index); before != nil && before.last.Accepted {
			list = append(list, &all[i])
		} else {
			rest = append(rest, &all[i])
		}
	}
	return append(list, rest...)
}

// answerVideo accepts one line at an end that is free, or says why not.
func (e *exchange) answerVideo(v *videoSlot, m *section, free *ends) *Error {
	caps := e.caps.Video
	wantsKey, err := e.checkProfile(m)
	if err != nil {
		return err
	}
	list := m.payloads()
	pick, ok := caps.pick(m, list, v.can, e.caps.RTCPMux)
	if !ok {
		return caps.noFormat(m, v.can, list)
	}
	before := e.last.video(v.index)
	end, ok := free.wish(before)
	switch most := min(caps.Lines, len(e.local.Video)); {
	case most <= 0:
		return refused(WarnMediaType, m.line, "", "there is no video here")
	case !ok || free.given >= most:
		return refused(WarnMediaType, m.line, "", "video on more than %d lines is not taken", most)
	}
	if err := e.agree(v, m, e.terms(m, pick)); err != nil {
		return err
	}
	n := &v.last
	if wantsKey {
		var last *Crypto
		if before != nil {
			last = before.last.SRTP
		}
		if n.SRTP, err = m.answerCrypto(e.local, last); err != nil {
			return err
		}
	}
	n.Local = end
	free.take(end)
	v.told = e.answeredVideo(n, &pick)
	return nil
}

// terms are what we answer a line with.
func (e *exchange) terms(m *section, pick videoPick) videoTerms {
	caps := e.caps.Video
	t := videoTerms{pick: pick, mux: e.caps.RTCPMux, feedback: caps.Feedback, reduced: true, extensions: e.peer.videoExtensions(m)}
	if !caps.FrameMarking {
		t.extensions.marking = 0
	}
	if caps.Simulcast {
		t.rids = m.rids(pick.number)
	}
	return t
}

// pick chooses the format of an answer: the room's first that the peer has.
func (c *VideoCapabilities) pick(m *section, list []payload, can []VideoOption, mux bool) (videoPick, bool) {
	_, muxed := m.attr("rtcp-mux")
	rtcp := func(pt uint8) bool { return mux && muxed && pt >= 64 && pt <= 95 }
	for _, f := range c.formats() {
		o := optionOf(can, f)
		if o == nil || rtcp(o.PayloadType) {
			continue
		}
		p := videoPick{option: *o, number: o.PayloadType, own: o.PayloadType}
		if c.RTX {
			p.rtx, p.rtxTime = pickRTX(list, p.number)
		}
		if rtcp(p.rtx) {
			p.rtx, p.rtxTime = 0, 0
		}
		p.ownRTX = p.rtx
		return p, true
	}
	return videoPick{}, false
}

// answeredVideo is how we write a line that was accepted.
func (e *exchange) answeredVideo(n *Video, pick *videoPick) *ownVideo {
	caps := e.caps.Video
	own := &ownVideo{
		local: n.Local, feedback: n.Feedback, reduced: n.ReducedSize, extensions: n.extensions(), rids: n.RIDs, mid: n.MID, content: n.Content,
		bitrate: caps.Bitrate, mux: n.RTCPMux, muxed: n.RTCPMux, direction: n.Direction,
	}
	f := ownFormat{format: n.Format, number: pick.own, rtx: pick.ownRTX}
	f.say(&pick.option, caps.limit(n.Format, n.Content))
	own.formats, n.Level, n.Limit = []ownFormat{f}, f.limit.Level, f.limit
	if n.Image != nil {
		own.size(e.local.Video[n.Local].under(f.limit), n.Image)
	}
	if n.SRTP != nil {
		own.crypto = []cryptoLine{n.SRTP.ours()}
	}
	return own
}
