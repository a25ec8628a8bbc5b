package main

import (
	"net/netip"
	"time"

	"github.com/confd/confd/rooms"
	"github.com/confd/confd/transport"
)

// Config is everything that can be set. A field's yaml tag is its key, help its line in
// the documentation, flag its command-line flag if it has one; the value of a secret is not
// printed. Every key can also be set by an environment variable: CONFD_ and the key's path
// in capitals, as CONFD_SIP_LISTEN.
type Config struct {
	SIP          SIPConfig       `yaml:"sip"`
	DialOut      DialOutConfig   `yaml:"dial_out"`
	RTP          RTPConfig       `yaml:"rtp"`
	Rooms        RoomsConfig     `yaml:"rooms"`
	Multicast    MulticastConfig `yaml:"multicast"`
	Audio        AudioConfig     `yaml:"audio"`
	Video        VideoConfig     `yaml:"video"`
	HTTP         HTTPConfig      `yaml:"http"`
	Store        StoreConfig     `yaml:"store"`
	Records      RecordsConfig   `yaml:"records"`
	Webhooks     WebhooksConfig  `yaml:"webhooks"`
	Sounds       SoundsConfig    `yaml:"sounds"`
	Log          LogConfig       `yaml:"log"`
	DrainTimeout time.Duration   `yaml:"drain_timeout" help:"how long SIGTERM waits for calls to be hung up"`
}

// SIPConfig is the signalling.
type SIPConfig struct {
	Listen         []ListenAddr    `yaml:"listen" flag:"sip" help:"where to listen: udp:HOST:PORT, tcp:HOST:PORT, tls:HOST:PORT; HOST:PORT alone is UDP and TCP"`
	TLSCert        string          `yaml:"tls_cert" flag:"tls-cert" help:"PEM file with the certificate chain for tls: listeners"`
	TLSKey         string          `yaml:"tls_key" flag:"tls-key" help:"PEM file with the certificate's private key"`
	Trusted        []netip.Prefix  `yaml:"trusted" help:"networks of trunks and tests, to which trusted_rate applies in place of rate"`
	Limits         SIPLimitsConfig `yaml:"limits"`
	SessionExpires time.Duration   `yaml:"session_expires" help:"session timer to agree on (RFC 4028), whole seconds"`
	MinSE          time.Duration   `yaml:"min_se" help:"shortest session timer to accept (RFC 4028), whole seconds, 90 or more"`
	ProbeAfter     time.Duration   `yaml:"probe_after" help:"ask a phone whether it is still there when nothing has come from it for so long"`
}

// SIPLimitsConfig bounds what callers may demand.
type SIPLimitsConfig struct {
	Calls        int     `yaml:"calls" help:"calls at a time"`
	Rate         float64 `yaml:"rate" help:"new calls per second from one source prefix (IPv4 /32, IPv6 /64)"`
	Burst        int     `yaml:"burst" help:"new calls at once from one source prefix"`
	TrustedRate  float64 `yaml:"trusted_rate" help:"new calls per second from one source prefix of a trusted network; 0: without limit"`
	TrustedBurst int     `yaml:"trusted_burst" help:"new calls at once from one source prefix of a trusted network"`
	Messages     float64 `yaml:"messages" help:"SIP messages per second from one source prefix that is not trusted, four times as many at once"`
	MessageSize  int     `yaml:"message_size" help:"longest SIP message, bytes, 1500 to 65535"`
	Connections  int     `yaml:"connections" help:"TCP and TLS connections at a time"`
	Load         float64 `yaml:"load" help:"share of its time that a mixing thread may be at work before calls are refused, 0.1 to 1"`
}

// DialOutConfig is the calls that the server makes.
type DialOutConfig struct {
	Trunk  TrunkConfig         `yaml:"trunk"`
	TLSCA  string              `yaml:"tls_ca" help:"PEM file with authorities to trust beside the system's in calls over TLS"`
	Limits DialOutLimitsConfig `yaml:"limits"`
}

// TrunkConfig is the way to the telephone network.
type TrunkConfig struct {
	Address      string `yaml:"address" help:"where telephone numbers (tel:) are called: HOST, HOST:PORT or a SIP URI without a user, as sip:sip.example.net;transport=tls; empty: there is no trunk, and no number can be called"`
	Username     string `yaml:"username" help:"what the trunk knows this server by, where it asks; it goes to the trunk alone"`
	Password     string `yaml:"password" secret:"yes" help:"the password to it, in plain text; better in a file of its own"`
	PasswordFile string `yaml:"password_file" help:"file whose first line is the password"`
	From         string `yaml:"from" help:"who calls, where a call does not say: a number of yours, as +4930123456, or a SIP URI; empty: the room"`
	All          bool   `yaml:"all" help:"make calls to SIP addresses by way of the trunk, too, as an outbound proxy"`
}

// DialOutLimitsConfig bounds what keys and programs can run up on a telephone bill.
type DialOutLimitsConfig struct {
	Calls int     `yaml:"calls" help:"calls that nobody has answered yet, at a time; 0: the server calls nobody"`
	Rate  float64 `yaml:"rate" help:"new calls per second in the long run"`
	Burst int     `yaml:"burst" help:"new calls at once"`
}

// RTPConfig is the media transport.
type RTPConfig struct {
	Ports      PortRange     `yaml:"ports" flag:"rtp-ports" help:"UDP ports for RTP and RTCP, two a call"`
	MediaIP    netip.Addr    `yaml:"media_ip" flag:"media-ip" help:"address to write into SDP; empty: the local address of the route to the peer"`
	SRTP       string        `yaml:"srtp" help:"encryption with keys from SDP (RFC 4568): optional (as the phone asks), required, off"`
	ReuseAfter time.Duration `yaml:"reuse_after" help:"how long a port rests between two calls"`
	Unheard    UnheardConfig `yaml:"unheard"`
}

// UnheardConfig bounds media to addresses that callers name and from which nothing has come.
type UnheardConfig struct {
	Time    time.Duration `yaml:"time" help:"how long media goes to an address that a caller named and from which nothing comes"`
	Streams int           `yaml:"streams" help:"to how many such addresses at a time"`
}

// RoomsConfig is the conferences.
type RoomsConfig struct {
	Open                 rooms.OpenPolicy `yaml:"open" help:"whose call opens a room: private (callers from private_networks), anyone, nobody"`
	PrivateNetworks      []netip.Prefix   `yaml:"private_networks" help:"who may open rooms where open is private"`
	MaxParticipants      int              `yaml:"max_participants" help:"participants of one room"`
	MaxTotalParticipants int              `yaml:"max_total_participants" help:"participants of all rooms"`
	MaxRooms             int              `yaml:"max_rooms" help:"rooms at a time"`
}

// AudioConfig is the mix and its codecs.
type AudioConfig struct {
	Codecs         []string      `yaml:"codecs" help:"codecs in order of preference, of opus, G722, PCMU, PCMA, L16"`
	Talkers        int           `yaml:"talkers" help:"how many of the loudest are heard at a time, 1 to 64"`
	Period         time.Duration `yaml:"period" help:"mixing period: 10ms or 20ms"`
	Workers        int           `yaml:"workers" help:"mixing threads; 0: chosen by the number of processors"`
	RealTime       bool          `yaml:"real_time" help:"run mixing threads at real-time priority where the system permits it"`
	IOUring        bool          `yaml:"io_uring" help:"send packets in batches, by io_uring, where the system permits it"`
	OpusComplexity int           `yaml:"opus_complexity" help:"effort of the Opus encoders, 1 to 10"`
	OpusBitrate    int           `yaml:"opus_bitrate" help:"most bits per second of Opus, whatever the phone allows, 6000 to 510000"`
}

// HTTPConfig is the API.
type HTTPConfig struct {
	Listen     string   `yaml:"listen" flag:"http" help:"HOST:PORT of API, health and metrics; without keys a loopback address; empty: none"`
	TLSCert    string   `yaml:"tls_cert" help:"PEM file with the certificate chain for HTTPS; empty: plain HTTP"`
	TLSKey     string   `yaml:"tls_key" help:"PEM file with the certificate's private key"`
	Keys       []string `yaml:"keys" help:"access keys, each NAME:SCOPE:SHA256 or NAME:SCOPE:SHA256:ROOM+ROOM; SCOPE is read, listen, control or admin, SHA256 that of the key in hexadecimal"`
	RequireKey bool     `yaml:"require_key" help:"ask who is on this machine for a key, too; right behind a proxy on this machine"`
	CORS       []string `yaml:"cors" help:"origins whose web pages may use the API, as https://app.example; * is all, each with a key"`

	Limits HTTPLimitsConfig `yaml:"limits"`
}

// HTTPLimitsConfig bounds what clients may demand.
type HTTPLimitsConfig struct {
	Connections  int `yaml:"connections" help:"connections at a time, those of event streams among them; more wait"`
	EventStreams int `yaml:"event_streams" help:"event streams at a time, fewer than connections"`
}

// StoreConfig is the file with what survives a restart.
type StoreConfig struct {
	Path string `yaml:"path" flag:"store" help:"file with the rooms made over the API, keys, webhooks and records; auto: $STATE_DIRECTORY/confd.db, else $XDG_STATE_HOME/confd/confd.db or ~/.local/state/confd/confd.db; empty: memory, gone at the end"`
}

// RecordsConfig is the records of calls and conferences.
type RecordsConfig struct {
	Keep time.Duration `yaml:"keep" help:"how long records of calls and conferences are kept"`
}

// WebhooksConfig is where events may be sent.
type WebhooksConfig struct {
	AllowNetworks []netip.Prefix `yaml:"allow_networks" help:"networks that webhooks may go to though they are not public, as 10.0.0.0/8"`
	AllowHTTP     bool           `yaml:"allow_http" help:"let webhooks go to http: URLs, too, which anyone on the way can read"`
}

// SoundsConfig is the sound files that announcements play.
type SoundsConfig struct {
	Folder  string `yaml:"folder" help:"folder of sound files, WAV and Ogg/Opus; auto: sounds, beside the file of store.path; empty, or auto without such a file: no announcements"`
	Upload  bool   `yaml:"upload" help:"let the API put files there and delete them"`
	MaxSize int    `yaml:"max_size" help:"longest file that may be uploaded, bytes"`
}

// LogConfig is the log, which goes to standard error.
type LogConfig struct {
	Level  string `yaml:"level" flag:"log-level" help:"debug, info, warn or error"`
	Format string `yaml:"format" flag:"log-format" help:"text or json"`
}

// DefaultConfig returns what holds where nothing else is said.
func DefaultConfig() Config {
	return Config{
		SIP: SIPConfig{
			Listen:         []ListenAddr{{Addr: ":5060"}},
			Trusted:        prefixes("127.0.0.0/8", "::1/128"),
			SessionExpires: 30 * time.Minute,
			MinSE:          90 * time.Second,
			ProbeAfter:     30 * time.Second,
			Limits: SIPLimitsConfig{
				Calls:        8000,
				Rate:         20,
				Burst:        100,
				TrustedRate:  1000,
				TrustedBurst: 2000,
				Messages:     500,
				MessageSize:  65535,
				Connections:  4096,
				Load:         0.85,
			},
		},
		DialOut: DialOutConfig{Limits: DialOutLimitsConfig{Calls: 100, Rate: 10, Burst: 20}},
		RTP: RTPConfig{
			Ports:      PortRange{16384, 32767},
			SRTP:       "optional",
			ReuseAfter: 2 * time.Second,
			Unheard:    UnheardConfig{transport.DefaultUnheardTime, transport.DefaultUnheardStreams},
		},
		Rooms: RoomsConfig{
			Open: rooms.OpenPrivate,
			PrivateNetworks: prefixes("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",
				"169.254.0.0/16", "::1/128", "fc00::/7", "fe80::/10"),
			MaxParticipants:      1000,
			MaxTotalParticipants: 8000,
			MaxRooms:             4000,
		},
		Multicast: MulticastConfig{
			Enabled:       true,
			ASM4:          "239.255.0.0/16 !239.255.240.0/20",
			SSM4:          "232.0.1.0-232.255.255.255",
			ASM6:          "ff15::8000:0/97",
			SSM6:          "ff35::8000:0/97",
			Ports:         PortRange{10000, 16383},
			MaxTTL:        15,
			FeedbackShare: 0.05,
			RepairShare:   0.25,
			ReportTimeout: 15 * time.Second,
		},
		Audio: AudioConfig{
			Codecs:         []string{"opus", "G722", "PCMU", "PCMA", "L16"},
			Talkers:        8,
			Period:         20 * time.Millisecond,
			RealTime:       true,
			IOUring:        true,
			OpusComplexity: 5,
			OpusBitrate:    64000,
		},
		Video:        defaultVideo(),
		HTTP:         HTTPConfig{Listen: "127.0.0.1:8080", Keys: []string{}, CORS: []string{}, Limits: HTTPLimitsConfig{Connections: 4096, EventStreams: 2048}},
		Store:        StoreConfig{Path: autoPath},
		Records:      RecordsConfig{Keep: 30 * 24 * time.Hour},
		Webhooks:     WebhooksConfig{AllowNetworks: []netip.Prefix{}},
		Sounds:       SoundsConfig{Folder: autoPath, Upload: true, MaxSize: 50 << 20},
		Log:          LogConfig{Level: "info", Format: "text"},
		DrainTimeout: 10 * time.Second,
	}
}

func prefixes(s ...string) []netip.Prefix {
	var all []netip.Prefix
	for _, p := range s {
		all = append(all, netip.MustParsePrefix(p))
	}
	return all
}
