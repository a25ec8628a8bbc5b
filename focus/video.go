package focus

import (
	"context"
	"errors"
	"net/netip"
	"slices"

	"github.com/confd/confd/focus/offeranswer"
	"github.com/confd/confd/forwarder"
	"github.com/confd/confd/internal/clock"
	"github.com/confd/confd/media"
	"github.com/confd/confd/rooms"
	"github.com/confd/confd/transport"
)

// video is what a call has for its video lines. The dialog's mutex guards it.
type video struct {
	bind    netip.Addr // where legs are opened
	vouched netip.Addr // the peer is known to be there
	// legs are the ends of lines, by their index in Local.Video, which a line keeps while it
	// is accepted. Those that no line has stay while one behind them is in use.
	legs  []*transport.VideoLeg
	told  []rooms.VideoMedia // the lines that the room has
	none  bool               // of the exchange: we want no video
	short bool               // of the exchange: there were no ports for all lines
}

// videoLine is one video m= line of an exchange.
type videoLine struct {
	rooms.VideoMedia
	leg   *transport.VideoLeg // nil if it is refused
	setup *transport.VideoSetup
}

// expectVideo prepares an exchange: what the room wants, and legs for the lines of an offer.
// For an offer of ours, which is nil here, it is the lines that there are, or one, which is
// what phones have.
func (c *call) expectVideo(room rooms.Name, offer []byte) {
	lines, can := 1, []media.VideoFormat(nil)
	switch {
	case offer != nil:
		lines, can, _ = offeranswer.Videos(offer) // Negotiate tells the error
	case c.state != nil:
		n := c.state.Negotiated()
		lines = max(1, len(n.Video))
	}
	var plan rooms.VideoPlan
	if lines > 0 {
		plan = c.planOf(room, can)
	}
	if offer == nil && c.state == nil { // who declines one format does not tell what else it can
		plan.Settled = false
	}
	c.planVideo(plan, lines)
}

// planOf is what a room wants of the peer, which may be there, and can what it offers.
func (c *call) planOf(room rooms.Name, can []media.VideoFormat) rooms.VideoPlan {
	if c.part != nil {
		return c.part.VideoPlan(can...)
	}
	return c.agent.cfg.Registry.VideoPlan(room, can...)
}

// planVideo has the next exchange agree on what plan says, on so many lines at most.
func (c *call) planVideo(plan rooms.VideoPlan, lines int) {
	c.withdraw()
	v := offeranswer.DefaultVideoCapabilities()
	if own := c.agent.cfg.Capabilities.Video; own != nil {
		v = *own
	}
	v.Formats, v.Lines, c.video.none = nil, 0, !plan.Enabled && lines > 0
	if plan.Enabled {
		v.Formats, v.Settled, v.Bitrate, v.Lines = plan.Formats, plan.Settled, plan.Bitrate, min(lines, plan.Lines)
		if plan.Limit != (media.VideoLimit{}) {
			v.Limits = map[media.VideoFormat]media.VideoLimit{plan.Formats[0]: plan.Limit}
		}
	}
	c.caps.Video = &v
	c.openVideo(v.Lines)
}

// openVideo opens legs until there are n. Without ports, lines go without.
func (c *call) openVideo(n int) {
	before := c.video.short
	c.video.short = false
	for len(c.video.legs) < n {
		leg, err := c.agent.cfg.Pool.ListenVideo(c.video.bind)
		if err != nil {
			c.video.short = true
			c.agent.count.videoNoPorts.Add(uint64(n - len(c.video.legs)))
			if !before {
				c.agent.log.Info("a video line has no ports", "error", err)
			}
			return
		}
		if c.video.vouched.IsValid() {
			leg.Vouch(c.video.vouched)
		}
		rtp, rtcp := leg.LocalPort()
		c.video.legs = append(c.video.legs, leg)
		c.local.Video = append(c.local.Video, offeranswer.VideoLocal{
			RTPPort: rtp, RTCPPort: rtcp, SSRC: leg.SSRC(), RTXSSRC: leg.RepairSSRC(), CNAME: leg.CNAME(),
		})
		c.agent.videoLegs.add(leg)
	}
}

// vouch tells all legs that the peer is at host.
func (c *call) vouch(host netip.Addr) {
	c.video.vouched = host
	c.leg.Vouch(host)
	for _, leg := range c.video.legs {
		leg.Vouch(host)
	}
}

// trimVideo closes the legs behind the last that a line has, unless an offer of ours is out
// that names them.
func (c *call) trimVideo() {
	used := len(c.video.legs)
	for used > 0 && c.pending == nil && !c.isTold(c.video.legs[used-1]) {
		used--
	}
	if err := c.closeVideo(used); err != nil {
		c.agent.log.Error("a video leg could not be closed", "error", err)
	}
}

func (c *call) isTold(leg *transport.VideoLeg) bool {
	return slices.ContainsFunc(c.video.told, func(m rooms.VideoMedia) bool { return m.Port == forwarder.Port(leg) })
}

// closeVideo closes all legs but the first keep. The room must have let go of them.
func (c *call) closeVideo(keep int) (err error) {
	for _, leg := range c.video.legs[keep:] {
		err = errors.Join(err, leg.Close())
		c.agent.videoLegs.remove(leg)
	}
	clear(c.video.legs[keep:])
	c.video.legs, c.local.Video = c.video.legs[:keep], c.local.Video[:keep]
	return err
}

// videoLines are the video lines of an exchange, with what puts them into force.
func (c *call) videoLines(n *offeranswer.Negotiated) ([]videoLine, error) {
	lines := make([]videoLine, len(n.Video))
	for i := range n.Video {
		v, l := &n.Video[i], &lines[i]
		l.Line, l.Content = v.Media, v.Content
		if !v.Accepted {
			l.Can, l.Why = c.refusedVideo(v)
			l.Lacking = l.Why == noPorts
			continue
		}
		var err error
		if l.setup, err = transport.PrepareVideo(videoParams(v)); err != nil {
			return nil, err
		}
		l.leg = c.video.legs[v.Local]
		l.Can, l.Port, l.Config = formatsOf(v), l.leg, lineConfig(v)
		l.Takes, l.Told = v.Takes(), v.Limit
	}
	return lines, nil
}

// noPorts is why a line is refused that could be had.
const noPorts = "the server has no ports left"

// refusedVideo says what could make a refused line accepted, nothing if that is not up to
// formats, and why it was refused.
func (c *call) refusedVideo(v *offeranswer.Video) (can []media.VideoFormat, why string) {
	switch {
	case c.video.none:
		return formatsOf(v), "there is no video in the room"
	case v.Refused == nil:
		return nil, "the peer does not use it"
	case v.Refused.Warning == offeranswer.WarnMediaFormat:
		can = formatsOf(v)
	case c.video.short:
		return formatsOf(v), noPorts
	}
	if why = v.Refused.Problem; v.Refused.Want != "" {
		why += "; " + v.Refused.Want
	}
	return can, why
}

func formatsOf(v *offeranswer.Video) []media.VideoFormat {
	var all []media.VideoFormat
	for _, o := range v.Can {
		all = append(all, o.Format)
	}
	return all
}

// lineConfig is what the forwarder needs to know of a line.
func lineConfig(v *offeranswer.Video) forwarder.LineConfig {
	p := videoParams(v)
	return forwarder.LineConfig{
		Format: v.Format, NACK: p.NACK, Send: p.Send, Receive: p.Receive, Muted: v.RemoteHold,
		MaxBitrate: uint64(v.Bandwidth), Encodings: max(1, len(p.RIDs), len(p.SSRCs)),
	}
}

// videoParams is what the transport needs to know of a line.
func videoParams(v *offeranswer.Video) transport.VideoParams {
	f := &v.Feedback
	p := transport.VideoParams{
		RemoteRTP: v.RemoteRTP, RemoteRTCP: v.RemoteRTCP, RTCPMux: v.RTCPMux,
		Send: v.Direction.Sends(), Receive: v.Direction.Receives(),
		Latch: transport.LatchBounded, SRTP: srtpParams(v.SRTP),
		SendPT: v.SendPT, SendRTX: v.SendRTX,
		NACK: f.NACK, PLI: f.PLI, FIR: f.FIR, TMMBR: f.TMMBR, REMB: f.REMB, TransportCC: f.TransportCC,
		ReducedSize: v.ReducedSize, TransportCCID: v.TransportCCID, FrameMarkingID: v.FrameMarkingID,
		RIDID: v.RIDID, RepairedRIDID: v.RepairedRIDID, MIDID: v.MIDID, MID: v.MID,
		RIDs: v.RIDs[:min(len(v.RIDs), transport.MaxEncodings)],
	}
	for pt, of := range v.Receive {
		if pt == of {
			p.ReceivePTs = append(p.ReceivePTs, pt)
		} else {
			p.ReceiveRTX = append(p.ReceiveRTX, transport.RTXType{PT: pt, Original: of})
		}
	}
	if len(p.RIDs) == 0 { // which tell encodings apart without
		for _, s := range v.SSRCs[:min(len(v.SSRCs), transport.MaxEncodings)] {
			p.SSRCs = append(p.SSRCs, transport.VideoSSRC{Main: s.SSRC, RTX: s.RTX})
		}
	}
	return p
}

// beginVideo puts the lines of the first exchange into force, before the room has them.
func (c *call) beginVideo(n *offeranswer.Negotiated) ([]rooms.VideoMedia, error) {
	lines, err := c.videoLines(n)
	if err != nil {
		return nil, err
	}
	c.video.told = nil
	for _, l := range lines {
		if l.leg != nil {
			if err := l.leg.Apply(l.setup); err != nil {
				return nil, err
			}
		}
		c.video.told = append(c.video.told, l.VideoMedia)
	}
	return c.video.told, nil
}

// vacate has the room let go of legs that another line is to have.
func (c *call) vacate(ctx context.Context, lines []videoLine) error {
	stay := []rooms.VideoMedia{}
	for _, m := range c.video.told {
		elsewhere := func(l videoLine) bool { return l.leg != nil && m.Port == l.Port && m.Line != l.Line }
		if !slices.ContainsFunc(lines, elsewhere) {
			stay = append(stay, m)
		}
	}
	if len(stay) == len(c.video.told) {
		return nil
	}
	if err := c.part.Update(ctx, rooms.MediaUpdate{Video: stay}); err != nil {
		return err
	}
	c.video.told = stay
	return nil
}

// videoUpdate is what the room is told of the lines that are from now on; applied gets the
// outcome for each that has a leg.
func videoUpdate(lines []videoLine, applied chan<- error) []rooms.VideoMedia {
	all := make([]rooms.VideoMedia, len(lines))
	for i, l := range lines {
		all[i] = l.VideoMedia
		if l.leg != nil {
			all[i].Do = func() { applied <- l.leg.Apply(l.setup) }
		}
	}
	return all
}

// toldVideo notes which lines the room has, or, if it is not sure that it took them, may have.
func (c *call) toldVideo(lines []videoLine, sure bool) {
	if sure {
		c.video.told = nil
	}
	for _, l := range lines {
		c.video.told = append(c.video.told, l.VideoMedia)
	}
}

// flushVideo throws early media away, as flush does for sound.
func (c *call) flushVideo() {
	for _, leg := range c.video.legs {
		for range 32 {
			if leg.Poll(clock.Now(), 64, nobody{}) == 0 {
				break
			}
		}
	}
}

// nobody hears nothing.
type nobody struct{}

func (nobody) Video(*transport.VideoPacket) {}
func (nobody) Feedback(*transport.Feedback) {}

// describeVideo is for the log line of a call's start.
func describeVideo(lines []offeranswer.Video) (s string) {
	for i := range lines {
		if lines[i].Accepted {
			s += " " + lines[i].Format.String()
		}
	}
	return s
}
