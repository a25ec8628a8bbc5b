package offeranswer

import (
	"net/netip"
	"time"

	"github.com/confd/confd/media"
)

// SRTPPolicy says when media is encrypted with keys from SDP (RFC 4568).
type SRTPPolicy uint8

// Policies.
const (
	// SRTPOff refuses RTP/SAVP and RTP/SAVPF.
	SRTPOff SRTPPolicy = iota
	// SRTPOptional answers secure profiles in kind and plain ones in the clear; our own
	// first offer is plain. Keys beside a plain profile are ignored.
	SRTPOptional
	// SRTPRequired refuses what has no usable key. A plain profile that carries keys
	// (RFC 8643) is answered with one; our own offer is RTP/SAVP.
	SRTPRequired
)

// AudioCapability is one codec that we speak both ways.
type AudioCapability struct {
	Codec     media.Codec
	ClockRate int // only for L16, which has several: 8000, 16000, 44100 or 48000
}

// Capabilities are what the server is willing to do, the same for many calls. A value is
// read only; it may be shared.
type Capabilities struct {
	Audio []AudioCapability // most preferred first; the order of our offers

	TelephoneEvent bool // RFC 4733
	ComfortNoise   bool // RFC 3389
	AudioLevels    bool // header extensions of RFC 6464 (in) and RFC 6465 (out)
	RTCPMux        bool // RFC 5761

	SRTP SRTPPolicy

	// PreferOfferOrder lets the peer's order decide among what we support, so that each
	// phone gets what it prefers. Otherwise the order of Audio decides.
	PreferOfferOrder bool

	// Video is what the room does with video; nil refuses m=video lines as any other medium.
	Video *VideoCapabilities

	// MaxPacketTime bounds egress packets whatever the peer asks; 0 means 60 ms. Values
	// under 10 ms count as 10 ms.
	MaxPacketTime time.Duration

	// MaxOpusBitrate bounds Opus egress in bits per second whatever the peer allows;
	// 0 means 64000.
	MaxOpusBitrate int
}

// DefaultCapabilities are what confd offers where nothing is configured.
func DefaultCapabilities() Capabilities {
	return Capabilities{
		Audio: []AudioCapability{
			{Codec: media.Opus},
			{Codec: media.G722},
			{Codec: media.PCMU},
			{Codec: media.PCMA},
			{Codec: media.L16, ClockRate: 48000},
			{Codec: media.L16, ClockRate: 44100},
			{Codec: media.L16, ClockRate: 16000},
			{Codec: media.L16, ClockRate: 8000},
		},
		TelephoneEvent:   true,
		ComfortNoise:     true,
		AudioLevels:      true,
		RTCPMux:          true,
		SRTP:             SRTPOptional,
		PreferOfferOrder: true,
	}
}

// Local is our end of one call.
type Local struct {
	// Address is written in c= and o=: the local address of the route to the peer, never
	// unspecified or multicast. A peer of the other address family is refused.
	Address netip.Addr
	// RTPPort and RTCPPort are those of the leg, 1 to 65535. RTCPPort 0 means RTPPort+1.
	RTPPort, RTCPPort int

	// SessionID and SessionVersion open the o= line of a session; only the first exchange
	// reads them, then State does. They are cut to 62 bits (RFC 3264 section 5).
	SessionID, SessionVersion uint64
	// Username is the o= user; "" or what is no SDP token means "-".
	Username string

	// Keys draws a fresh master key and salt, KeyLength+SaltLength bytes, RandomKey in
	// production. It is called only where SRTP is agreed on or offered.
	Keys func(Suite) []byte

	// Group is the multicast group of the room, nil if it has none.
	Group *Group

	// Video are our ends of m=video lines, as many as may have media.
	Video []VideoLocal

	// NoAudio refuses or disables every stream, video too.
	NoAudio bool
}

// check says whether our own end can be written into a description.
func (l *Local) check() *Error {
	a := l.Address
	switch {
	case !a.IsValid() || a.IsUnspecified() || a.IsMulticast():
		return internal("local media address %q is no unicast address", a)
	case l.NoAudio:
		return nil
	case l.RTPPort < 1 || l.RTPPort > 65535:
		return internal("local RTP port %d is not in 1..65535", l.RTPPort)
	case l.rtcpPort() < 1 || l.rtcpPort() > 65535:
		return internal("local RTCP port %d is not in 1..65535", l.rtcpPort())
	}
	for i := range l.Video {
		if err := l.Video[i].check(i); err != nil {
			return err
		}
	}
	return nil
}

func (l *Local) rtcpPort() int { return rtcpPort(l.RTPPort, l.RTCPPort) }

func rtcpPort(rtp, rtcp int) int {
	if rtcp == 0 {
		return rtp + 1
	}
	return rtcp
}
