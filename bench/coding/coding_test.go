//go:build linux

package coding

import (
	"strings"
	"testing"
)

func TestUlawKnownCodes(t *testing.T) {
	for x, want := range map[int16]byte{
		0: 0xff, 7: 0xfe, 8: 0xfe, -8: 0x7e, 132: 0xef, 1000: 0xce,
		32124: 0x80, 32767: 0x80, -32124: 0x00, -32768: 0x00,
	} {
		if got := Code[uint16(x)]; got != want {
			t.Errorf("code of %d is %#02x, want %#02x", x, got, want)
		}
	}
	for c, want := range map[byte]int16{0xff: 0, 0x7f: 0, 0xfe: 8, 0x80: 32124, 0x00: -32124} {
		if got := Linear[c]; got != want {
			t.Errorf("sample of %#02x is %d, want %d", c, got, want)
		}
	}
}

func TestUlawErrsByHalfAStep(t *testing.T) {
	for x := -32124; x <= 32124; x++ {
		code := Code[uint16(int16(x))]
		half := 4 << (^code >> 4 & 7)
		if got := int(Linear[code]); abs(got-x) > half {
			t.Fatalf("%d became %d, more than %d away", x, got, half)
		}
	}
}

func abs(x int) int { return max(x, -x) }

func TestOpusRefusesWhatItDoesNotKnow(t *testing.T) {
	_, err := Opus{Complexity: 11, Bitrate: 32000}.NewEncoder()
	if err == nil || !strings.Contains(err.Error(), "complexity") {
		t.Errorf("complexity: %v", err)
	}
}
