package offeranswer

import (
	"reflect"
	"slices"
	"strings"

	"github.com/confd/confd/media"
)

// videoSlot is what a session remembers of one m=video line. A value is never modified once its
// exchange is over.
type videoSlot struct {
	index   int // among the m= lines
	numbers []videoNumber

	// What the peer last said, whether the line was accepted or not.
	can        []VideoOption
	content    string
	label, mid string
	rtx        bool
	reduced    bool
	feedback   VideoFeedback
	extensions videoExtensions

	told *ownVideo // the line of our last description; nil for port 0
	last Video
}

// videoNumber is a payload type with what it means for the whole session (RFC 3264 section
// 8.3.2). A number may have two: a Baseline and its subset.
type videoNumber struct {
	number uint8
	meaning
}

// meaning is a format, or the retransmission of a payload type, or, by name, what we know
// nothing about.
type meaning struct {
	format media.VideoFormat
	of     uint8
	name   string
}

func isVideo(medium string) bool { return strings.EqualFold(medium, "video") }

// video returns what is remembered of an m= line; nil if it is no video.
func (s *State) video(index int) *videoSlot {
	if s == nil {
		return nil
	}
	for i := range s.videos {
		if s.videos[i].index == index {
			return &s.videos[i]
		}
	}
	return nil
}

// again is the slot as it begins the next exchange: nothing is told yet.
func (s *State) again(index int) videoSlot {
	v := s.video(index)
	if v == nil {
		return videoSlot{index: index}
	}
	next := *v
	next.numbers = slices.Clone(v.numbers)
	next.told, next.last = nil, Video{}
	return next
}

// observe takes what the peer says on its line. One that it has disabled may have nothing to
// say; what it could before, it still can.
func (v *videoSlot) observe(d *description, m *section) {
	list := m.payloads()
	can := videoOptions(list)
	if m.port == 0 && can == nil {
		v.bindAll(list)
		return
	}
	v.can = can
	v.content, v.label, v.mid = m.content(), m.name("label"), m.name("mid")
	v.extensions = d.videoExtensions(m)
	v.rtx = slices.ContainsFunc(list, func(p payload) bool { return p.is("rtx") })
	v.feedback = m.anyFeedback()
	_, v.reduced = m.attr("rtcp-rsize")
	v.bindAll(list)
}

// bindAll remembers what the peer's numbers mean.
func (v *videoSlot) bindAll(list []payload) {
	for _, p := range list {
		options := p.videoOptions()
		of, _, isRTX := p.value("apt", 127, 0)
		switch {
		case options != nil:
			for _, o := range slices.Backward(options) {
				v.bind(p.number, meaning{format: o.Format})
			}
		case p.is("rtx") && isRTX:
			v.bind(p.number, meaning{of: uint8(of), name: "rtx"})
		case p.encoding != "":
			v.bind(p.number, meaning{name: strings.Clone(strings.ToLower(p.encoding))})
		}
	}
}

// bind adds a meaning, or does nothing if the number has it. A number that has changed its
// meaning, which it should not, loses the old one.
func (v *videoSlot) bind(number uint8, what meaning) {
	for i := len(v.numbers) - 1; i >= 0; i-- {
		n := v.numbers[i]
		switch {
		case n.number != number:
		case n.meaning == what:
			return
		case !n.standsFor(what):
			v.numbers = slices.Delete(v.numbers, i, i+1)
		}
	}
	v.numbers = append(v.numbers, videoNumber{number, what})
}

// standsFor tells whether one number may have both meanings.
func (m meaning) standsFor(o meaning) bool {
	a, b := m.format, o.format
	return a.Codec == media.H264 && b.Codec == media.H264 && a.PacketizationMode == b.PacketizationMode &&
		min(a.Profile, b.Profile) == media.H264ConstrainedBaseline && max(a.Profile, b.Profile) == media.H264Baseline
}

// number returns the number that has a meaning, else a dynamic one that has none; ok is false
// if all are taken.
func (v *videoSlot) number(what meaning) (number uint8, ok bool) {
	var used [128]bool
	for _, n := range v.numbers {
		if n.meaning == what {
			return n.number, true
		}
		used[n.number] = true
	}
	for n := uint8(96); n < 128; n++ {
		if !used[n] {
			v.bind(n, what)
			return n, true
		}
	}
	return 0, false
}

// content returns the first word of a=content.
func (m *section) content() string {
	return strings.ToLower(m.name("content"))
}

// name returns an attribute's value up to a comma, "" if it is no token.
func (m *section) name(attribute string) string {
	a, _ := m.attr(attribute)
	word, _, _ := strings.Cut(a.value, ",")
	if word = strings.TrimSpace(word); !isToken(word, false) {
		return ""
	}
	return strings.Clone(word)
}

// image is what the peer has said of sizes.
func (v *videoSlot) image() *Image {
	if v == nil {
		return nil
	}
	return v.last.Image
}

// begin begins what is told of a line.
func (v *videoSlot) begin() Video {
	return Video{Media: v.index, Content: v.content, Label: v.label, MID: v.mid, Can: v.can}
}

// watch concludes an exchange with its m=video lines. Without audio, or where the room has no
// video, they have no media.
func (s *State) watch(videos []videoSlot, wanted bool) {
	s.videos, s.last.Video = videos, nil
	for i := range s.videos {
		v := &s.videos[i]
		if s.audio < 0 || !wanted {
			v.told, v.last = nil, Video{}
			continue
		}
		v.last.RemoteHold = v.last.Accepted && s.last.RemoteHold && !v.last.Direction.Sends()
		s.last.Video = append(s.last.Video, v.last)
	}
}

// sameVideo tells whether the media plane has nothing to do between two exchanges.
func sameVideo(a, b Video) bool {
	same := a.SRTP.Equal(b.SRTP) && a.Refused.sameAs(b.Refused)
	a.SRTP, b.SRTP, a.Refused, b.Refused = nil, nil, nil, nil
	return same && reflect.DeepEqual(a, b)
}
