package transport

import "encoding/binary"

// The RTP header is read where it lies, because this runs for every packet. The tests hold
// it against pion/rtp.
const (
	headerSize   = 12
	csrcSize     = 4
	maxCSRC      = 15
	extPrefix    = 4      // profile and length in front of RFC 3550 header extensions
	profileOne   = 0xBEDE // RFC 8285 section 4.2
	profileTwo   = 0x1000 // RFC 8285 section 4.3, with the appbits in the low four bits
	maxOneByteID = 14
)

// header is an RTP packet's fixed header and where its parts lie.
type header struct {
	ssrc      uint32
	timestamp uint32
	sequence  uint16
	profile   uint16 // of the header extension, if extension is not empty
	pt        uint8
	marker    bool
	padded    bool
	extension []byte // what follows the extension's prefix
	body      int    // offset of the payload
}

// parseHeader checks version, contributor count and extension length (RFC 3550 section
// 5.1 and 5.3.1). It leaves padding alone, which SRTP may have encrypted.
func parseHeader(h *header, b []byte) bool {
	if len(b) < headerSize || b[0]>>6 != 2 {
		return false
	}
	h.padded = b[0]&0x20 != 0
	h.marker = b[1]&0x80 != 0
	h.pt = b[1] & 0x7f
	h.sequence = binary.BigEndian.Uint16(b[2:])
	h.timestamp = binary.BigEndian.Uint32(b[4:])
	h.ssrc = binary.BigEndian.Uint32(b[8:])
	h.extension = nil
	h.body = headerSize + csrcSize*int(b[0]&0x0f)
	if b[0]&0x10 != 0 {
		return h.parseExtension(b)
	}
	return h.body <= len(b)
}

func (h *header) parseExtension(b []byte) bool {
	start := h.body + extPrefix
	if start > len(b) {
		return false
	}
	h.profile = binary.BigEndian.Uint16(b[h.body:])
	h.body = start + 4*int(binary.BigEndian.Uint16(b[h.body+2:]))
	if h.body > len(b) {
		return false
	}
	h.extension = b[start:h.body]
	return true
}

// payload returns what follows the header less padding (RFC 3550 section 5.1).
func (h *header) payload(b []byte) ([]byte, bool) {
	p := b[h.body:]
	if !h.padded {
		return p, true
	}
	if len(p) == 0 {
		return nil, false
	}
	pad := int(p[len(p)-1])
	if pad == 0 || pad > len(p) {
		return nil, false
	}
	return p[:len(p)-pad], true
}

// element finds an RFC 8285 extension element by id, 1 to 255. A malformed extension is
// one that has no elements from there on; it does not harm the packet.
func (h *header) element(id uint8) []byte {
	switch {
	case len(h.extension) == 0 || id == 0:
		return nil
	case h.profile == profileOne:
		return oneByteElement(h.extension, id)
	case h.profile&0xfff0 == profileTwo:
		return twoByteElement(h.extension, id)
	}
	return nil
}

func oneByteElement(b []byte, id uint8) []byte {
	for len(b) > 0 {
		if b[0] == 0 { // padding
			b = b[1:]
			continue
		}
		found, size := b[0]>>4, int(b[0]&0x0f)+1
		// Id 15 ends the list, and so does id 0 with a length (RFC 8285 section 4.2).
		if found == 15 || found == 0 || 1+size > len(b) {
			return nil
		}
		if found == id {
			return b[1 : 1+size]
		}
		b = b[1+size:]
	}
	return nil
}

func twoByteElement(b []byte, id uint8) []byte {
	for len(b) > 0 {
		if b[0] == 0 { // padding
			b = b[1:]
			continue
		}
		if len(b) < 2 || 2+int(b[1]) > len(b) {
			return nil
		}
		size := int(b[1])
		if b[0] == id {
			return b[2 : 2+size]
		}
		b = b[2+size:]
	}
	return nil
}
