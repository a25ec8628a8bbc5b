package transport

import (
	"net/netip"
	"slices"

	"github.com/confd/confd/internal/clock"
	"github.com/confd/confd/media"
)

// VideoLeg is one m=video line of a call: a pair of UDP sockets of its own, polled when they
// are readable. What it hears goes to a VideoReceiver, what it sends is written by a
// forwarder; it rewrites nothing but headers.
//
// Apply, Poll, SendVideo, RequestKeyFrame, NACK, LimitBitrate and Close belong to the leg's
// owner: one goroutine at a time. The other methods may be called by any goroutine.
type VideoLeg struct {
	// What every picture touches comes first, close together: Near has it fetched.
	wire wire
	leg  Leg // sockets, peer, keys, reports; its reception is unused but for the SSRC

	setup   *VideoSetup
	to      VideoReceiver // while Poll runs
	packet  VideoPacket
	said    Feedback
	sources [2 * MaxEncodings]source // main and repair of each encoding, side by side

	rtx  rtxStream
	sent *sendLog
	came *arrivalLog

	asked       limits
	refreshes   uint8 // number of the FIR sent last
	lastRefresh refreshed
	strangers   int // in the window
	windowSince int64
	mediaAt     int64 // when the RTP socket was read
	controlAt   int64 // when the RTCP socket was
	count       videoCounters
}

// What the system is asked to queue, in bytes, of which it grants twice as many and counts
// about 2,300 for a packet. A key frame of 1080p has 150 packets.
const (
	videoReceiveBuffer = 1 << 19
	videoSendBuffer    = 1 << 19
)

// ListenVideo opens a leg for video on a pair of the pool's ports, as Listen does for audio.
func (p *PortPool) ListenVideo(local netip.Addr) (*VideoLeg, error) {
	v := new(VideoLeg)
	if err := v.leg.listen(p, local); err != nil {
		return nil, err
	}
	v.leg.video, v.leg.latch.video = v, true
	v.leg.timeline.rate = media.VideoRate
	v.leg.rtp.enlarge(videoReceiveBuffer, videoSendBuffer)
	v.rtx.begin(v.leg.ssrc.Load())
	return v, nil
}

// LocalPort returns the ports that the leg is bound to.
func (v *VideoLeg) LocalPort() (rtp, rtcp int) { return v.leg.LocalPort() }

// SSRC returns the synchronization source of egress. It changes if the peer turns out to use
// the same (RFC 3550 section 8.2).
func (v *VideoLeg) SSRC() uint32 { return v.leg.SSRC() }

// RepairSSRC returns that of retransmissions (RFC 4588).
func (v *VideoLeg) RepairSSRC() uint32 { return v.rtx.ssrc.Load() }

// CNAME returns the canonical name that the leg's reports carry.
func (v *VideoLeg) CNAME() string { return v.leg.CNAME() }

// Vouch says that the peer is at host: see Leg.Vouch.
func (v *VideoLeg) Vouch(host netip.Addr) { v.leg.Vouch(host) }

// Descriptors returns what a Poller is to wait for, the same until the next Apply. It is nil
// where the system has none. Where nothing but RTCP is to come, the RTP socket is not among them:
// each picture that such a socket sends would walk through what waits for it. Poll sees to it
// all the same.
func (v *VideoLeg) Descriptors() []int {
	if !v.watched() {
		return v.leg.rtcp.descriptors()
	}
	return append(v.leg.rtp.descriptors(), v.leg.rtcp.descriptors()...)
}

// Apply puts a negotiated state into force, as Leg.Apply does. Sources, sequence numbers and
// what the peer was asked for go on. On error nothing has changed.
func (v *VideoLeg) Apply(s *VideoSetup) error {
	begun := v.leg.report.next != 0
	if err := v.leg.Apply(&s.setup); err != nil {
		return err
	}
	if !begun {
		v.leg.report.next = clock.Now() + interval(videoReports/2)
	}
	if v.setup != nil && (v.setup.encodings != s.encodings || !slices.Equal(v.setup.params.RIDs, s.params.RIDs)) {
		clear(v.sources[:]) // their places are others now
	}
	v.setup = s
	v.wire.begin(&s.params, v.leg.crypto, &v.leg.rtp)
	if v.came == nil && s.params.TransportCCID != 0 && s.params.TransportCC {
		v.came = new(arrivalLog)
	}
	if v.sent == nil && s.params.TransportCCID != 0 {
		v.sent = new(sendLog)
	}
	return nil
}

// Close says goodbye to the peer, closes the sockets and lets the port pair rest. A Poller
// must have been told before. Further calls do nothing.
func (v *VideoLeg) Close() error { return v.leg.Close() }
