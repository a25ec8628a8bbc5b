package phone

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"github.com/confd/confd/internal/testkit/netsim"
	"github.com/confd/confd/internal/testkit/tone"
)

// Codec is a coding that the phone can offer.
type Codec struct {
	Name        string // of the rtpmap
	PayloadType uint8
	ClockRate   int    // RTP timestamp units per second
	SampleRate  int    // PCM samples per second
	Channels    string // third part of the rtpmap, "" for none
	Fmtp        string // format parameters, "" for none
}

// The codecs. A copy with another PayloadType or Fmtp may be offered as well.
var (
	PCMU   = Codec{Name: "PCMU", PayloadType: 0, ClockRate: 8000, SampleRate: 8000}
	PCMA   = Codec{Name: "PCMA", PayloadType: 8, ClockRate: 8000, SampleRate: 8000}
	G722   = Codec{Name: "G722", PayloadType: 9, ClockRate: 8000, SampleRate: 16000}
	L16    = Codec{Name: "L16", PayloadType: 96, ClockRate: 16000, SampleRate: 16000}
	L16at8 = Codec{Name: "L16", PayloadType: 97, ClockRate: 8000, SampleRate: 8000}
	Opus   = Codec{Name: "opus", PayloadType: 111, ClockRate: 48000, SampleRate: 48000, Channels: "2", Fmtp: "useinbandfec=1"}
)

// Voice is what a phone says. Read fills pcm, at the codec's sample rate, with what comes
// next. A tone.Generator is one.
type Voice interface{ Read(pcm []int16) }

// Network opens the phone's sockets, so that they can belong to another network namespace.
type Network interface {
	ListenPacket(network, address string) (net.PacketConn, error)
	DialContext(ctx context.Context, network, address string) (net.Conn, error)
}

// SRTP suites for Options.SRTP (RFC 4568, RFC 7714).
const (
	AESCM80  = "AES_CM_128_HMAC_SHA1_80"
	AES128GC = "AEAD_AES_128_GCM"
)

// Options describe a phone. Only URI is required.
type Options struct {
	URI  string // sip:room@host:port, with ;transport=tcp or tls, or sips:
	User string // of the From header; "" means "phone"
	TLS  *tls.Config

	Codecs     []Codec       // offered, best first; nil means PCMU
	PacketTime time.Duration // sent; 0 means 20 ms or what the answer's ptime asks
	Tone       float64       // Hz; 0 means silence unless Voice is set
	Level      float64       // of Tone in dB; 0 means -20
	Voice      Voice         // instead of Tone
	Silent     bool          // send no packets until SetSending(true)
	Drift      float64       // how much faster the phone's clock runs, in ppm

	Direction string   // of the offer; "" means sendrecv
	SRTP      string   // suite to offer, "" for plain RTP
	RTCPMux   bool     // offer RFC 5761
	Levels    bool     // offer RFC 6464 and 6465, and write the level of what is sent
	NoEvents  bool     // do not offer telephone-event
	NoOffer   bool     // INVITE without SDP, the answer goes into the ACK
	NoACK     bool     // never acknowledge the 200
	Headers   []string // further lines of the INVITE, without line ends
	Lines     []Line   // further m-lines

	Up, Down netsim.Impairment // of the media, towards the server and back
	Seed     uint64            // of the impairments and of sequence numbers and the like

	Local   string // local IP address; "" means the one that routes to the server
	Network Network
}

func (o *Options) fill() {
	if o.User == "" {
		o.User = "phone"
	}
	if o.Codecs == nil {
		o.Codecs = []Codec{PCMU}
	}
	if o.Level == 0 {
		o.Level = -20
	}
	if o.Direction == "" {
		o.Direction = "sendrecv"
	}
	if o.Network == nil {
		o.Network = hostNetwork{}
	}
}

// voice returns what to say at rate.
func (o *Options) voice(rate int) Voice {
	if o.Voice != nil {
		return o.Voice
	}
	if o.Tone == 0 {
		return tone.New(rate, o.Level)
	}
	return tone.New(rate, o.Level, o.Tone)
}

type hostNetwork struct{}

func (hostNetwork) ListenPacket(network, address string) (net.PacketConn, error) {
	return net.ListenPacket(network, address)
}

func (hostNetwork) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, network, address)
}
