package payload

import (
	"encoding/binary"

	"github.com/confd/confd/media"
)

// Unpacker takes pictures out of their packets, as decoders and files have them: VP8 and VP9 as
// they are, H.264 and H.265 as a byte stream (annex B of either), AV1 as OBUs that say how long
// they are, behind a temporal delimiter. It is for one goroutine at a time.
type Unpacker struct {
	codec media.VideoCodec
	open  int // AV1: where the size of an OBU is that the next packet goes on with; 0: of none, -1: it is left out
}

// NewUnpacker makes an Unpacker for packets of a codec.
func NewUnpacker(c media.VideoCodec) Unpacker { return Unpacker{codec: c} }

// Begin appends to dst what a picture begins with.
func (u *Unpacker) Begin(dst []byte) []byte {
	u.open = 0
	if u.codec == media.AV1 {
		return append(dst, av1Delimiter<<3|av1Sized, 0)
	}
	return dst
}

// Append appends to dst, which Begin and then it have returned, what the next payload of the
// picture adds. Payloads come in order; an error says that the picture cannot be had.
func (u *Unpacker) Append(dst, payload []byte) ([]byte, error) {
	var i Info
	if err := Read(u.codec, payload, nil, &i); err != nil {
		return dst, err
	}
	switch u.codec {
	case media.VP8:
		at, err := readVP8Descriptor(payload, &i)
		return append(dst, payload[at:]...), err
	case media.VP9:
		at, err := readVP9Descriptor(payload, &i)
		return append(dst, payload[at:]...), err
	case media.H264:
		return unpackH264(dst, payload)
	case media.H265:
		return unpackH265(dst, payload)
	}
	return u.unpackAV1(dst, payload)
}

// appendUnit appends a NAL unit, or the first part of one, behind a start code.
func appendUnit(dst, header, body []byte) []byte {
	return append(append(append(dst, 0, 0, 0, 1), header...), body...)
}

// unpackH264 takes what Read took; of packetization mode 2, which is never negotiated, nothing.
func unpackH264(dst, b []byte) ([]byte, error) {
	switch b[0] & 0x1f {
	case h264STAPA:
		for rest := b[1:]; len(rest) > 0; {
			size := 2 + int(binary.BigEndian.Uint16(rest))
			dst, rest = appendUnit(dst, nil, rest[2:size]), rest[size:]
		}
		return dst, nil
	case h264FUA:
		if b[1]&0x80 == 0 {
			return append(dst, b[2:]...), nil
		}
		return appendUnit(dst, []byte{b[0]&0xe0 | b[1]&0x1f}, b[2:]), nil
	case h264STAPB, h264MTAP16, h264MTAP24, h264FUB:
		return dst, ErrMalformed
	case h264PACSI:
		return dst, nil // about packets, not of the picture
	}
	return appendUnit(dst, nil, b), nil
}

func unpackH265(dst, b []byte) ([]byte, error) {
	kind, layer := b[0]>>1&0x3f, []byte{b[0], b[1]}
	body := b[2:]
	if kind == h265PACI {
		var err error
		if kind, body, err = (&units{Info: &Info{}}).h265Information(body); err != nil {
			return dst, err
		}
		layer[0] = layer[0]&0x81 | kind<<1
	}
	switch kind {
	case h265AP:
		for len(body) > 0 {
			size := 2 + int(binary.BigEndian.Uint16(body))
			dst, body = appendUnit(dst, nil, body[2:size]), body[size:]
		}
		return dst, nil
	case h265FU:
		if body[0]&0x80 == 0 {
			return append(dst, body[1:]...), nil
		}
		layer[0] = layer[0]&0x81 | body[0]&0x3f<<1
		return appendUnit(dst, layer, body[1:]), nil
	}
	return appendUnit(dst, layer, body), nil
}

// av1Room is how long the size of an OBU is written that may go on in the next packet: as long
// as any is, so that it can be written when it is known.
const av1Room = 4

// unpackAV1 takes the OBUs of a packet (RTP Payload Format For AV1, section 4).
func (u *Unpacker) unpackAV1(dst, b []byte) ([]byte, error) {
	continued, cut, count := b[0]&0x80 != 0, b[0]&0x40 != 0, int(b[0]>>4&3)
	if continued != (u.open != 0) {
		return dst, ErrMalformed
	}
	b = b[1:]
	for n := 1; len(b) > 0; n++ {
		element, rest, err := av1Element(b, n == count)
		if err != nil {
			return dst, err
		}
		switch {
		case n > 1 || !continued:
			if dst, err = u.openAV1(dst, element); err != nil {
				return dst, err
			}
		case u.open > 0:
			dst = append(dst, element...)
		}
		if b = rest; len(b) > 0 || !cut {
			u.closeAV1(dst)
		}
	}
	return dst, nil
}

// openAV1 begins an OBU, or leaves it out if files need none.
func (u *Unpacker) openAV1(dst, b []byte) ([]byte, error) {
	if kind := b[0] >> 3 & 15; kind == av1Delimiter || kind == av1Tiles || kind == av1Padding {
		u.open = -1
		return dst, nil
	}
	dst = append(dst, b[0]|av1Sized)
	sized := b[0]&av1Sized != 0
	if b = b[1:]; dst[len(dst)-1]&av1Extended != 0 {
		if len(b) == 0 {
			return dst, ErrShort
		}
		dst, b = append(dst, b[0]), b[1:]
	}
	if sized { // it says its length itself, in vain
		var err error
		if _, b, err = leb128(b); err != nil {
			return dst, err
		}
	}
	u.open = len(dst)
	return append(append(dst, make([]byte, av1Room)...), b...), nil
}

// closeAV1 writes how long the open OBU is.
func (u *Unpacker) closeAV1(dst []byte) {
	if u.open > 0 {
		size := len(dst) - u.open - av1Room
		for n := range av1Room {
			dst[u.open+n] = byte(size>>(7*n)) | 0x80
		}
		dst[u.open+av1Room-1] &= 0x7f
	}
	u.open = 0
}
