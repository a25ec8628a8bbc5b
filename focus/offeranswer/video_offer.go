package offeranswer

// OfferVideo offers again what is in force for audio, as Refresh does, and video as Capabilities
// and Local have it now, as Offer does: to move a peer to another format, to give it back video
// that it was refused, or to end video.
func OfferVideo(caps Capabilities, local Local, previous *State) (*OfferResult, error) {
	return refresh(caps, local, previous, true)
}

// videoSuites are offered for a line that has no key yet. The short tag of the third suite saves
// little on packets of this size.
var videoSuites = suites[:2]

// offerVideos writes our m=video lines into an offer: afresh, or as they were last told.
func (s *State) offerVideos(caps *Capabilities, local *Local, previous *State, afresh bool) *Error {
	s.videos = nil
	for i, slot := range s.slots {
		if isVideo(slot.media) {
			s.videos = append(s.videos, previous.again(i))
		}
	}
	if caps.Video == nil || local.NoAudio {
		return nil
	}
	if !afresh {
		return s.repeatVideos(local, previous)
	}
	most := min(caps.Video.Lines, len(local.Video))
	if len(caps.Video.formats()) == 0 {
		most = 0
	}
	for len(s.videos) < most && len(s.slots) < MaxMedia {
		s.videos = append(s.videos, videoSlot{index: len(s.slots)})
		s.slots = append(s.slots, slot{"video", s.videoProfile(caps), "0"})
	}
	free := newEnds(local)
	for _, v := range previous.inUseFirst(s.videos) {
		if free.given >= most {
			break
		}
		if err := s.offerVideo(v, caps, local, previous, free); err != nil {
			return err
		}
	}
	return nil
}

// videoProfile is the profile of a line that we begin: that of the session's audio.
func (s *State) videoProfile(caps *Capabilities) string {
	proto := s.profile
	if s.audio >= 0 && s.group == nil {
		proto = s.slots[s.audio].proto
	}
	if _, known := secure(proto); known {
		return proto
	}
	return caps.slot().proto
}

// repeatVideos tells each line as it was told last, asking for both directions.
func (s *State) repeatVideos(local *Local, previous *State) *Error {
	for i := range s.videos {
		v := &s.videos[i]
		before := previous.video(v.index)
		if before == nil || before.told == nil || before.told.local >= len(local.Video) {
			continue
		}
		told := *before.told
		told.direction = SendRecv
		if err := s.key(v, &told, local, before); err != nil {
			return err
		}
		v.told = &told
	}
	return nil
}

// offerVideo offers one line, if there is a number for a format.
func (s *State) offerVideo(v *videoSlot, caps *Capabilities, local *Local, previous *State, free *ends) *Error {
	before := previous.video(v.index)
	end, ok := free.wish(before)
	own := v.plan(caps.Video)
	if !ok || own == nil {
		return nil
	}
	own.local, own.mux, own.direction = end, caps.RTCPMux, SendRecv
	if own.content = v.content; own.content == "" {
		own.content = local.Video[end].Content
	}
	own.size(local.Video[end].under(own.formats[0].limit), before.image())
	if before != nil && before.last.Accepted {
		own.mux, own.muxed = before.last.RTCPMux, before.last.RTCPMux
	} else if encrypted, known := secure(s.slots[v.index].proto); !known || encrypted && caps.SRTP == SRTPOff || !encrypted && caps.SRTP == SRTPRequired {
		s.slots[v.index].proto = s.videoProfile(caps)
	}
	if err := s.key(v, own, local, before); err != nil {
		return err
	}
	free.take(end)
	v.told = own
	return nil
}

// key gives a line the key in use, or offers new ones.
func (s *State) key(v *videoSlot, own *ownVideo, local *Local, before *videoSlot) (err *Error) {
	var last *Crypto
	if before != nil {
		last = before.last.SRTP
	}
	own.crypto, err = local.offerKeys(s.slots[v.index].proto, last, videoSuites)
	return err
}

// plan is what we offer on a line: the room's formats in its order, and of what only browsers
// and their like know, what the peer has named before.
func (v *videoSlot) plan(caps *VideoCapabilities) *ownVideo {
	own := &ownVideo{feedback: caps.Feedback, reduced: v.reduced, bitrate: caps.Bitrate}
	for _, f := range caps.formats() {
		o := ownOption(f)
		if known := optionOf(v.can, f); known != nil {
			o = *known
		}
		number, ok := v.number(meaning{format: f})
		if !ok || own.has(f) {
			continue
		}
		format := ownFormat{format: f, number: number}
		format.say(&o, caps.limit(f, v.content))
		if caps.RTX && v.rtx {
			format.rtx, _ = v.number(meaning{of: number, name: "rtx"})
		}
		own.formats = append(own.formats, format)
	}
	own.feedback.REMB = own.feedback.REMB && v.feedback.REMB
	own.feedback.TransportCC = own.feedback.TransportCC && v.feedback.TransportCC && v.extensions.transportCC != 0
	if own.feedback.TransportCC {
		own.extensions.transportCC = v.extensions.transportCC
	}
	if caps.FrameMarking {
		own.extensions.marking = v.extensions.marking
	}
	if own.formats == nil {
		return nil
	}
	return own
}
