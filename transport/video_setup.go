package transport

import (
	"fmt"
	"net/netip"

	"github.com/confd/confd/media"
)

// VideoParams are one negotiated state of a VideoLeg. Directions are the server's.
type VideoParams struct {
	// These are as in Params.
	RemoteRTP, RemoteRTCP netip.AddrPort
	RTCPMux               bool
	Send, Receive         bool
	Latch                 LatchPolicy
	SRTP                  *SRTP

	// ReceivePTs are the payload types under which the peer may send pictures.
	ReceivePTs []uint8
	// ReceiveRTX are those of its retransmissions (RFC 4588).
	ReceiveRTX []RTXType
	// SendPT is the payload type of egress, 1 to 127; 0 = none was agreed on: nothing is sent.
	SendPT uint8
	// SendRTX is that of retransmissions; 0 = they go out as the packets that they repeat.
	SendRTX uint8

	// What may be sent to the peer. It is taken from the peer in any case.
	NACK, PLI, FIR, TMMBR, REMB, TransportCC bool
	// ReducedSize lets feedback go without a report in front (RFC 5506).
	ReducedSize bool

	// RFC 8285 ids of header extensions, 1 to 255; 0 = not negotiated. Only the transport-wide
	// number is written, too.
	TransportCCID  uint8 // draft-holmer-rmcat-transport-wide-cc-extensions-01
	FrameMarkingID uint8 // RFC 9626
	RIDID          uint8 // RFC 8852
	RepairedRIDID  uint8
	MIDID          uint8 // RFC 8843

	// MID is that of this m= line, if MIDID: what has another is not ours.
	MID string
	// RIDs name the simulcast streams of the peer (RFC 8853), MaxEncodings at most, in the
	// order of VideoPacket.Encoding.
	RIDs []string
	// SSRCs are the sources that the peer has signalled (RFC 5576), likewise; none is needed.
	SSRCs []VideoSSRC
}

// RTXType is a payload type of retransmissions and that of what they repeat (apt).
type RTXType struct{ PT, Original uint8 }

// VideoSSRC is a source of the peer and that of its retransmissions, 0 if that was not
// signalled (ssrc-group FID).
type VideoSSRC struct{ Main, RTX uint32 }

// VideoSetup is checked VideoParams with their keys expanded, ready for VideoLeg.Apply. It
// serves one leg.
type VideoSetup struct {
	setup     Setup
	params    VideoParams
	kinds     [128]videoKind
	originals [128]uint8 // of retransmissions
	encodings int        // how many streams may be told apart, at least 1
}

// videoKind is what a payload type carries.
type videoKind uint8

const (
	videoNone videoKind = iota
	videoMain
	videoRepair
)

// PrepareVideo checks params and does the costly part of a change. Any goroutine may call it.
func PrepareVideo(p VideoParams) (*VideoSetup, error) {
	s := &VideoSetup{params: p, encodings: max(1, len(p.RIDs), len(p.SSRCs))}
	audio := Params{
		RemoteRTP: p.RemoteRTP, RemoteRTCP: p.RemoteRTCP, RTCPMux: p.RTCPMux,
		Send: p.Send, Receive: p.Receive, Latch: p.Latch, SRTP: p.SRTP,
	}
	if err := s.types(&audio.ClockRates); err != nil {
		return nil, err
	}
	if s.encodings > MaxEncodings {
		return nil, fmt.Errorf("%d simulcast streams: want at most %d", s.encodings, MaxEncodings)
	}
	for _, id := range p.RIDs {
		if id == "" || p.RIDID == 0 {
			return nil, fmt.Errorf("simulcast stream %q that packets cannot name: want a name, and the id of the header extension (RFC 8852)", id)
		}
	}
	setup, err := prepare(audio, videoReplayWindow)
	if err != nil {
		return nil, err
	}
	s.setup = *setup
	return s, nil
}

// types notes what each payload type carries.
func (s *VideoSetup) types(rates *[128]uint32) error {
	for _, pt := range []uint8{s.params.SendPT, s.params.SendRTX} {
		if pt > 127 {
			return fmt.Errorf("payload type %d: want 1 to 127", pt)
		}
	}
	for _, pt := range s.params.ReceivePTs {
		if pt > 127 || s.kinds[pt] != videoNone {
			return fmt.Errorf("payload type %d: want 0 to 127, each once", pt)
		}
		s.kinds[pt], rates[pt] = videoMain, media.VideoRate
	}
	for _, t := range s.params.ReceiveRTX {
		if t.PT > 127 || t.Original > 127 || s.kinds[t.PT] != videoNone || s.kinds[t.Original] != videoMain {
			return fmt.Errorf("payload type %d for retransmissions of %d: want an unused one, for one of pictures", t.PT, t.Original)
		}
		s.kinds[t.PT], s.originals[t.PT], rates[t.PT] = videoRepair, t.Original, media.VideoRate
	}
	return nil
}
