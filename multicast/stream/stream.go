package stream

import (
	"fmt"

	"github.com/confd/confd/internal/clock"
	"github.com/confd/confd/media"
	"github.com/confd/confd/multicast/groupkey"
	"github.com/confd/confd/multicast/socket"
	"github.com/confd/confd/transport"
)

// Sender takes datagrams to the group, as *socket.Sender does: without blocking, and without
// keeping them.
type Sender interface {
	Send(b []byte) socket.Verdict
	Close()
}

// Config says what a stream is like.
type Config struct {
	Socket Sender
	Format media.Format
	// PayloadType is the format's, 0 to 127. Comfort noise for PCMU is type 13 (RFC 3551).
	PayloadType uint8
	// Redundancy is how many payloads before it a packet carries again (RFC 2198), 0 to 2;
	// RedundantType is the payload type of such packets, unused with 0.
	Redundancy    int
	RedundantType uint8
	LevelsID      uint8         // RFC 8285 id of RFC 6465 levels, 1 to 255; 0 = none
	Key           *groupkey.Key // nil for plain RTP
	History       int           // packets kept for whoever repairs, 0 to 65536; 0 = none
}

func (c *Config) check() error {
	switch {
	case c.Socket == nil:
		return fmt.Errorf("stream to a group without a socket")
	case c.Format.ClockRate <= 0:
		return fmt.Errorf("stream to a group with clock rate %d: want 1 or more", c.Format.ClockRate)
	case c.Redundancy < 0 || c.Redundancy > maxRedundancy:
		return fmt.Errorf("redundancy of %d payloads: want 0 to %d", c.Redundancy, maxRedundancy)
	case c.PayloadType > 127 || c.RedundantType > 127:
		return fmt.Errorf("payload types %d and %d: want 0 to 127", c.PayloadType, c.RedundantType)
	case c.Redundancy > 0 && c.RedundantType == c.PayloadType:
		return fmt.Errorf("redundant packets under the format's payload type %d: want another", c.PayloadType)
	case c.History < 0:
		return fmt.Errorf("history of %d packets: want 0 to 65536", c.History)
	}
	return nil
}

const (
	headerSize = 12
	noiseType  = 13 // RFC 3389 at 8000 Hz, a static payload type of RFC 3551
)

// Stream is one group's RTP. It is a media.Sink.
type Stream struct {
	cfg      Config
	lists    transport.Lists
	timeline transport.Timeline
	silence  silence
	past     past
	ring     *transport.Ring // nil without history

	course

	packet media.Packet // for the ring
	plain  [transport.MaxDatagram]byte
	red    [transport.MaxDatagram]byte
	sealed [transport.MaxDatagram + 64]byte

	count counters
}

// New makes a stream that goes on under an SSRC, timestamp and sequence number of its own.
func New(c Config) (*Stream, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	s := &Stream{
		cfg:      c,
		lists:    transport.Lists{CSRC: true, LevelsID: c.LevelsID},
		timeline: transport.NewTimeline(transport.Random32()),
		silence:  silence{off: true, noise: c.Format.Codec == media.PCMU},
		past:     past{generations: c.Redundancy, kind: c.RedundantType},
	}
	err := s.begin(c.Key, c.Format.ClockRate)
	if err != nil {
		return nil, err
	}
	if c.History > 0 {
		if s.ring, err = transport.NewRing(c.History, transport.MaxDatagram); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// History returns the packets that were sent, for who repairs: one goroutine may poll it.
// The Payload of each is the whole packet as plain RTP, with its lists and without RFC 2198;
// comfort noise is left out. A full ring loses the newest and counts. It is nil without
// history.
func (s *Stream) History() *transport.Ring { return s.ring }

// Close closes the socket. The owner of the tick calls it, once, after the last Send.
func (s *Stream) Close() { s.cfg.Socket.Close() }

// Send implements media.Sink. Only the owner of the tick calls it.
func (s *Stream) Send(o *media.Outgoing) {
	if o.ClockRate == 0 {
		s.count.failed.Add(1)
		return
	}
	ts, ok := s.timeline.At(o.Time, o.ClockRate)
	if !ok {
		s.count.timeSteps.Add(1)
	}
	do, marker := s.silence.judge(o)
	if do == hold {
		s.past.forget()
		s.count.suppressed.Add(1)
		return
	}
	s.turn()
	data, pt := o.Data, s.cfg.PayloadType
	if do == noise {
		data, pt = s.silence.payload(o), noiseType
	}
	s.assemble(o, transport.Heading{Timestamp: ts, SSRC: s.self.ssrc, PayloadType: pt, Marker: marker}, data)
}

// assemble writes a packet, keeps it and sends it.
func (s *Stream) assemble(o *media.Outgoing, h transport.Heading, data []byte) {
	room := transport.MaxDatagram - headerSize - len(data) - s.self.seal.Overhead() - s.past.overhead()
	if room < 0 {
		s.count.oversize.Add(1)
		return
	}
	listed, all := s.lists.Fit(o, room)
	if !all {
		s.count.trimmed.Add(1)
	}
	h.Sequence = uint16(s.self.sequence)
	s.self.sequence++
	b := s.lists.Append(s.plain[:0], h, o, listed)
	head := len(b)
	b = append(b, data...)
	s.keep(&h, b)
	if s.past.generations > 0 {
		var left int
		b, left = s.past.wrap(s.red[:0], b, head, &h, transport.MaxDatagram-s.self.seal.Overhead())
		s.count.unrepeated.Add(uint64(left))
	}
	s.transmit(b, &h, len(b)-head)
}

// keep puts a packet into the history.
func (s *Stream) keep(h *transport.Heading, b []byte) {
	if s.ring == nil || h.PayloadType == noiseType {
		return
	}
	s.packet = media.Packet{
		SSRC: h.SSRC, Timestamp: h.Timestamp, Sequence: h.Sequence,
		PayloadType: h.PayloadType, Marker: h.Marker, Payload: b,
	}
	s.ring.Push(&s.packet)
}

// transmit protects and sends a packet. What cannot be sent is lost, and counted.
func (s *Stream) transmit(b []byte, h *transport.Heading, payload int) {
	if b = s.self.seal.RTP(s.sealed[:0], b); b == nil {
		s.count.failed.Add(1)
		return
	}
	if v := s.cfg.Socket.Send(b); v != socket.Sent {
		s.count.lost(v)
		return
	}
	s.count.packets.Add(1)
	s.count.octets.Add(uint64(payload))
	s.self.packets++
	s.self.octets += uint32(payload)
	s.report.write(&s.self, h.Timestamp, clock.Now())
}
