package sap

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
)

// Limits of a packet, bytes.
const (
	// MaxPacket is the most that is written: what fits an Ethernet frame, which is more than
	// the kilobyte that RFC 2974 section 6 advises.
	MaxPacket = 1400
	// maxRead is the most that is read.
	maxRead = 9000
	maxType = 64 // of a payload type
)

// SDP is the payload type of a session description.
const SDP = "application/sdp"

// Packet is an announcement, or the end of one.
type Packet struct {
	Delete bool
	Hash   uint16     // with Source it names the announcement; never 0
	Source netip.Addr // who announces
	Type   string     // of Payload; "" is SDP
	// Payload is a session description, of a deletion its o= line alone.
	Payload []byte
}

// Bits of the first byte (RFC 2974 section 3).
const (
	version1   = 1 << 5
	address6   = 1 << 4
	deletion   = 1 << 2
	encrypted  = 1 << 1
	compressed = 1
)

// Append writes the packet, without authentication, after b.
func (p *Packet) Append(b []byte) ([]byte, error) {
	start := len(b)
	kind := p.Type
	if kind == "" {
		kind = SDP
	}
	source := p.Source.Unmap().WithZone("")
	switch {
	case p.Hash == 0:
		return b, errors.New("announcement with hash 0: want 1 to 65535")
	case !source.IsValid():
		return b, errors.New("announcement without source: want the address that it is sent from")
	case len(kind) > maxType || bytes.IndexByte([]byte(kind), 0) >= 0:
		return b, fmt.Errorf("payload type %q: want at most %d bytes, none 0", kind, maxType)
	}
	flags := byte(version1)
	if source.Is6() {
		flags |= address6
	}
	if p.Delete {
		flags |= deletion
	}
	b = append(b, flags, 0)
	b = binary.BigEndian.AppendUint16(b, p.Hash)
	b = append(append(append(b, source.AsSlice()...), kind...), 0)
	b = append(b, p.Payload...)
	if n := len(b) - start; n > MaxPacket {
		return b[:start], fmt.Errorf("announcement of %d bytes: want at most %d; a shorter title helps", n, MaxPacket)
	}
	return b, nil
}

// Parse reads a packet. Authentication is passed over, unchecked; what is encrypted or
// compressed is refused. Payload is part of b.
func Parse(b []byte) (p Packet, err error) {
	if len(b) < 8 || len(b) > maxRead {
		return p, fmt.Errorf("packet of %d bytes: want 8 to %d", len(b), maxRead)
	}
	flags, size := b[0], 4
	if flags>>5 != 1 {
		return p, fmt.Errorf("version %d: want 1", flags>>5)
	}
	if flags&(encrypted|compressed) != 0 {
		return p, errors.New("encrypted or compressed: want neither")
	}
	if flags&address6 != 0 {
		size = 16
	}
	head := 4 + size + 4*int(b[1]) // authentication data is counted in words
	if len(b) < head {
		return p, fmt.Errorf("packet of %d bytes ends in its header: want %d at least", len(b), head)
	}
	p.Delete, p.Hash = flags&deletion != 0, binary.BigEndian.Uint16(b[2:])
	p.Source, _ = netip.AddrFromSlice(b[4 : 4+size])
	p.Type, p.Payload, err = payload(b[head:])
	return p, err
}

// payload tells the type from what is of it. Where none is given it is SDP, which begins with
// v=0, or with o= in a deletion (RFC 2974 section 6).
func payload(b []byte) (kind string, rest []byte, err error) {
	if bytes.HasPrefix(b, []byte("v=0")) || bytes.HasPrefix(b, []byte("o=")) {
		return SDP, b, nil
	}
	end := bytes.IndexByte(b[:min(len(b), maxType+1)], 0)
	if end < 1 {
		return "", nil, fmt.Errorf("no payload type: want one of 1 to %d bytes and a 0 after it, or v=0", maxType)
	}
	return string(b[:end]), b[end+1:], nil
}

// hash names a payload. It is never 0.
func hash(payload []byte) uint16 {
	h := uint32(2166136261) // FNV-1a
	for _, x := range payload {
		h = (h ^ uint32(x)) * 16777619
	}
	if short := uint16(h>>16 ^ h); short != 0 {
		return short
	}
	return 1
}

// origin returns the o= line of a description, with its end; nil if it has none.
func origin(sdp []byte) []byte {
	for line := range bytes.Lines(sdp) {
		if bytes.HasPrefix(line, []byte("o=")) {
			return line
		}
	}
	return nil
}
