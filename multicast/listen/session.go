package listen

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/confd/confd/media"
	"github.com/confd/confd/multicast/feedback"
	"github.com/confd/confd/multicast/groupkey"
)

// Session is what an SDP says of a group.
type Session struct {
	Title   string
	ID      uint64 // of the origin line
	Version uint64 // grows with every change

	Group  netip.AddrPort // RTP
	RTCP   netip.AddrPort // the sender's reports, on the group
	Source netip.Addr     // whom to believe; not valid: whoever is heard first
	Filter bool           // join for the source only (RFC 4570, RFC 4607)

	Format      media.Format     // of sound
	Video       media.VideoCodec // of pictures; none: the session is of sound
	PayloadType uint8            // of Format, or of Video
	Redundant   uint8            // payload type of RFC 2198; none: noType
	Noise       uint8            // payload type of RFC 3389; none: noType
	Retransmits map[uint8]uint8  // payload types of RFC 4588, and of what each brings again
	PacketTime  time.Duration    // 20 ms if the SDP does not say

	Target    netip.AddrPort // feedback by unicast (RFC 5760); not valid: none is wanted
	NACK      bool           // lost packets may be asked for
	KeyFrames bool           // so may key frames, by PLI (RFC 4585 section 6.3.1)
	Token     bool           // with a token (RFC 6284)
	Reduced   bool           // and without a report around them (RFC 5506)
	Bandwidth feedback.Bandwidth
	Key       *groupkey.Key  // nil: plain RTP
	OtherKeys []groupkey.Key // under which packets may come, too
	SDP       []byte         // all of it

	plain bool // redundancy is to be passed over
}

// noType is a payload type that no packet has.
const noType = 255

// Error says what of an SDP cannot be used.
type Error struct {
	Line    string // of the SDP, or what of it is missing
	Message string // what is wrong, and what would be right
}

func (e *Error) Error() string { return fmt.Sprintf("SDP: %q: %s", e.Line, e.Message) }

func wrong(line, format string, args ...any) error {
	return &Error{line, fmt.Sprintf(format, args...)}
}

// repairs tells whether lost packets come again in some way.
func (s *Session) repairs() bool {
	return s.Redundant != noType && !s.plain || s.Asks()
}

// Asks tells whether lost packets can be asked for.
func (s *Session) Asks() bool { return s.NACK && s.Target.IsValid() && len(s.Retransmits) > 0 }

// same tells whether a listener of s can go on with o, but for the key and the version.
func (s *Session) same(o *Session) bool {
	return s.Group == o.Group && s.RTCP == o.RTCP && s.Source == o.Source && s.Filter == o.Filter &&
		s.Format == o.Format && s.Video == o.Video && s.PayloadType == o.PayloadType && s.Redundant == o.Redundant && s.Noise == o.Noise &&
		s.Target == o.Target && (s.Key == nil) == (o.Key == nil)
}
