package codec

import (
	"math"
	"testing"
	"time"

	"github.com/confd/confd/media"
)

// TestG711KnownValues are from ITU-T G.711, tables 1 and 2, at 16 bits.
func TestG711KnownValues(t *testing.T) {
	for _, c := range []struct {
		law  *g711Law
		code byte
		want int16
	}{
		{&mulaw, 0xff, 0}, {&mulaw, 0x7f, 0}, {&mulaw, 0x80, 32124}, {&mulaw, 0x00, -32124},
		{&mulaw, 0xfe, 8}, {&mulaw, 0xef, 132}, {&mulaw, 0x8f, 16764},
		{&alaw, 0xd5, 8}, {&alaw, 0x55, -8}, {&alaw, 0xaa, 32256}, {&alaw, 0x2a, -32256},
		{&alaw, 0xd4, 24}, {&alaw, 0xc5, 264}, {&alaw, 0x85, 4224},
	} {
		if got := c.law.sound[c.code]; got != c.want {
			t.Errorf("%#02x is %d, want %d", c.code, got, c.want)
		}
	}
}

// TestG711Codes: every code is the code of its own sound (of µ-law's two zeros one), and
// every sample gets one of the nearest codes, the four that share an entry aside.
func TestG711Codes(t *testing.T) {
	for _, c := range []struct {
		name string
		*g711Law
	}{{"µ-law", &mulaw}, {"A-law", &alaw}} {
		for code, v := range c.sound {
			if got := c.code[uint16(v)>>2]; int(got) != code && c.sound[got] != v {
				t.Errorf("%s: %#02x sounds as %d, whose code is %#02x", c.name, code, v, got)
			}
		}
		for v := math.MinInt16; v <= math.MaxInt16; v++ {
			got := distance(v, c.sound[c.code[uint16(v)>>2]])
			nearest := 1 << 16
			if v%37 == 0 {
				for _, d := range c.sound {
					nearest = min(nearest, distance(v, d))
				}
				if got > nearest+4 {
					t.Fatalf("%s: %d is off by %d, could be by %d", c.name, v, got, nearest)
				}
			}
		}
	}
	if mulaw.code[0] != 0xff || alaw.code[0] != 0xd5 {
		t.Errorf("silence is %#02x and %#02x, want 0xff and 0xd5", mulaw.code[0], alaw.code[0])
	}
}

func distance(v int, d int16) int {
	return max(v-int(d), int(d)-v)
}

// TestG711AgainstFFmpeg: decoding is the same for every code; encoding is for all samples
// but those halfway between two codes.
func TestG711AgainstFFmpeg(t *testing.T) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	ramp := make([]int16, 65536)
	for i := range ramp {
		ramp[i] = int16(i)
	}
	for _, c := range []struct {
		name string
		f    media.Format
	}{{"mulaw", pcmFormats[0]}, {"alaw", pcmFormats[1]}} {
		pcm := samplesOf(ffmpeg(t, all, "-f", c.name, "-ar", "8000", "-ac", "1", "-i", "-", "-f", "s16le", "-"))
		got := make([]int16, 256)
		c.f.PacketTime = 32 * time.Millisecond
		if _, err := newDecoder(t, c.f).Decode(got, all); err != nil {
			t.Fatal(err)
		}
		sameSamples(t, got, pcm)

		want := ffmpeg(t, bytesOf(ramp), "-f", "s16le", "-ar", "8000", "-ac", "1", "-i", "-", "-f", c.name, "-")
		e := newEncoder(t, c.f, Options{})
		table := newDecoder(t, c.f).(*concealer).wave.(g711Decoder).law.sound
		for at := 0; at < len(ramp); at += 256 {
			for i, code := range encode(t, e, ramp[at:][:256]) {
				v := int(ramp[at+i])
				if ours, theirs := distance(v, table[code]), distance(v, table[want[at+i]]); ours > theirs+4 {
					t.Fatalf("%s: %d is off by %d, ffmpeg's by %d", c.name, v, ours, theirs)
				}
			}
		}
	}
}
