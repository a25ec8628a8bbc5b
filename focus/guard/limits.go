package guard

import (
	"fmt"
	"net/netip"
	"time"
)

// Limits bound what the guard lets through. Take DefaultLimits and change what must differ:
// a zero is a limit of nothing, not the default.
type Limits struct {
	// MessageSize is the most bytes of one message, as received and in canonical form.
	// Default 65535, which is also the library's limit; range 512 to 65535.
	MessageSize int
	// HeaderSize is the most bytes of start line and headers together. Default 16384.
	HeaderSize int
	// HeaderLine is the most bytes of one header line, its folded lines included. Default 8192.
	HeaderLine int
	// Headers is the most header lines. Default 128.
	Headers int
	// Vias, Contacts and Routes are the most values of these headers (Route and
	// Record-Route together). Defaults 70, 32, 64.
	Vias, Contacts, Routes int

	// IPv4Bits and IPv6Bits are the length of the prefix that makes one source.
	// Defaults 32 and 64.
	IPv4Bits, IPv6Bits int
	// Sources is how many source prefixes are remembered at once; 128 bytes each.
	// Default 32768, rounded up to a power of two, at least 1024.
	Sources int
	// Calls bounds the new calls of a source. Default 20 a second, burst 100.
	Calls Rate
	// CallDebt is how many bursts of refused calls a source may run up before its calls
	// are dropped without an answer. Default 4.
	CallDebt int
	// Messages bounds all that a source sends, by datagrams or messages. Default 500 a
	// second, burst 2000. Datagrams past it are dropped unread, streams are read more slowly.
	Messages Rate
	// Answers bounds the answers to malformed requests, by source; AnswersTotal to all of
	// them. Defaults 10 a second, burst 50; and 500 a second, burst 1000.
	Answers, AnswersTotal Rate
	// Trusted networks have rates of their own; the first that holds the source counts.
	// Default: loopback, unlimited.
	Trusted []Trusted

	// Connections is the most stream connections at once, ConnectionsPerSource of one
	// untrusted source. Defaults 4096 and 64.
	Connections, ConnectionsPerSource int
	// FirstMessageTime is from the accepted connection to its first whole message or
	// keep-alive, TLS handshake included. Default 10 s.
	FirstMessageTime time.Duration
	// MessageTime is from the first byte of a message to its last. Default 10 s.
	MessageTime time.Duration
	// IdleTime is how long a connection may be silent in both directions. It must be longer
	// than the keep-alive and session refresh of the phones. Default 1 h.
	IdleTime time.Duration
	// WriteTime is how long one write to a stream may take. Default 5 s.
	WriteTime time.Duration
	// StreamMemory is the most bytes of unfinished messages over all streams, beyond the
	// first 4 KiB of each connection. Default 32 MiB.
	StreamMemory int64
	// MalformedPerConnection is how many malformed messages end a connection. Default 16.
	MalformedPerConnection int
	// DatagramSources is how many distinct source addresses one packet connection shows to
	// the library before they are forgotten (see ServeUDP). Default 65536, at least 1024.
	DatagramSources int
}

// Rate is a token bucket: PerSecond tokens a second, at most Burst kept.
// PerSecond 0 is unlimited.
type Rate struct {
	PerSecond float64
	Burst     int
}

// Trusted is a network with limits of its own, such as a trunk's.
type Trusted struct {
	Prefix          netip.Prefix
	Calls, Messages Rate
}

// DefaultLimits returns the documented defaults.
func DefaultLimits() Limits {
	return Limits{
		MessageSize: 65535, HeaderSize: 16384, HeaderLine: 8192, Headers: 128,
		Vias: 70, Contacts: 32, Routes: 64,
		IPv4Bits: 32, IPv6Bits: 64, Sources: 32768,
		Calls: Rate{20, 100}, CallDebt: 4, Messages: Rate{500, 2000},
		Answers: Rate{10, 50}, AnswersTotal: Rate{500, 1000},
		Trusted: []Trusted{
			{Prefix: netip.MustParsePrefix("127.0.0.0/8")},
			{Prefix: netip.MustParsePrefix("::1/128")},
		},
		Connections: 4096, ConnectionsPerSource: 64,
		FirstMessageTime: 10 * time.Second, MessageTime: 10 * time.Second,
		IdleTime: time.Hour, WriteTime: 5 * time.Second,
		StreamMemory: 32 << 20, MalformedPerConnection: 16, DatagramSources: 65536,
	}
}

// Validate returns an error that names the first limit out of its range, and the range.
func (l *Limits) Validate() error {
	for _, c := range []struct {
		name           string
		value, low, up int64
	}{
		{"message size", int64(l.MessageSize), 512, 65535},
		{"header size", int64(l.HeaderSize), 512, int64(l.MessageSize)},
		{"header line", int64(l.HeaderLine), 256, int64(l.HeaderSize)},
		{"headers", int64(l.Headers), 8, 10000},
		{"vias", int64(l.Vias), 1, 1000},
		{"contacts", int64(l.Contacts), 1, 1000},
		{"routes", int64(l.Routes), 1, 1000},
		{"IPv4 bits", int64(l.IPv4Bits), 8, 32},
		{"IPv6 bits", int64(l.IPv6Bits), 16, 128},
		{"sources", int64(l.Sources), 1, 1 << 24},
		{"call debt", int64(l.CallDebt), 0, 1000},
		{"connections", int64(l.Connections), 1, 1 << 20},
		{"connections per source", int64(l.ConnectionsPerSource), 1, 1 << 20},
		{"first message time", int64(l.FirstMessageTime), 1, int64(24 * time.Hour)},
		{"message time", int64(l.MessageTime), 1, int64(24 * time.Hour)},
		{"idle time", int64(l.IdleTime), 1, int64(240 * time.Hour)},
		{"write time", int64(l.WriteTime), 1, int64(time.Hour)},
		{"stream memory", l.StreamMemory, 0, 1 << 40},
		{"malformed per connection", int64(l.MalformedPerConnection), 1, 1 << 30},
		{"datagram sources", int64(l.DatagramSources), 1024, 1 << 24},
	} {
		if c.value < c.low || c.value > c.up {
			return fmt.Errorf("guard: limit %q is %d, must be %d to %d", c.name, c.value, c.low, c.up)
		}
	}
	return l.validateRates()
}

func (l *Limits) validateRates() error {
	check := func(name string, r Rate) error {
		if !(r.PerSecond >= 0 && r.PerSecond <= 1e9) || r.PerSecond > 0 && (r.Burst < 1 || r.Burst > 1e9) {
			return fmt.Errorf("guard: rate %q is %g a second, burst %d: must be 0 for unlimited, or up to 1e9 with a burst of at least 1", name, r.PerSecond, r.Burst)
		}
		return nil
	}
	for name, r := range map[string]Rate{"calls": l.Calls, "messages": l.Messages, "answers": l.Answers, "answers in all": l.AnswersTotal} {
		if err := check(name, r); err != nil {
			return err
		}
	}
	for _, t := range l.Trusted {
		if !t.Prefix.IsValid() {
			return fmt.Errorf("guard: a trusted network has no valid prefix")
		}
		for _, r := range []Rate{t.Calls, t.Messages} {
			if err := check("of "+t.Prefix.String(), r); err != nil {
				return err
			}
		}
	}
	return nil
}
