package codec

import (
	"slices"
	"testing"
)

// TestG711AVX2IsPortable: the assembly gives what the tables give, for every sample and every
// code, and writes no further.
func TestG711AVX2IsPortable(t *testing.T) {
	if !hasAVX2 {
		t.Skip("this processor has no AVX2")
	}
	pcm, codes := make([]int16, 1<<16), make([]byte, 256)
	for i := range pcm {
		pcm[i] = int16(i)
	}
	for i := range codes {
		codes[i] = byte(i)
	}
	for _, c := range []struct {
		name     string
		law      *g711Law
		compress func(*byte, *int16, int)
		expand   func(*int16, *byte, int)
	}{{"µ-law", &mulaw, compressMulawAVX2, expandMulawAVX2}, {"A-law", &alaw, compressAlawAVX2, expandAlawAVX2}} {
		gotCodes, wantCodes := make([]byte, len(pcm)), make([]byte, len(pcm))
		c.compress(&gotCodes[0], &pcm[0], len(pcm)-vector)
		c.law.compressPortable(wantCodes[:len(pcm)-vector], pcm[:len(pcm)-vector])
		for i := range pcm {
			if gotCodes[i] != wantCodes[i] {
				t.Fatalf("%s: %d is %#02x, want %#02x", c.name, pcm[i], gotCodes[i], wantCodes[i])
			}
		}
		c.law.compress(gotCodes, pcm)
		c.law.compressPortable(wantCodes, pcm)
		if !slices.Equal(gotCodes, wantCodes) {
			t.Errorf("%s: the end of a frame is coded otherwise", c.name)
		}
		got, want := make([]int16, 256), make([]int16, 256)
		c.expand(&got[0], &codes[0], 256-vector)
		c.law.expandPortable(want[:256-vector], codes[:256-vector])
		if !slices.Equal(got, want) {
			t.Errorf("%s: codes are\n%v, want\n%v", c.name, got, want)
		}
		c.law.expand(got, codes)
		if c.law.expandPortable(want, codes); !slices.Equal(got, want) {
			t.Errorf("%s: all codes are\n%v, want\n%v", c.name, got, want)
		}
	}
}

// TestG711Portable runs the tests of the codec without the assembly.
func TestG711Portable(t *testing.T) {
	defer func(was bool) { hasAVX2 = was }(hasAVX2)
	hasAVX2 = false
	for name, test := range map[string]func(*testing.T){"KnownValues": TestG711KnownValues, "Codes": TestG711Codes, "Levels": TestInspectLevel} {
		t.Run(name, test)
	}
}
