package transport

import (
	"time"

	"github.com/confd/confd/transport/feedback"
	"github.com/confd/confd/transport/repair"
)

// MaxEncodings is how many simulcast streams of one source a VideoLeg tells apart.
const MaxEncodings = 4

// VideoPacket is one RTP packet of a picture, decrypted and parsed. A retransmission
// (RFC 4588) is already what it stands for. It is valid until the receiver returns.
type VideoPacket struct {
	Arrival      int64 // monotonic nanoseconds at which the kernel received it
	SSRC         uint32
	Timestamp    uint32 // of 90,000 a second
	Sequence     uint16
	PayloadType  uint8
	Marker       bool
	Repaired     bool   // came as a retransmission under RFC 4588
	Encoding     uint8  // index in VideoParams.RIDs or SSRCs; 0 without
	FrameMarking []byte // the extension element of RFC 9626; nil if there is none
	// Payload may be empty: padding alone, which nevertheless has a number.
	Payload []byte
}

// FeedbackKind says what a Feedback is.
type FeedbackKind uint8

// Kinds of feedback.
const (
	FeedbackNACK         FeedbackKind = iota + 1 // Lost (RFC 4585 section 6.2.1)
	FeedbackPLI                                  // a key frame is needed (RFC 4585 section 6.3.1)
	FeedbackFIR                                  // the same (RFC 5104 section 4.3.1); repetitions are left out
	FeedbackREMB                                 // Bitrate
	FeedbackTMMBR                                // Bitrate; it was answered
	FeedbackTMMBN                                // Bitrate: what the peer keeps to of ours
	FeedbackTransportCC                          // Sent
	FeedbackReport                               // Fraction, CumulativeLost, Highest, Jitter, RoundTrip
	FeedbackSenderReport                         // NTP, RTP
	FeedbackBye                                  // the source has left
)

// Feedback is what the peer says by RTCP: about our egress, but for TMMBN, SenderReport and
// Bye, which are about what it sends. It is valid until the receiver returns.
type Feedback struct {
	Kind     FeedbackKind
	Arrival  int64       // monotonic nanoseconds
	Encoding uint8       // SenderReport, Bye
	Lost     repair.Lost // NACK
	Repair   bool        // NACK, Report: about our stream of retransmissions (RFC 4588)
	Bitrate  uint64      // REMB, TMMBR, TMMBN: bits per second

	Fraction       uint8 // Report: lost since the report before, of 256
	CumulativeLost int32
	Highest        uint32        // sequence number, wraps included
	Jitter         uint32        // of 90,000 a second
	RoundTrip      time.Duration // 0 = unknown

	NTP  uint64 // SenderReport: the peer's time at which its timestamp was RTP
	RTP  uint32
	Sent []feedback.Arrival // TransportCC: packets of ours that the leg remembers
}

// VideoReceiver takes what a VideoLeg has heard, in the order of arrival.
type VideoReceiver interface {
	Video(p *VideoPacket)
	Feedback(f *Feedback)
}

// VideoOut is one packet of egress. The leg writes its header, with its own SSRC, payload
// type and transport-wide number.
type VideoOut struct {
	// Sequence goes up by 1 with each packet that is no repair. The first should be below
	// 32,768 (RFC 3711 section 3.3.1).
	Sequence  uint16
	Timestamp uint32 // of 90,000 a second
	Marker    bool
	// Repair marks a packet that was sent before with the same contents: it goes out as a
	// retransmission (RFC 4588) if that was negotiated, else as it was.
	Repair     bool
	Head, Body []byte // the payload in two parts, either of which may be empty
}
