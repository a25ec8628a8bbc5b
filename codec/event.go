package codec

import (
	"encoding/binary"
	"errors"
)

// Named telephone events, RFC 4733: keys pressed are sent as events beside the sound.

// Codes of events beyond the digits 0 to 9 (RFC 4733 section 3.2).
const (
	EventStar  = 10
	EventPound = 11
	EventA     = 12 // to 15, D
	EventFlash = 16
)

// eventDigits are the characters of the codes 0 to 16; RFC 2833 and SIP INFO bodies write
// flash in various ways, here it is '!'.
const eventDigits = "0123456789*#ABCD!"

// Event is the payload of one telephone-event packet (RFC 4733 section 2.3).
type Event struct {
	Code     uint8  // 0 to 15 the DTMF keys, 16 flash, others are not keys
	End      bool   // the key is up
	Volume   uint8  // power below 0 dBm0 in dB, 0 to 63
	Duration uint16 // since the event's timestamp, in RTP timestamp units
}

var errEvent = errors.New("codec: telephone-event payload wants 4 bytes")

// ParseEvent reads a payload. What comes after the first four bytes is left aside: no
// more than one event is defined in a packet.
func ParseEvent(payload []byte) (Event, error) {
	if len(payload) < 4 {
		return Event{}, errEvent
	}
	return Event{
		Code:     payload[0],
		End:      payload[1]&0x80 != 0,
		Volume:   payload[1] & 0x3f,
		Duration: binary.BigEndian.Uint16(payload[2:]),
	}, nil
}

// AppendEvent appends the payload of e. A volume above 63 is written as 63.
func AppendEvent(dst []byte, e Event) []byte {
	flags := min(e.Volume, 63)
	if e.End {
		flags |= 0x80
	}
	return binary.BigEndian.AppendUint16(append(dst, e.Code, flags), e.Duration)
}

// Digit returns the key's character: '0' to '9', '*', '#', 'A' to 'D', or '!' for flash.
// It reports false for codes that are no key.
func (e Event) Digit() (byte, bool) {
	if int(e.Code) >= len(eventDigits) {
		return 0, false
	}
	return eventDigits[e.Code], true
}

// EventCode returns the code of a key's character, letters in either case, '!' for flash.
func EventCode(digit byte) (uint8, bool) {
	if 'a' <= digit && digit <= 'd' {
		digit -= 'a' - 'A'
	}
	for code := range len(eventDigits) {
		if eventDigits[code] == digit {
			return uint8(code), true
		}
	}
	return 0, false
}
