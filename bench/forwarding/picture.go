//go:build linux

package forwarding

import (
	"encoding/binary"
	"math/rand/v2"

	"github.com/pion/rtp"
)

// keyFactor is how many times larger a key frame is than other pictures.
const keyFactor = 5

// camera makes the packets of one sender: VP8 as RFC 7741 has it on the outside, noise inside.
type camera struct {
	header  rtp.Header
	noise   []byte
	picture uint16 // as its payload descriptors count
	number  uint32 // the same without end; the last four bytes of each packet
	size    int    // bytes of a picture that is no key frame
}

// PayloadType is that of the pictures, which are VP8.
const PayloadType = 96

func newCamera(c Case, index int) *camera {
	k := &camera{
		header: rtp.Header{Version: 2, PayloadType: PayloadType, SSRC: uint32(0x10000 + index), SequenceNumber: uint16(1000 * index)},
		size:   c.Bitrate / 8 / PictureRate,
	}
	random := rand.New(rand.NewPCG(uint64(index), 1))
	k.noise = make([]byte, PacketSize)
	for i := range k.noise {
		k.noise[i] = byte(random.Uint32())
	}
	return k
}

// next writes the packets of the next picture.
func (k *camera) next(key bool, packets [][]byte) [][]byte {
	left := k.size
	if key {
		left *= keyFactor
	}
	for first := true; left > 0; first = false {
		n := min(left, PacketSize)
		left -= n
		k.header.Marker = left == 0
		b := make([]byte, 0, 12+PacketSize)
		b = k.head(b)
		b = append(b, k.describe(first, key)...)
		b = append(b, k.noise[:max(n-(len(b)-12), 4)]...)
		binary.BigEndian.PutUint32(b[len(b)-4:], k.number)
		packets = append(packets, b)
		k.header.SequenceNumber++
	}
	k.header.Timestamp += 90_000 / PictureRate
	k.picture = (k.picture + 1) & 0x7fff
	k.number++
	return packets
}

// head appends the RTP header.
func (k *camera) head(b []byte) []byte {
	b = b[:12]
	_, _ = k.header.MarshalTo(b)
	return b
}

// describe is the payload descriptor, and of the first packet the frame header too.
func (k *camera) describe(first, key bool) []byte {
	d := []byte{0x80, 0x80, 0, 0} // X, and I of the extension
	binary.BigEndian.PutUint16(d[2:], 0x8000|k.picture)
	if !first {
		return d
	}
	d[0] |= 0x10 // S, partition 0
	if !key {
		return append(d, 0x11, 0, 0)
	}
	return append(d, 0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01) // 640 x 360
}
