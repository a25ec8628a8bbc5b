package mixer

import (
	"time"

	"github.com/confd/confd/media"
)

// still is the digital silence of a class: a lone caller's, or a room in which nobody
// speaks. Once the codec has forgotten what was before, the same payload says it every
// time and no encoder runs.
type still struct {
	zeros  int  // packet times of nothing but zeros
	canned bool // the encoder was left behind
}

// stand returns the payload that stands for pcm, or nil if pcm must be encoded.
func (s *still) stand(h *hand, pcm []int16, k *class) []byte {
	for _, v := range pcm {
		if v != 0 {
			return s.sound(k)
		}
	}
	s.zeros++
	f := k.key.format
	switch f.Codec {
	case media.PCMU:
		return fill(h, len(pcm), 0xff)
	case media.PCMA:
		return fill(h, len(pcm), 0xd5)
	case media.L16:
		return fill(h, 2*f.Channels*len(pcm), 0)
	case media.Opus:
		if f.Opus.DTX || time.Duration(s.zeros)*f.PacketTime < opusForgets {
			return nil
		}
		s.canned = true
		return opusSilence(f.PacketTime)
	}
	return nil
}

// opusForgets is after how much silence an Opus decoder may be told of it by a packet that
// the encoder did not make.
const opusForgets = time.Second

// sound ends the silence: an encoder that was left behind starts anew.
func (s *still) sound(k *class) []byte {
	if s.canned {
		// Reset fails only for an encoder that was never made.
		_ = k.enc.Reset()
	}
	*s = still{}
	return nil
}

func fill(h *hand, n int, v byte) []byte {
	data := sized(h.payload, n)
	for i := range data {
		data[i] = v
	}
	h.payload = data[:0]
	return data
}

// CELT-only packets of narrow band with the silence flag set (RFC 6716 sections 3.1, 3.2
// and 4.3), for one, two and three frames.
var (
	opusSilence10 = []byte{18 << 3, 0xff, 0xfe}
	opusSilence20 = []byte{19 << 3, 0xff, 0xfe}
	opusSilence40 = []byte{19<<3 | 1, 0xff, 0xfe, 0xff, 0xfe}
	opusSilence60 = []byte{19<<3 | 3, 3, 0xff, 0xfe, 0xff, 0xfe, 0xff, 0xfe}
)

// opusSilence returns a packet of silence, nil if there is none of that packet time.
func opusSilence(d time.Duration) []byte {
	switch d {
	case 10 * time.Millisecond:
		return opusSilence10
	case 20 * time.Millisecond:
		return opusSilence20
	case 40 * time.Millisecond:
		return opusSilence40
	case 60 * time.Millisecond:
		return opusSilence60
	}
	return nil
}
