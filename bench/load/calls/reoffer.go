package calls

import "strings"

// answer returns our answer to an offer within a call, and what has come of it: the codec so
// far if it is still there, the stream where it is now, everything else refused.
func (o *Offer) answer(text string, now Answer, version int) (string, Answer, *sdpFault) {
	a, d, index, fault := o.read(text, &now.Format)
	if fault != nil {
		return "", a, fault
	}
	var b strings.Builder
	o.putSession(&b, version, d.times)
	video := -1
	if o.Video != nil && a.Video.Refused == "" {
		video = d.video()
	}
	for i := range d.media {
		switch i {
		case index:
		case video:
			o.Video.put(&b, o.Video.answered(&a.Video, d.media[i].profile))
			continue
		default:
			d.media[i].putRefusal(&b)
			continue
		}
		f := a.Format
		f.PayloadType = a.PayloadType
		clock := clockOf(d.media[i].names[number(a.Event)])
		o.putAudio(&b, mediaLines{d.media[i].profile, []Format{f}, a.Event, clock, 0, mirror(a)})
	}
	return b.String(), a, nil
}

// mirror is our direction, seen from here.
func mirror(a Answer) string {
	switch {
	case a.Sends && a.Receives:
		return "sendrecv"
	case a.Sends:
		return "recvonly"
	case a.Receives:
		return "sendonly"
	}
	return "inactive"
}

func (m *section) putRefusal(b *strings.Builder) {
	put(b, "m=", m.kind, " 0 ", m.profile, " ", strings.Join(m.formats, " "), "\r\n")
}
