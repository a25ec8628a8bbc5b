package offeranswer

import (
	"slices"
	"strings"

	"github.com/confd/confd/media"
)

// acceptVideos reads what the answer says to the m=video lines of our offer. A line that fails
// is told as refused and has port 0 from then on; the call goes on without it.
func (e *exchange) acceptVideos(ours *OfferResult) []videoSlot {
	all := slices.Clone(ours.state.videos)
	for i := range all {
		v := &all[i]
		v.last = v.begin()
		if v.told == nil {
			continue
		}
		v.numbers = slices.Clone(v.numbers)
		v.observeAnswer(e.peer)
		if err := e.acceptVideo(v, ours); err != nil {
			v.told, v.last = nil, v.begin()
			v.last.Refused = err
		}
	}
	return all
}

func (e *exchange) acceptVideo(v *videoSlot, ours *OfferResult) *Error {
	if v.index >= len(e.peer.media) {
		return refused(WarnMediaType, 0, "an answer has as many m= lines as the offer", "the answer has no line for our video")
	}
	m := &e.peer.media[v.index]
	offered := ours.state.slots[v.index].proto
	want, _ := secure(offered)
	got, known := secure(m.proto)
	switch {
	case !isVideo(m.media):
		return refused(WarnMediaType, m.line, "m= lines are answered in their order", "video was offered, %s answered", quote(m.media))
	case m.port == 0:
		return refused(WarnMediaType, m.line, "", "the peer declined the video that we offered, %s", v.told.describe())
	case !known || want != got:
		return refused(WarnTransport, m.line, offered+" was offered", "profile %s was answered", quote(m.proto))
	}
	told := v.told
	list := m.payloads()
	pick, several, ok := told.match(list)
	if !ok {
		return refused(WarnMediaFormat, m.line, "offered was "+told.describe(), "the answer has %s", describeVideo(videoOptions(list), list))
	}
	t := videoTerms{pick: pick, mux: told.mux, reduced: told.reduced, feedback: told.feedback, taken: told.taken(pick.option.Format)}
	t.extensions = told.extensions.and(e.peer.videoExtensions(m))
	for _, id := range m.rids(pick.number) {
		if slices.Contains(told.rids, id) {
			t.rids = append(t.rids, id)
		}
	}
	if err := e.agree(v, m, t); err != nil {
		return err
	}
	n := &v.last
	n.Several, n.Local, n.Limit = several, told.local, told.limit(n.Format)
	n.Level = n.Limit.Level
	if len(told.crypto) > 0 {
		var err *Error
		n.SRTP, err = acceptCrypto(told.crypto, m)
		return err
	}
	return nil
}

// observeAnswer takes what the peer says on its line. It can what it has named before, too, and
// the line keeps the name that we gave it.
func (v *videoSlot) observeAnswer(d *description) {
	if v.told.content != "" {
		v.content = v.told.content
	}
	if v.index >= len(d.media) || !isVideo(d.media[v.index].media) {
		return
	}
	m := &d.media[v.index]
	if v.content == "" {
		v.content = m.content()
	}
	v.label, v.mid = m.name("label"), m.name("mid")
	all := videoOptions(m.payloads())
	v.unclip(all)
	for _, o := range v.can {
		if optionOf(all, o.Format) == nil {
			all = append(all, o)
		}
	}
	v.can = all
}

// match finds the first format of the answer that we offered, and tells whether there are more.
func (o *ownVideo) match(list []payload) (pick videoPick, several, ok bool) {
	for _, p := range list {
		f, option, is := o.find(p)
		switch {
		case !is || ok && f.format == pick.option.Format:
		case ok:
			several = true
		default:
			ok = true
			pick = videoPick{option: option, number: p.number, own: f.number}
			if f.rtx != 0 {
				pick.rtx, pick.rtxTime = pickRTX(list, p.number)
			}
			if pick.rtx != 0 {
				pick.ownRTX = f.rtx
			}
		}
	}
	return pick, several, ok
}

// find returns the format of ours that a payload type of the answer is. Who says nothing of a
// format means that of the number.
func (o *ownVideo) find(p payload) (f ownFormat, as VideoOption, ok bool) {
	for _, f := range o.formats {
		if p.params == "" && p.number == f.number && (p.encoding == "" || p.is(f.format.Codec.String())) {
			return f, VideoOption{Format: f.format, PayloadType: p.number, Level: f.limit.Level}, true
		}
	}
	for _, option := range p.videoOptions() {
		for _, f := range o.formats {
			if f.format == option.Format {
				return f, option, true
			}
		}
	}
	return f, as, false
}

// taken are our numbers that cannot mean f: those of other codecs. A peer that answers with the
// number of one H.264 and the parameters of another sends the latter under the former.
func (o *ownVideo) taken(f media.VideoFormat) []uint8 {
	others := ownVideo{formats: slices.Clone(o.formats)}
	others.formats = slices.DeleteFunc(others.formats, func(own ownFormat) bool { return own.format.Codec == f.Codec })
	return others.numbers()
}

// limit is what we told of a format.
func (o *ownVideo) limit(f media.VideoFormat) media.VideoLimit {
	for _, own := range o.formats {
		if own.format == f {
			return own.limit
		}
	}
	return media.VideoLimit{}
}

// describe lists our formats for an error.
func (o *ownVideo) describe() string {
	var ours []string
	for _, f := range o.formats {
		ours = append(ours, f.format.String())
	}
	return strings.Join(ours, " or ")
}
