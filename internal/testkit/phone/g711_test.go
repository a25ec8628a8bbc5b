package phone

import (
	"math"
	"testing"

	"github.com/confd/confd/internal/testkit/wav"
)

// TestG711RoundTrip holds the error of every sample against the half step of its segment,
// and some bytes against the tables of ITU-T G.711.
func TestG711RoundTrip(t *testing.T) {
	for s := -32768; s <= 32767; s++ {
		in := []int16{int16(s)}
		step := math.Max(16, math.Abs(float64(s))/16)
		if got := decodeMu(wav.EncodeMuLaw(in)[0]); math.Abs(float64(got)-float64(s)) > step/2+20 {
			t.Fatalf("mu-law: %d became %d", s, got)
		}
		if got := decodeA(wav.EncodeALaw(in)[0]); math.Abs(float64(got)-float64(s)) > step/2+20 {
			t.Fatalf("A-law: %d became %d", s, got)
		}
	}
	for s, want := range map[int16][2]byte{0: {0xff, 0xd5}, -1: {0x7f, 0x55}, 32767: {0x80, 0xaa}, -32768: {0x00, 0x2a}, 1000: {0xce, 0xfa}} {
		in := []int16{s}
		if mu, a := wav.EncodeMuLaw(in)[0], wav.EncodeALaw(in)[0]; mu != want[0] || a != want[1] {
			t.Errorf("%d is %#02x and %#02x, want %#02x and %#02x", s, mu, a, want[0], want[1])
		}
	}
}
