package feedback

import "encoding/binary"

// Kind is the sub-message type of a TOKEN packet (RFC 6284).
type Kind uint8

// Kinds of TOKEN packet.
const (
	PortMappingRequest  Kind = 1 // a receiver asks for a token
	PortMappingResponse Kind = 2 // and gets it, at the address that it asked from
	TokenVerification   Kind = 3 // it shows it, in one compound packet with what it is for
	TokenFailure        Kind = 4 // and is told that it was no good
)

// MaxToken is the longest token that is read, in bytes.
const MaxToken = 64

const (
	elementToken  = 1 // type, reserved byte, length in 16 bits, value padded to whole words
	elementHeader = 4
	nonceSize     = 8
)

// Token is a TOKEN packet: the header with the kind in place of a count, the sender's SSRC,
// and then, in the order that they have here, the fields that its kind has. A value goes as
// an element of type, reserved byte, length and padded value.
type Token struct {
	Kind     Kind
	SSRC     uint32 // of who sends it
	Client   uint32 // who asked: PortMappingResponse, TokenFailure
	Nonce    uint64 // all but TokenFailure
	Value    []byte // 1 to MaxToken bytes: PortMappingResponse, TokenVerification; a view
	Expires  uint64 // NTP time: PortMappingResponse, TokenVerification
	Lifetime uint32 // seconds from now: PortMappingResponse
	Refused  Packet // TokenFailure, written only: type and count of what the token was shown for
}

// AppendToken writes t.
func AppendToken(dst []byte, t *Token) []byte {
	start := len(dst)
	dst = appendHeader(dst, uint8(t.Kind), TypeToken, 0)
	dst = binary.BigEndian.AppendUint32(dst, t.SSRC)
	if t.Kind == PortMappingResponse || t.Kind == TokenFailure {
		dst = binary.BigEndian.AppendUint32(dst, t.Client)
	}
	if t.Kind == TokenFailure {
		dst = append(dst, byte(t.Refused.Type), t.Refused.Count<<3, 0, 0)
	} else {
		dst = binary.BigEndian.AppendUint64(dst, t.Nonce)
	}
	if t.Kind == PortMappingResponse || t.Kind == TokenVerification {
		dst = appendElement(dst, t.Value)
		dst = binary.BigEndian.AppendUint64(dst, t.Expires)
	}
	if t.Kind == PortMappingResponse {
		dst = binary.BigEndian.AppendUint32(dst, t.Lifetime)
	}
	binary.BigEndian.PutUint16(dst[start+2:], uint16((len(dst)-start)/4-1))
	return dst
}

func appendElement(dst, value []byte) []byte {
	dst = append(dst, elementToken, 0)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(value)))
	dst = append(dst, value...)
	return append(dst, make([]byte, -len(value)&3)...)
}

// ReadToken reads a TOKEN packet; false if it is none, or malformed. What follows the
// fields that it knows, such as the types of packet that a token is asked for, is passed
// over.
func ReadToken(p *Packet) (t Token, ok bool) {
	if p.Type != TypeToken || len(p.Body) < 4 {
		return t, false
	}
	t.Kind = Kind(p.Count)
	r := reader{p.Body, true}
	t.SSRC = r.uint32()
	switch t.Kind {
	case PortMappingRequest:
		t.Nonce = r.uint64()
	case PortMappingResponse:
		t.Client, t.Nonce = r.uint32(), r.uint64()
		t.Value, t.Expires = r.element(), r.uint64()
		t.Lifetime = r.uint32()
	case TokenVerification:
		t.Nonce = r.uint64()
		t.Value, t.Expires = r.element(), r.uint64()
	case TokenFailure:
		t.Client = r.uint32()
	default:
		return Token{}, false
	}
	if !r.ok {
		return Token{}, false
	}
	return t, true
}

// reader takes fields off the front; once one is missing it yields zeros.
type reader struct {
	b  []byte
	ok bool
}

var zeros [MaxToken]byte

func (r *reader) take(n int) []byte {
	if !r.ok || n > len(r.b) {
		r.ok = false
		return zeros[:n]
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}

func (r *reader) uint32() uint32 { return binary.BigEndian.Uint32(r.take(4)) }
func (r *reader) uint64() uint64 { return binary.BigEndian.Uint64(r.take(nonceSize)) }

// element takes a token with its type and length.
func (r *reader) element() []byte {
	head := r.take(elementHeader)
	size := int(binary.BigEndian.Uint16(head[2:]))
	if head[0] != elementToken || size == 0 || size > MaxToken {
		r.ok = false
		return nil
	}
	return r.take((size + 3) &^ 3)[:size]
}
