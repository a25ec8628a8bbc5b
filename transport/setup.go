package transport

import (
	"fmt"
	"net/netip"
)

// LatchPolicy says from where a leg accepts media.
type LatchPolicy uint8

const (
	// LatchNone accepts media from the signalled address only.
	LatchNone LatchPolicy = iota
	// LatchBounded follows a peer behind an address translator: see DESIGN.md, "Latching".
	LatchBounded
)

// Params are one negotiated state of a leg. Directions are the server's.
type Params struct {
	// RemoteRTP is where media goes, as signalled. An invalid or unspecified address or
	// port 0 means that the peer wants none for now: nothing is sent.
	RemoteRTP netip.AddrPort
	// RemoteRTCP is where reports go; the zero value means the port above RemoteRTP's
	// (RFC 3550 section 11). Unused with RTCPMux.
	RemoteRTCP netip.AddrPort
	// RTCPMux puts RTCP on the RTP port (RFC 5761).
	RTCPMux bool
	// Send and Receive are the directions of media; RTCP flows in any case.
	Send, Receive bool
	// Latch says whether an address other than RemoteRTP may become the peer's.
	Latch LatchPolicy
	// SRTP holds the keys, nil for plain RTP.
	SRTP *SRTP
	// AudioLevelID and MixerLevelID are the RFC 8285 ids of the client-to-mixer level on
	// ingress (RFC 6464) and of the mixer-to-client levels on egress (RFC 6465), 1 to 255;
	// 0 = not negotiated.
	AudioLevelID, MixerLevelID uint8
	// CSRC has the list of contributors written. MixerLevelID needs it.
	CSRC bool
	// ClockRates gives RTP timestamp units per second by ingress payload type; 0 = not
	// negotiated: dropped and counted.
	ClockRates [128]uint32
}

// Setup is checked Params with their keys expanded, ready for Leg.Apply. It serves one leg.
type Setup struct {
	params Params
	crypto *cryptoKeys // nil for plain RTP
}

// Prepare checks params and does the costly part of a change, so that the tick does not
// have to. Any goroutine may call it.
func Prepare(p Params) (*Setup, error) { return prepare(p, replayWindow) }

func prepare(p Params, window uint) (*Setup, error) {
	if p.MixerLevelID != 0 && !p.CSRC {
		return nil, fmt.Errorf("mixer-to-client levels (id %d) without contributor list: they come in its order (RFC 6465 section 3)", p.MixerLevelID)
	}
	for pt, rate := range p.ClockRates {
		if rate > 192_000 {
			return nil, fmt.Errorf("clock rate %d of payload type %d: want 1 to 192000", rate, pt)
		}
		if rate != 0 && pt >= 64 && pt <= 95 && p.RTCPMux {
			return nil, fmt.Errorf("payload type %d cannot be told from RTCP on one port: want one outside 64-95 (RFC 5761 section 4)", pt)
		}
	}
	if p.Latch > LatchBounded {
		return nil, fmt.Errorf("latch policy %d: want LatchNone or LatchBounded", p.Latch)
	}
	s := &Setup{params: p}
	s.params.RemoteRTP, s.params.RemoteRTCP = unmap(p.RemoteRTP), unmap(p.RemoteRTCP)
	if p.SRTP != nil {
		keys, err := newCryptoKeys(p.SRTP, window)
		if err != nil {
			return nil, err
		}
		s.crypto = keys
	}
	return s, nil
}

// plan is what every packet asks a Setup, gathered where it is at hand.
type plan struct {
	receive, mux, follow bool // Receive, RTCPMux, LatchBounded
	lists                Lists
	audioLevel           uint8
	pt                   uint8  // of the packet before
	rate                 uint32 // of pt; 0 = ask the Setup
}

func (s *Setup) plan() plan {
	p := &s.params
	return plan{receive: p.Receive, mux: p.RTCPMux, follow: p.Latch == LatchBounded,
		lists: Lists{CSRC: p.CSRC, LevelsID: p.MixerLevelID}, audioLevel: p.AudioLevelID}
}

// rate returns the clock rate of a payload type, 0 if that was not negotiated.
func (l *Leg) rate(pt uint8) uint32 {
	if pt != l.plan.pt || l.plan.rate == 0 {
		l.plan.pt, l.plan.rate = pt, l.setup.params.ClockRates[pt]
	}
	return l.plan.rate
}

func unmap(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// usable tells whether packets can be sent to a.
func usable(a netip.AddrPort) bool {
	return a.IsValid() && a.Port() != 0 && !a.Addr().IsUnspecified()
}

// above returns the address with the next port.
func above(a netip.AddrPort) netip.AddrPort {
	if !usable(a) || a.Port() == 65535 {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(a.Addr(), a.Port()+1)
}

// rtcpRemote returns where reports go as long as nothing else was learned.
func (p *Params) rtcpRemote() netip.AddrPort {
	if usable(p.RemoteRTCP) {
		return p.RemoteRTCP
	}
	return above(p.RemoteRTP)
}
