package focus

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
	"unicode"

	"github.com/emiago/sipgo/sip"

	"github.com/confd/confd/focus/offeranswer"
	"github.com/confd/confd/internal/clock"
	"github.com/confd/confd/media"
	"github.com/confd/confd/mixer"
	"github.com/confd/confd/rooms"
	"github.com/confd/confd/transport"
)

// call is the media of a dialog: a leg in a room. The dialog's mutex guards it.
type call struct {
	agent *Agent
	caps  offeranswer.Capabilities
	local offeranswer.Local
	leg   *transport.Leg
	part  *rooms.Participant
	video video

	state   *offeranswer.State       // of the last exchange; nil before the first
	pending *offeranswer.OfferResult // our offer that has no answer yet

	since int64 // monotonic ns since when the last exchange has been in force
	lost  bool  // the room was told that nothing arrives

	group     *roomGroup // of the room, as it was when last looked at; nil before
	delivered bool       // the room knows that the peer listens to the group
	unicast   netip.Addr // where its own stream went last; invalid if there was none
	reports   reportWatch
}

// openMedia opens a leg for the call, agrees with the offer or makes one, and joins the
// room. It returns the body of the 200. If it fails, nothing is left open. d.mu is held.
func (d *dialog) openMedia(ctx context.Context, req *sip.Request, in incoming) ([]byte, error) {
	a := d.agent
	bind, written, err := a.mediaAddress(d.source.Addr(), in.offer, d.nat)
	if err != nil {
		return nil, err
	}
	leg, err := a.cfg.Pool.Listen(bind)
	if err != nil {
		return nil, err
	}
	c := a.newCall(leg, bind, written)
	if d.network != "UDP" { // a datagram may come under a forged address: see acknowledged
		c.vouch(d.source.Addr())
	}
	c.expectVideo(in.room, in.offer)
	group, offer := a.mayHear(in)
	c.setGroup(group)
	body, m, err := c.begin(in.offer, offer)
	if err == nil {
		c.part, err = a.cfg.Registry.Join(ctx, rooms.JoinRequest{
			Room: in.room, Info: d.info(req), Trusted: a.cfg.Trusted(d.source.Addr()), Media: m, Call: d,
		})
	}
	if err != nil {
		return nil, errors.Join(err, leg.Close(), c.closeVideo(0))
	}
	c.trimVideo()
	c.since = clock.Now()
	a.legs.add(leg)
	d.call = c
	d.log = d.log.With("participant", c.part.ID())
	return body, nil
}

// info is what the room is told about a caller.
func (d *dialog) info(req *sip.Request) rooms.Info {
	agent, _ := value(req, "user-agent")
	return rooms.Info{
		URI: bounded(d.remote.Address.Addr()), DisplayName: bounded(displayName(d.remote.DisplayName)),
		UserAgent: bounded(agent), RemoteAddr: d.source.Addr(), CallID: d.key.callID,
		Direction: rooms.Inbound,
	}
}

// bounded makes text of a stranger fit to be shown and logged: UTF-8 without control
// characters, which a quoted display name may hold, of at most 256 bytes.
func bounded(s string) string {
	const longest = 256
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s[:min(len(s), longest)])
	return strings.TrimRight(strings.ToValidUTF8(s[:min(len(s), longest)], ""), "\ufffd")
}

// newCall makes the media of a call whose further legs are to be opened at bind.
func (a *Agent) newCall(leg *transport.Leg, bind, written netip.Addr) *call {
	rtp, rtcp := leg.LocalPort()
	var id [8]byte
	_, _ = rand.Read(id[:]) // cannot fail
	return &call{agent: a, caps: a.cfg.Capabilities, leg: leg, video: video{bind: bind}, local: offeranswer.Local{
		Address: written, RTPPort: rtp, RTCPPort: rtcp, Keys: offeranswer.RandomKey,
		SessionID: binary.BigEndian.Uint64(id[:]), SessionVersion: 1,
	}}
}

// begin makes the first exchange, or the first half of it, before the leg is in a room. Without
// an offer of the peer's it offers the group, if it may and SRTP's policy lets it.
func (c *call) begin(offer []byte, group bool) (body []byte, m rooms.Media, err error) {
	if offer == nil {
		if group {
			body, err = c.propose(offeranswer.OfferGroup)
		}
		if !group || err != nil {
			body, err = c.offer()
		}
		if err != nil {
			return nil, m, err
		}
		// Until the answer says otherwise, the room hears and sends nothing here; what
		// arrives before is drained, or it would be heard late all at once.
		if err := c.apply(transport.Params{}); err != nil {
			return nil, m, err
		}
		send := mixer.OutputConfig{Format: media.Format{
			Codec: media.PCMU, ClockRate: 8000, SampleRate: 8000, Channels: 1, PacketTime: 20 * time.Millisecond,
		}}
		return body, rooms.Media{Source: c.leg, Sink: c.leg, Send: send, Quality: c.quality}, nil
	}
	res, err := offeranswer.Negotiate(offer, c.caps, c.local, nil)
	if err != nil {
		return nil, m, err
	}
	m, err = c.first(&res.Negotiated)
	c.state = res.State
	return res.SDP, m, err
}

// first puts the first exchange into force, before the legs are in a room, and returns what the
// room needs to know of it.
func (c *call) first(n *offeranswer.Negotiated) (m rooms.Media, err error) {
	if err := c.apply(legParams(n)); err != nil {
		return m, err
	}
	m = rooms.Media{Source: c.leg, Sink: c.leg, Receive: receiveConfig(n), Send: c.send(n), Quality: c.quality}
	m.Video, err = c.beginVideo(n)
	return m, err
}

// apply sets the leg up before it is in a room.
func (c *call) apply(p transport.Params) error {
	setup, err := transport.Prepare(p)
	if err != nil {
		return err
	}
	return c.leg.Apply(setup)
}

// change answers the peer's re-offer and puts it into force, sound at one tick. On error the
// session is as it was. What has gone of video is closed by trimVideo, once nothing brings it
// back.
func (c *call) change(ctx context.Context, offer []byte) ([]byte, error) {
	res, err := offeranswer.Negotiate(offer, c.caps, c.local, c.state)
	if err != nil {
		return nil, err
	}
	if err := c.enforce(ctx, res); err != nil {
		return nil, err
	}
	return res.SDP, nil
}

// revert puts before into force again, as if the exchange after it had not been: our half of
// that has not left.
func (c *call) revert(ctx context.Context, before *offeranswer.State) error {
	if c.pending != nil {
		c.pending = nil
		return nil
	}
	now, then := c.state.Negotiated(), before.Negotiated()
	return c.enforce(ctx, &offeranswer.Result{Negotiated: then, State: before, Unchanged: then.Equal(&now)})
}

// offer makes an offer of everything we can, or of the group to who listens to it; the answer
// goes to accept.
func (c *call) offer() ([]byte, error) {
	if c.listens() {
		return c.reoffer()
	}
	return c.propose(offeranswer.Offer)
}

// reoffer makes an offer of what is in force.
func (c *call) reoffer() ([]byte, error) { return c.propose(offeranswer.Refresh) }

func (c *call) propose(make func(offeranswer.Capabilities, offeranswer.Local, *offeranswer.State) (*offeranswer.OfferResult, error)) ([]byte, error) {
	c.withdraw()
	o, err := make(c.caps, c.local, c.state)
	if err != nil {
		return nil, err
	}
	c.pending = o
	return o.SDP, nil
}

// withdraw forgets our offer that was refused, or never answered.
func (c *call) withdraw() {
	if c.pending != nil {
		c.state = c.pending.Rejected()
		c.pending = nil
		c.trimVideo()
	}
}

// errNoOffer is an answer out of the blue.
var errNoOffer = errors.New("there is no offer that this could answer")

// accept puts the answer to our offer into force.
func (c *call) accept(ctx context.Context, answer []byte) error {
	o := c.pending
	if o == nil {
		return errNoOffer
	}
	res, err := offeranswer.Accept(o, answer, c.caps, c.local)
	if err == nil {
		err = c.enforce(ctx, res)
	}
	c.pending = nil
	if err != nil {
		c.state = o.Abandoned()
	}
	c.trimVideo()
	return err
}

// enforce puts an exchange into force: leg and mixer change at the same tick, and each video
// line and its leg at one moment of its worker.
func (c *call) enforce(ctx context.Context, res *offeranswer.Result) error {
	if res.Unchanged {
		c.state = res.State
		return nil
	}
	n := &res.Negotiated
	setup, err := transport.Prepare(legParams(n))
	if err != nil {
		return err
	}
	lines, err := c.videoLines(n)
	if err == nil {
		err = c.vacate(ctx, lines)
	}
	if err != nil {
		return err
	}
	applied := make(chan error, 1+len(lines))
	receive := receiveConfig(n)
	u := rooms.MediaUpdate{Receive: &receive, Do: func() { applied <- c.leg.Apply(setup) }}
	if n.Audio {
		send := c.send(n)
		u.Send = &send
	}
	if len(lines) > 0 || len(c.video.told) > 0 {
		u.Video = videoUpdate(lines, applied)
	}
	err = c.part.Update(ctx, u)
	c.toldVideo(lines, err == nil)
	for err == nil && len(applied) > 0 {
		err = <-applied
	}
	if err != nil {
		return err
	}
	c.state, c.since = res.State, clock.Now()
	return nil
}

// close takes the legs out of the room and gives their ports back.
func (c *call) close(ctx context.Context, why rooms.Reason) error {
	c.reports.stop()
	if err := c.part.Leave(ctx, why); err != nil {
		// The media plane may still use the sockets: better a pair lost than a call that
		// hears another.
		return fmt.Errorf("ports %s stay taken: %w", c.ports(), err)
	}
	return errors.Join(c.leg.Close(), c.closeVideo(0))
}

func (c *call) ports() string {
	rtp, rtcp := c.leg.LocalPort()
	return fmt.Sprintf("%d-%d", rtp, rtcp)
}

// digit tells the room of a key that signalling carried.
func (c *call) digit(code byte, held time.Duration) { c.part.Digit(code, held) }

// lastHeard returns when the peer last sent RTP or RTCP, monotonic ns; 0 for never.
func (c *call) lastHeard() int64 { return c.leg.Stats().LastHeard }

// watchMedia tells the room when nothing has arrived for silence though it should have, and
// when something does again. Who may not speak, or holds, is not missed.
func (c *call) watchMedia(now int64, silence time.Duration) {
	heard := c.lastHeard()
	switch {
	case c.lost:
		if now-heard < int64(silence) {
			c.lost = false
			c.part.SetLost(false)
		}
	case c.state != nil && now-max(heard, c.since) >= int64(silence):
		if n := c.state.Negotiated(); n.Direction.Receives() && !n.RemoteHold {
			c.lost = true
			c.part.SetLost(true)
		}
	}
}

// describe is for the log line of a call's start.
func (c *call) describe() string {
	if c.state == nil {
		return "offered " + c.ports()
	}
	n := c.state.Negotiated()
	if n.Multicast.IsValid() {
		return "group " + n.Multicast.String()
	}
	return fmt.Sprintf("%s %s %s%s", n.Profile, n.Send, n.Direction, describeVideo(n.Video))
}

// legParams is what the transport needs to know of an exchange.
func legParams(n *offeranswer.Negotiated) transport.Params {
	p := transport.Params{
		RemoteRTP: n.RemoteRTP, RemoteRTCP: n.RemoteRTCP, RTCPMux: n.RTCPMux,
		Send: n.Audio && n.Direction.Sends(), Receive: n.Audio && n.Direction.Receives(),
		Latch:        transport.LatchBounded,
		AudioLevelID: n.AudioLevelID, MixerLevelID: n.MixerLevelID, CSRC: true,
		ClockRates: n.ClockRates(), SRTP: srtpParams(n.SRTP),
	}
	return p
}

// srtpParams is what the transport needs to know of keys; nil is plain RTP.
func srtpParams(c *offeranswer.Crypto) *transport.SRTP {
	if c == nil {
		return nil
	}
	return &transport.SRTP{
		Suite: srtpSuites[c.Suite], LocalKey: c.LocalKey, LocalSalt: c.LocalSalt,
		RemoteKey: c.RemoteKey, RemoteSalt: c.RemoteSalt,
	}
}

var srtpSuites = map[offeranswer.Suite]transport.Suite{
	offeranswer.AEADAES128GCM:      transport.AEADAES128GCM,
	offeranswer.AESCM128HMACSHA180: transport.AES128CMHMACSHA180,
	offeranswer.AESCM128HMACSHA132: transport.AES128CMHMACSHA132,
}

// receiveConfig is what the mixer needs to know of ingress.
func receiveConfig(n *offeranswer.Negotiated) mixer.InputConfig {
	return mixer.InputConfig{
		Formats: n.Receive, ComfortNoise: n.ComfortNoise, TelephoneEvent: n.TelephoneEvent,
		Held: n.RemoteHold || !n.Audio, Muted: n.Multicast.IsValid(),
	}
}

// send is sendConfig, or what stands for it while the peer listens to the group.
func (c *call) send(n *offeranswer.Negotiated) mixer.OutputConfig {
	if n.Multicast.IsValid() {
		return c.groupSend()
	}
	return sendConfig(n)
}

// sendConfig is what the mixer needs to know of egress.
func sendConfig(n *offeranswer.Negotiated) mixer.OutputConfig {
	return mixer.OutputConfig{
		Format: n.Send, PayloadType: n.SendPT,
		ComfortNoise: n.ComfortNoisePT != 0, ComfortNoisePayloadType: n.ComfortNoisePT,
	}
}

// mediaAddress returns the address to bind for a peer and the one to write into SDP: that
// of the route to the peer's media, or to where its signalling comes from if it is behind a
// NAT and its own idea of its address leads elsewhere from here.
func (a *Agent) mediaAddress(source netip.Addr, offer []byte, nat bool) (bind, written netip.Addr, err error) {
	peer := source
	if c := connectionOf(offer); c.IsValid() {
		translated := nat || isLocalNetwork(c) && !isLocalNetwork(source) || c.IsLoopback() && !source.IsLoopback()
		if !translated || c.Is4() != source.Is4() {
			peer = c
		}
	}
	route, err := a.routes.local(peer)
	if err != nil && peer != source {
		route, err = a.routes.local(source)
	}
	if err != nil {
		return bind, written, fmt.Errorf("no route to the peer's media at %v: %w", peer, err)
	}
	if fixed := a.cfg.MediaIP; fixed.IsValid() && fixed.Is4() == route.Is4() && fixed != route {
		if fixed.Is4() {
			return netip.IPv4Unspecified(), fixed, nil
		}
		return netip.IPv6Unspecified(), fixed, nil
	}
	return route, route, nil
}

// connectionOf returns the first unicast address that an offer's c= lines name, zero if
// there is none: media may take another route than signalling. It is only a hint for
// choosing our own address; offeranswer reads the offer.
func connectionOf(offer []byte) netip.Addr {
	for line := range bytes.Lines(offer) {
		f := bytes.Fields(line)
		if len(f) != 3 || string(f[0]) != "c=IN" {
			continue
		}
		ip, err := netip.ParseAddr(string(f[2]))
		if err == nil && ip.Zone() == "" && !ip.IsUnspecified() && !ip.IsMulticast() {
			return ip.Unmap()
		}
	}
	return netip.Addr{}
}
