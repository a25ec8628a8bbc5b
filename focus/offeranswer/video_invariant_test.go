package offeranswer

import (
	"slices"
	"strings"
	"testing"

	"github.com/confd/confd/media"
)

// checkVideos asserts what holds of the video of every exchange.
func checkVideos(t testing.TB, r *Result, caps Capabilities, local Local) {
	t.Helper()
	n := &r.Negotiated
	if caps.Video == nil && n.Video != nil {
		t.Errorf("video without a wish for it: %+v", n.Video)
	}
	taken, accepted := map[int]bool{}, 0
	for i := range n.Video {
		v := &n.Video[i]
		if i > 0 && v.Media <= n.Video[i-1].Media || v.Media == n.Media {
			t.Errorf("video %d is m= line %d", i, v.Media)
		}
		checkCan(t, v)
		if !v.Accepted {
			checkNothing(t, v)
			continue
		}
		accepted++
		if taken[v.Local] || v.Local < 0 || v.Local >= len(local.Video) {
			t.Errorf("line %d has end %d of %d", v.Media, v.Local, len(local.Video))
		}
		taken[v.Local] = true
		checkVideo(t, v)
		if f := caps.Video.formats(); !slices.Contains(f, v.Format) {
			t.Errorf("%v is none of %v", v.Format, f)
		}
	}
	if caps.Video != nil && accepted > caps.Video.Lines {
		t.Errorf("%d lines, wanted are at most %d", accepted, caps.Video.Lines)
	}
}

// checkNothing wants no values that could be mistaken for an agreement.
func checkNothing(t testing.TB, v *Video) {
	t.Helper()
	rest := *v
	rest.Media, rest.Content, rest.Label, rest.MID, rest.Can, rest.Refused = 0, "", "", "", nil, nil
	if !sameVideo(rest, Video{}) {
		t.Errorf("refused, but %+v", rest)
	}
}

func checkCan(t testing.TB, v *Video) {
	t.Helper()
	for i, o := range v.Can {
		if o.PayloadType > 127 || o.Format.Codec == media.NoVideoCodec || optionOf(v.Can[:i], o.Format) != nil {
			t.Errorf("can %+v", o)
		}
		if f, err := media.ParseVideoFormat(o.Format.String()); err != nil || f != o.Format {
			t.Errorf("format %v has no name: %v", o.Format, err)
		}
		if o.FrameSize < 0 || o.FrameRate < 0 || o.Macroblocks < 0 || o.Bitrate < 0 {
			t.Errorf("can %+v", o)
		}
	}
}

func checkVideo(t testing.TB, v *Video) {
	t.Helper()
	if v.Refused != nil || v.SendPT > 127 || v.SendRTX > 127 || v.SendRTX != 0 && v.SendRTX == v.SendPT || v.RTXTime < 0 {
		t.Errorf("sends %d, rtx %d, refused %v", v.SendPT, v.SendRTX, v.Refused)
	}
	media := 0
	for pt, of := range v.Receive {
		if pt > 127 || v.Receive[of] != of {
			t.Errorf("receives %v", v.Receive)
		}
		if pt == of {
			media++
		}
		if v.RTCPMux && pt >= 64 && pt <= 95 {
			t.Errorf("%d looks like RTCP", pt)
		}
	}
	if media == 0 || media > 2 || len(v.Receive) > 4 {
		t.Errorf("receives %v", v.Receive)
	}
	ids := map[uint8]bool{}
	for _, id := range []uint8{v.TransportCCID, v.FrameMarkingID, v.MIDID, v.RIDID, v.RepairedRIDID} {
		if id > 14 || id != 0 && ids[id] {
			t.Errorf("extension id %d", id)
		}
		ids[id] = true
	}
	if (v.RIDs != nil) != (v.RIDID != 0) || v.RIDs != nil && (len(v.RIDs) < 2 || len(v.RIDs) > maxRIDs) || v.RIDs == nil && v.MIDID+v.RepairedRIDID != 0 {
		t.Errorf("rids %v under %d", v.RIDs, v.RIDID)
	}
	if v.Feedback.TransportCC != (v.TransportCCID != 0) {
		t.Errorf("transport-cc %v under %d", v.Feedback.TransportCC, v.TransportCCID)
	}
	if len(v.SSRCs) > maxSources || v.Bandwidth < 0 {
		t.Errorf("%d sources, bandwidth %d", len(v.SSRCs), v.Bandwidth)
	}
	checkVideoAddress(t, v)
}

func checkVideoAddress(t testing.TB, v *Video) {
	t.Helper()
	if v.RemoteRTP.IsValid() != v.RemoteRTCP.IsValid() || v.RemoteRTP.IsValid() && (v.RemoteRTP.Port() == 0 || v.RemoteRTCP.Port() == 0) {
		t.Errorf("remote %v and %v", v.RemoteRTP, v.RemoteRTCP)
	}
	if a := v.RemoteRTP.Addr(); a.IsValid() && (a.IsUnspecified() || a.IsMulticast() || a.Is4In6()) {
		t.Errorf("remote %v is no unicast address", a)
	}
	if !v.RemoteRTP.IsValid() && v.Direction != Inactive || v.RemoteHold && v.Direction.Sends() {
		t.Errorf("%v to %v, held %v", v.Direction, v.RemoteRTP, v.RemoteHold)
	}
	if img := v.Image; img != nil {
		for _, s := range slices.Concat(img.Send, img.Recv) {
			if s.MinWidth < 1 || s.MaxWidth < s.MinWidth || s.MaxWidth > maxImageSide || s.MinHeight < 1 || s.MaxHeight < s.MinHeight || s.MaxHeight > maxImageSide {
				t.Errorf("image %+v", s)
			}
		}
		if len(img.Send) > maxImageSets || len(img.Recv) > maxImageSets {
			t.Errorf("%d and %d sets", len(img.Send), len(img.Recv))
		}
	}
}

// checkVideoSlot holds a video line of an answer against the offer and what was told of it.
func checkVideoSlot(t testing.TB, i int, in, out *description, r *Result) {
	t.Helper()
	m, a := &in.media[i], &out.media[i]
	at := slices.IndexFunc(r.Negotiated.Video, func(v Video) bool { return v.Media == i })
	if accepted := at >= 0 && r.Negotiated.Video[at].Accepted; accepted != (a.port != 0) {
		t.Fatalf("m= line %d has port %d, accepted %v", i, a.port, accepted)
	}
	if a.port == 0 {
		return
	}
	v := &r.Negotiated.Video[at]
	theirs, ours := m.payloads(), a.payloads()
	for _, p := range ours {
		j := slices.IndexFunc(theirs, func(q payload) bool { return q.number == p.number })
		if j < 0 || !theirs[j].same(p) || v.Receive[p.number] == 0 && p.number != 0 {
			t.Errorf("payload type %d is %s in the answer to %v", p.number, p.rtpmap(), theirs)
		}
	}
	checkVideoFormat(t, v, ours)
	checkOffered(t, v, i, in, out)
	checkDirections(t, in.direction(m), out.direction(a), &Result{Negotiated: Negotiated{Direction: v.Direction}})
	checkKeys(t, m, a, &Result{Negotiated: Negotiated{SRTP: v.SRTP}})
}

// checkVideoFormat wants the answer to read as what was agreed on.
func checkVideoFormat(t testing.TB, v *Video, ours []payload) {
	t.Helper()
	for _, p := range ours {
		switch {
		case p.number == v.SendPT:
			own := optionOf(p.videoOptions(), v.Format)
			if own == nil || own.Level != v.Level && v.Level != 0 {
				t.Errorf("%v level %d is written as %s %q", v.Format, v.Level, p.rtpmap(), p.params)
			}
		case p.number != v.SendRTX || !p.is("rtx") || p.count("apt") != int(v.SendPT):
			t.Errorf("%d %s %q beside %d", p.number, p.rtpmap(), p.params, v.SendPT)
		}
	}
}

// checkOffered wants nothing in the answer that the offer does not have.
func checkOffered(t testing.TB, v *Video, i int, in, out *description) {
	t.Helper()
	m, a := &in.media[i], &out.media[i]
	offered, answered := m.feedback(v.SendPT), a.feedback(v.SendPT)
	if answered != v.Feedback || offered.and(answered) != answered {
		t.Errorf("feedback %v is answered with %v, told %v", offered.lines(), answered.lines(), v.Feedback.lines())
	}
	has := map[uint8]string{}
	for id, e := range in.extensions(m) {
		has[id] = e.uri
	}
	for id, e := range out.extensions(a) {
		if has[id] != e.uri {
			t.Errorf("extension %d is %q, offered %q", id, e.uri, has[id])
		}
	}
	if out.videoExtensions(a).transportCC != v.TransportCCID {
		t.Errorf("transport-cc is not told as %d", v.TransportCCID)
	}
	if _, ours := a.attr("rtcp-rsize"); ours != v.ReducedSize {
		t.Errorf("a=rtcp-rsize is answered: %v, told %v", ours, v.ReducedSize)
	}
	if text, _ := a.attr("simulcast"); v.RIDs != nil && text.value != "recv "+strings.Join(v.RIDs, ";") {
		t.Errorf("simulcast %q for %v", text.value, v.RIDs)
	}
	for _, name := range []string{"mid", "content", "simulcast", "imageattr", "rtcp-mux", "rtcp-rsize"} {
		_, theirs := m.attr(name)
		if _, ours := a.attr(name); ours && !theirs {
			t.Errorf("a=%s was not offered", name)
		}
	}
}
