package offeranswer

import (
	"slices"
	"strings"

	"github.com/confd/confd/media"
)

// videoPick is a payload type of the peer's that both sides have agreed on: number is the
// peer's, own ours, which differs only where an answer renumbers our offer. rtx and ownRTX are 0
// for none.
type videoPick struct {
	option      VideoOption
	number, own uint8
	rtx, ownRTX uint8
	rtxTime     int
}

// videoTerms are what a line is agreed on with, of what both sides have.
type videoTerms struct {
	pick       videoPick
	mux        bool // RTCP may share the port
	feedback   VideoFeedback
	extensions videoExtensions
	rids       []string
	reduced    bool    // RTCP may be of reduced size
	taken      []uint8 // numbers of our offer that mean something else
}

// agree fits an m=video line of the peer to what we can, all but its keys.
func (e *exchange) agree(v *videoSlot, m *section, t videoTerms) *Error {
	r, err := e.peer.remote(m, e.local.Address, t.mux)
	if err != nil {
		return err
	}
	peer := e.peer.direction(m)
	if !r.rtp.IsValid() {
		peer = Inactive
	}
	n := v.begin()
	n.Accepted, n.Format, n.SendPT = true, t.pick.option.Format, t.pick.number
	n.SendRTX, n.RTXTime, n.Receive = t.pick.rtx, t.pick.rtxTime, t.pick.receive(t.taken)
	n.RemoteRTP, n.RemoteRTCP, n.RTCPMux = r.rtp, r.rtcp, r.mux
	n.Profile, n.Bandwidth, n.Image = strings.Clone(m.proto), e.peer.bandwidth(m), m.image(t.pick.number)
	n.SSRCs = m.sources()
	_, n.ReducedSize = m.attr("rtcp-rsize")
	n.ReducedSize = n.ReducedSize && t.reduced
	n.extend(t.feedback.and(m.feedback(t.pick.number)), t.extensions, t.rids)
	n.Direction = peer.Reverse()
	v.last = n
	return nil
}

// extend agrees on feedback and header extensions, those that need each other together.
func (n *Video) extend(f VideoFeedback, x videoExtensions, rids []string) {
	if !f.TransportCC || x.transportCC == 0 {
		f.TransportCC, x.transportCC = false, 0
	}
	if x.rid == 0 || len(rids) < 2 {
		x.rid, x.repaired, x.mid, rids = 0, 0, 0, nil
	}
	n.Feedback, n.RIDs = f, rids
	n.TransportCCID, n.FrameMarkingID = x.transportCC, x.marking
	n.MIDID, n.RIDID, n.RepairedRIDID = x.mid, x.rid, x.repaired
}

// extensions are those that are agreed on.
func (n *Video) extensions() videoExtensions {
	return videoExtensions{n.TransportCCID, n.FrameMarkingID, n.MIDID, n.RIDID, n.RepairedRIDID}
}

// receive maps what may come in: first under our numbers, then under the peer's, because peers
// that renumber are not agreed on which of them they use. A number of our offer keeps the meaning
// that we gave it.
func (p *videoPick) receive(taken []uint8) map[uint8]uint8 {
	to := map[uint8]uint8{p.own: p.own}
	if p.ownRTX != 0 {
		to[p.ownRTX] = p.own
	}
	if !slices.Contains(taken, p.number) {
		if _, is := to[p.number]; !is {
			to[p.number] = p.number
		}
	}
	if _, is := to[p.rtx]; p.rtx != 0 && !is && !slices.Contains(taken, p.rtx) {
		to[p.rtx] = p.own
	}
	return to
}

// pickRTX finds the retransmission of pt among the peer's payload types (RFC 4588 section 8.6).
func pickRTX(list []payload, pt uint8) (rtx uint8, ms int) {
	for _, p := range list {
		if of, told, ok := p.value("apt", 127, 0); p.is("rtx") && p.clock == media.VideoRate && told && ok && of == int(pt) {
			return p.number, min(p.count("rtx-time"), 60000)
		}
	}
	return 0, 0
}

// noFormat says why no payload type of a line will do.
func (c *VideoCapabilities) noFormat(m *section, can []VideoOption, list []payload) *Error {
	var ours []string
	for _, f := range c.formats() {
		ours = append(ours, f.String())
	}
	if ours == nil {
		return refused(WarnMediaFormat, m.line, "", "there is no video here")
	}
	return refused(WarnMediaFormat, m.line, "wanted is "+strings.Join(ours, " or "),
		"no video format in common, the peer has %s", describeVideo(can, list))
}

// describeVideo lists formats for an error, or what there is instead.
func describeVideo(can []VideoOption, list []payload) string {
	var names []string
	for _, o := range can {
		names = append(names, o.Format.String())
	}
	for _, p := range list {
		if _, err := media.ParseVideoCodec(p.encoding); err == nil && p.videoOptions() == nil {
			names = append(names, p.rtpmap()+" with "+quote(p.params))
		}
	}
	switch {
	case names == nil:
		return describeAll(list)
	case len(names) > 12:
		names = append(names[:12], "...")
	}
	return strings.Join(names, ", ")
}
