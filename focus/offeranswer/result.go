package offeranswer

import (
	"cmp"
	"net/netip"
	"reflect"
	"slices"
	"strings"

	"github.com/confd/confd/media"
)

// Negotiated is what the media plane needs to know of a session. It is a value: copying it
// shares only SRTP and maps, which nobody modifies.
type Negotiated struct {
	// Audio is false where no stream is left (the peer disabled it, or Local.NoAudio);
	// then all the rest is zero.
	Audio bool
	Media int // index of the audio m= line, from 0

	// Send is the egress format with packet time and quantised Opus parameters; SendPT is
	// the payload type it goes under.
	Send   media.Format
	SendPT uint8

	// Receive tells by payload type what the peer may send at any time; the zero Format
	// is a type that was not agreed on. Opus decodes at SampleRate, the highest that the
	// peer says it captures. Nobody modifies this map, nor those below.
	Receive map[uint8]media.Format

	// ComfortNoise and TelephoneEvent hold the RTP clock rate of each ingress payload
	// type of these kinds.
	ComfortNoise   map[uint8]uint32
	TelephoneEvent map[uint8]uint32

	// The payload types of egress that share Send's clock, for telephone-event else the
	// clock of 8000; 0 if there is none.
	ComfortNoisePT   uint8
	TelephoneEventPT uint8

	// RemoteRTP and RemoteRTCP are as signalled. Both are invalid (zero) while the peer
	// wants nothing at all (c=0.0.0.0): then no packet, RTCP neither, is to be sent.
	RemoteRTP, RemoteRTCP netip.AddrPort
	RTCPMux               bool

	Direction Direction // the server's view
	// RemoteHold says that the peer put us on hold: what it may still send is its hold
	// music and is not to be mixed.
	RemoteHold bool

	AudioLevelID uint8 // RFC 6464, ingress; 0 is not agreed, else 1 to 14
	MixerLevelID uint8 // RFC 6465, egress; 0 is not agreed, else 1 to 14

	// Multicast is the group that the peer listens to in place of a stream of its own; zero
	// if there is none. Nothing is then sent to the peer nor expected of it, and the rest
	// is what was agreed on for its own stream, if there was one.
	Multicast netip.AddrPort

	SRTP    *Crypto // nil is plain RTP
	Profile string  // as in the m= line, such as RTP/AVP

	// Video are the m=video lines in their order, refused ones too; nil where
	// Capabilities.Video is. Without audio there is none.
	Video []Video
}

// ClockRates returns the RTP clock rate of each ingress payload type of any kind, 0 where
// it was not agreed on.
func (n *Negotiated) ClockRates() (rates [128]uint32) {
	for pt, f := range n.Receive {
		rates[pt] = uint32(f.ClockRate)
	}
	for pt, clock := range n.ComfortNoise {
		rates[pt] = clock
	}
	for pt, clock := range n.TelephoneEvent {
		rates[pt] = clock
	}
	return rates
}

// Equal tells whether the media plane has nothing to do to go from n to o.
func (n *Negotiated) Equal(o *Negotiated) bool {
	a, b := *n, *o
	a.SRTP, b.SRTP, a.Video, b.Video = nil, nil, nil, nil
	return reflect.DeepEqual(a, b) && n.SRTP.Equal(o.SRTP) && slices.EqualFunc(n.Video, o.Video, sameVideo)
}

// Result is a finished exchange.
type Result struct {
	SDP        []byte // the answer to send, CRLF line ends; nil from Accept
	Negotiated Negotiated
	// State goes into the next exchange of the session; once the exchange is in force.
	State *State
	// Unchanged says that Negotiated equals that of the previous exchange, as in a
	// session refresh (RFC 4028).
	Unchanged bool
}

// State is what a session remembers between exchanges. It is immutable: an exchange makes
// a new one, and a failed exchange leaves the old one in force (RFC 3261 section 14.2).
type State struct {
	user    string
	id      uint64
	address netip.Addr // of o=, for the life of the session
	version uint64
	body    string // our last description without its o= line
	time    string // t=

	slots   []slot     // one per m= line, in both directions (RFC 3264 section 8)
	audio   int        // index of the live audio slot, -1 for none
	spoken  []payload  // what both sides speak
	told    *ownAudio  // the audio line of our last description, the group aside
	group   *groupLine // what that line is instead, nil for none
	profile string     // with group: the line's own, if told
	videos  []videoSlot
	numbers []payload // what payload type numbers mean, for the whole session, by number
	habit   habit
	last    Negotiated
}

// slot is an m= line that cannot be taken back.
type slot struct {
	media, proto, format string
}

// Negotiated returns what is in force.
func (s *State) Negotiated() Negotiated { return s.last }

// Group returns the group that the peer listens to, as it was last told; nil if to none.
func (s *State) Group() *Group {
	if s == nil || s.group == nil {
		return nil
	}
	return s.group.Group
}

// next begins the state after one more exchange.
func (s *State) next(local *Local) *State {
	if s != nil {
		n := *s
		n.last, n.slots, n.spoken, n.told, n.audio = Negotiated{}, nil, nil, nil, -1
		n.group, n.profile, n.videos = nil, "", nil
		return &n
	}
	n := &State{
		user: local.Username, id: local.SessionID % (1 << 62), version: local.SessionVersion % (1 << 62),
		address: local.Address.Unmap().WithZone(""), time: "0 0", audio: -1,
	}
	if !isToken(n.user, false) {
		n.user = "-"
	}
	return n
}

// bind remembers what the numbers of an m= line mean (RFC 3264 section 8.3.2).
func (s *State) bind(list []payload) {
	s.numbers = slices.Clone(s.numbers) // the state before keeps its own
	for _, p := range list {
		if p.encoding == "" {
			continue
		}
		p.encoding, p.params = strings.Clone(p.encoding), ""
		if i, bound := s.find(p.number); bound {
			s.numbers[i] = p
		} else {
			s.numbers = slices.Insert(s.numbers, i, p)
		}
	}
}

// find returns where the meaning of a number is, or would be.
func (s *State) find(number uint8) (index int, bound bool) {
	return slices.BinarySearchFunc(s.numbers, number, func(p payload, n uint8) int { return cmp.Compare(p.number, n) })
}
