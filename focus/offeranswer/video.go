package offeranswer

import (
	"net/netip"
	"slices"

	"github.com/confd/confd/media"
)

// VideoCapabilities are what a room does with video. A value is read only; it may be shared.
type VideoCapabilities struct {
	// Formats are what may be agreed on, most wanted first: all participants of a room are to
	// have the same one. With Settled only the first is taken and offered.
	Formats []media.VideoFormat
	Settled bool

	// Lines is how many m=video lines a session may have at most, and Bitrate what a peer may
	// send on each, bits per second without headers below RTP's; 0 says nothing of it.
	Lines   int
	Bitrate int

	// Limits hold what those in the room can take of a format. Of a format that is not in it
	// we tell a peer to send what it says it can take itself.
	// Lines for slides have no limit.
	Limits map[media.VideoFormat]media.VideoLimit

	Feedback     VideoFeedback
	RTX          bool // retransmission under a payload type of its own (RFC 4588)
	FrameMarking bool // the header extension of RFC 9626, ingress
	Simulcast    bool // several encodings of one picture, ingress (RFC 8853)
}

// VideoFeedback is what receivers may tell senders with RTCP (RFC 4585, RFC 5104).
type VideoFeedback struct {
	NACK, PLI, FIR, TMMBR bool
	REMB                  bool // goog-remb
	TransportCC           bool // with the header extension that numbers packets
}

// DefaultVideoCapabilities are all that confd can do, on one line.
func DefaultVideoCapabilities() VideoCapabilities {
	return VideoCapabilities{
		Formats: []media.VideoFormat{
			{Codec: media.H264, Profile: media.H264ConstrainedBaseline, PacketizationMode: 1},
			{Codec: media.VP8},
		},
		Lines:    1,
		Feedback: VideoFeedback{true, true, true, true, true, true},
		RTX:      true, FrameMarking: true, Simulcast: true,
	}
}

// VideoLocal is our end of one m=video line.
type VideoLocal struct {
	// RTPPort and RTCPPort are those of the leg, 1 to 65535. RTCPPort 0 means RTPPort+1.
	RTPPort, RTCPPort int
	// Content is what we call the line in an offer of ours (RFC 4796) if the peer has not
	// named it; "" says nothing.
	Content string
	// SSRC and RTXSSRC are what we send pictures and their retransmission under, CNAME their name
	// (RFC 5576). Where retransmission is agreed on they are told, as some receivers do not find
	// out by themselves what it belongs to; 0 and "" say nothing.
	SSRC, RTXSSRC uint32
	CNAME         string
	// Image is written for the peer: Send is what we send, Recv and, to who knows a=framesize,
	// Width and Height what it should send us. Nil says what the limit of the format does. An answer
	// tells it only to a peer that named sizes itself.
	Image *Image
}

func (l *VideoLocal) check(i int) *Error {
	rtcp := rtcpPort(l.RTPPort, l.RTCPPort)
	switch {
	case l.RTPPort < 1 || l.RTPPort > 65535:
		return internal("local RTP port %d of video %d is not in 1..65535", l.RTPPort, i)
	case rtcp < 1 || rtcp > 65535:
		return internal("local RTCP port %d of video %d is not in 1..65535", rtcp, i)
	case l.Content != "" && !isToken(l.Content, false):
		return internal("content %s of video %d is no token", quote(l.Content), i)
	case l.CNAME != "" && !isToken(l.CNAME, true):
		return internal("cname %s of video %d is no token", quote(l.CNAME), i)
	}
	return nil
}

// Video is what was agreed on for one m=video line, or why nothing was.
type Video struct {
	Media   int    // index of the m= line, from 0
	Content string // the first word of a=content (RFC 4796) in lower case, such as "slides"; "" if not told
	Label   string // RFC 4574
	MID     string // RFC 5888

	// Accepted says that the line has media. Otherwise Refused is why we, or the peer, do not
	// want it, nil where the peer offered it with port 0; then only Can and what stands above it
	// have values.
	Accepted bool
	Refused  *Error

	// Can are the formats that the peer names, each once, in its order, whether they are ours or
	// not. A Baseline of H.264 can be Constrained Baseline too, which comes first then: no known
	// phone makes use of what tells them apart.
	Can []VideoOption
	// Several says that an answer left the choice among several formats of our offer, of which
	// Format is the first: only an offer of one format makes sure that the peer sends that.
	Several bool

	// Local is the index in Local.Video of the end that the line has. It stays while the line is
	// accepted.
	Local int

	// Format is what is sent both ways, Level what the peer may send of it at most, as in
	// VideoOption. The peer's own is in Can.
	Format media.VideoFormat
	Level  uint8
	// Limit is what we told the peer to send at most, or would have if it could read it; Level is
	// in it too.
	Limit media.VideoLimit

	// SendPT is the payload type of egress, SendRTX that of retransmission, 0 for none.
	SendPT, SendRTX uint8
	// RTXTime is how long the peer keeps packets for retransmission, ms; 0 if not told.
	RTXTime int
	// Receive holds the payload types of ingress: each of media under itself, each of
	// retransmission with the one that it stands for. Nobody modifies it.
	Receive map[uint8]uint8

	Feedback VideoFeedback // what both ends know
	// ReducedSize says that RTCP need not be compound (RFC 5506).
	ReducedSize bool

	// Ids of header extensions (RFC 8285), 1 to 14; 0 is not agreed. All but TransportCCID are
	// of ingress only.
	TransportCCID, FrameMarkingID, MIDID, RIDID, RepairedRIDID uint8
	// RIDs are the encodings that the peer may send, in its order (RFC 8853); nil is one without
	// a name.
	RIDs []string
	// SSRCs are the sources that the peer announces (RFC 5576).
	SSRCs []VideoSource

	// RemoteRTP, RemoteRTCP, RTCPMux, Direction, SRTP and Profile are as for audio. RemoteHold
	// says that audio is on hold and that the peer wants no pictures either.
	RemoteRTP, RemoteRTCP netip.AddrPort
	RTCPMux               bool
	Direction             Direction
	RemoteHold            bool
	SRTP                  *Crypto
	Profile               string

	Bandwidth int    // what the peer can take, bits per second without headers below RTP's; 0 if not told
	Image     *Image // what it says of picture sizes, nil for nothing
}

// VideoOption is a format that a peer names, with what it can take of it. A zero field is not
// told.
type VideoOption struct {
	Format      media.VideoFormat
	PayloadType uint8

	// Level is level_idc for H.264, 9 for level 1b; level-id for H.265 (30 times the level);
	// level-idx for AV1. It has a value where the peer says nothing: that of the RFC.
	Level uint8

	FrameSize   int // macroblocks of 16x16 per picture
	FrameRate   int // pictures per second
	Macroblocks int // per second
	Bitrate     int // bits per second, where it is more than the level allows

	// ParameterSets are NAL units that hold for what the peer sends of H.264 and H.265, if it
	// sends none in the stream.
	ParameterSets [][]byte

	wire formatText
}

// VideoSource is a stream that a peer announces. RTX is the SSRC of its retransmission, 0 for
// none.
type VideoSource struct {
	SSRC, RTX uint32
}

// Videos counts the m=video lines of a description that have a port: as many ends may be of use
// in Local.Video. can are the formats that they name. The error is that of Negotiate.
func Videos(sdp []byte) (n int, can []media.VideoFormat, err error) {
	d, bad := parse(sdp)
	if bad != nil {
		return 0, nil, bad
	}
	for i := range d.media {
		m := &d.media[i]
		if !isVideo(m.media) || m.port == 0 {
			continue
		}
		n++
		for _, o := range videoOptions(m.payloads()) {
			if !slices.Contains(can, o.Format) {
				can = append(can, o.Format)
			}
		}
	}
	return n, can, nil
}
