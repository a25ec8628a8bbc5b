package offeranswer

import "time"

// Limits on what a peer may describe. Whatever is past them is Malformed.
const (
	MaxSize       = 64 << 10 // bytes of a description
	MaxMedia      = 64       // m= lines
	MaxAttributes = 512      // a= lines of the session, and of each m= line
	MaxFormats    = 256      // formats of an m= line
	MaxToken      = 64       // bytes of a media type, profile or format
)

// MaxPacket is the size in bytes that no egress packet exceeds.
const MaxPacket = 1400

// maxPayload leaves room in MaxPacket for the RTP header (12), 15 contributors (60), their
// levels in a header extension (20) and the longest SRTP tag (16).
const maxPayload = MaxPacket - 12 - 60 - 20 - 16

// maxParams bounds the a=fmtp text of one payload type in bytes. What is past it is ignored:
// the parameters that matter to us take a fraction of it.
const maxParams = 2048

// maxVideoFormats is how many of VideoCapabilities.Formats are looked at.
const maxVideoFormats = 16

// What the peer does not say.
const (
	defaultPacketTime = 20 * time.Millisecond
	defaultMaxBitrate = 64000
	expectedLoss      = 10 // percent, which FEC is tuned for where the peer asks for it
)
