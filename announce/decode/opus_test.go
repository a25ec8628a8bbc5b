package decode

import (
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/confd/confd/internal/testkit/tone"
)

// The files of ffmpeg and sox: what they are, how long, how loud.
func TestFiles(t *testing.T) {
	for _, c := range []struct {
		name    string
		want    Info
		rate    int
		samples int
		level   float64
		within  float64
	}{
		{"ulaw_8k.wav", Info{"wav", "pcmu", 8000, 1, 150 * time.Millisecond}, 8000, 1200, -18.06, 0.2},
		{"alaw_8k.wav", Info{"wav", "pcma", 8000, 1, 150 * time.Millisecond}, 8000, 1200, -18.06, 0.2},
		{"u8_8k.wav", Info{"wav", "pcm", 8000, 1, 150 * time.Millisecond}, 8000, 1200, -18.06, 0.2},
		{"s16_8k_stereo.wav", Info{"wav", "pcm", 8000, 2, 150 * time.Millisecond}, 8000, 1200, -21.07, 0.2},
		{"f32_8k.wav", Info{"wav", "float", 8000, 1, 150 * time.Millisecond}, 8000, 1200, -18.06, 0.2},
		{"rf64_8k.wav", Info{"wav", "pcm", 8000, 1, 150 * time.Millisecond}, 8000, 1200, -18.06, 0.2},
		{"pipe_8k.wav", Info{"wav", "pcm", 8000, 1, 150 * time.Millisecond}, 8000, 1200, -18.06, 0.2},
		{"s24_96k_3ch.wav", Info{"wav", "pcm", 96000, 3, 20 * time.Millisecond}, 48000, 960, -20, 0.4},
		{"mono.opus", Info{"ogg", "opus", 12000, 1, 150 * time.Millisecond}, 16000, 2400, -18.06, 1.5},
		{"stereo.opus", Info{"ogg", "opus", 48000, 2, 150 * time.Millisecond}, 48000, 7200, -21.07, 1.5},
	} {
		d, pcm, err := all(file(t, c.name), Options{})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if d.Info() != c.want || d.Rate() != c.rate || len(pcm) != c.samples {
			t.Errorf("%s: %+v, %d samples at %d Hz, want %+v, %d at %d", c.name, d.Info(), len(pcm), d.Rate(), c.want, c.samples, c.rate)
		}
		if l := tone.Level(pcm, d.Rate(), 1000); math.Abs(l-c.level) > c.within {
			t.Errorf("%s: 1 kHz at %.2f dB, want %.2f", c.name, l, c.level)
		}
	}
}

// The end is where the last page says, the beginning behind the pre-skip.
func TestOpusTrimming(t *testing.T) {
	whole := take(t, file(t, "stereo.opus"))
	_, full, err := all(file(t, "stereo.opus"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	last := len(whole) - 1

	trimmed := slices.Clone(whole)
	trimmed[last].granule -= 123
	d, pcm, err := all(ogg(trimmed...), Options{})
	if err != nil || !slices.Equal(pcm, full[:len(full)-123]) || d.Length() != span(int64(len(pcm)), 48000) {
		t.Errorf("end 123 samples earlier: %d samples, %v, want %d", len(pcm), err, len(full)-123)
	}

	skipped := slices.Clone(whole)
	skipped[0].body = slices.Clone(whole[0].body)
	skip := int(whole[0].body[10]) + int(whole[0].body[11])<<8
	skipped[0].body[10], skipped[0].body[11] = byte(skip+100), byte((skip+100)>>8)
	if _, pcm, err = all(ogg(skipped...), Options{}); err != nil || !slices.Equal(pcm, full[100:]) {
		t.Errorf("pre-skip 100 samples longer: %d samples, %v, want %d", len(pcm), err, len(full)-100)
	}

	// A stream that was recorded from its middle counts from elsewhere.
	moved := slices.Clone(whole)
	for i := 2; i < len(moved); i++ {
		moved[i].granule += 1 << 40
	}
	if d, pcm, err = all(ogg(moved...), Options{}); err != nil || !slices.Equal(pcm, full) || d.Length() != 150*time.Millisecond {
		t.Errorf("positions from 2^40 on: %d samples, %v", len(pcm), err)
	}

	// Without a last page all that is there is played.
	open := slices.Clone(whole)
	open[last].flags &^= pageLast
	if _, pcm, err = all(ogg(open...), Options{}); err != nil || len(pcm) < len(full) {
		t.Errorf("no last page: %d samples, %v, want %d or more", len(pcm), err, len(full))
	}
}

func TestOpusGain(t *testing.T) {
	list := take(t, file(t, "stereo.opus"))
	_, plain, _ := all(file(t, "stereo.opus"), Options{})
	list[0].body[16], list[0].body[17] = 0, 0xfa // -6 dB
	_, quiet, err := all(ogg(list...), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := tone.Level(quiet, 48000, 1000) - tone.Level(plain, 48000, 1000); math.Abs(got+6) > 0.05 {
		t.Errorf("gain %.2f dB, want -6", got)
	}
	list[0].body[16], list[0].body[17] = 0, 0x30 // +48 dB
	_, loud, err := all(ogg(list...), Options{})
	if err != nil || slices.Max(loud) != math.MaxInt16 {
		t.Errorf("gain of 48 dB: peak %d, %v, want it to saturate", slices.Max(loud), err)
	}
}

// Packets may go over pages in any way.
func TestOpusLacing(t *testing.T) {
	whole := take(t, file(t, "stereo.opus"))
	_, want, _ := all(file(t, "stereo.opus"), Options{})
	list := whole[:2:2]
	number := whole[2].number
	for _, p := range whole[2:] {
		// The last packet of the page goes over two: padded (RFC 6716 section 3.2.5) to
		// more than 255 bytes, so that a page can end in its middle.
		n := len(p.lacing)
		lastLen := int(p.lacing[n-1])
		packet := pad(p.body[len(p.body)-lastLen:])
		before := oggPage{p.flags &^ pageLast, noGranule, p.serial, number, append(slices.Clone(p.lacing[:n-1]), 255),
			append(slices.Clone(p.body[:len(p.body)-lastLen]), packet[:255]...)}
		if n > 1 {
			before.granule = p.granule - 960
		}
		after := oggPage{p.flags | pageContinued, p.granule, p.serial, number + 1, []byte{byte(len(packet) - 255)}, packet[255:]}
		number += 2
		list = append(list, before, after)
	}
	_, pcm, err := all(ogg(list...), Options{})
	if err != nil || !slices.Equal(pcm, want) {
		t.Errorf("%d samples, %v, want the %d of the plain file", len(pcm), err, len(want))
	}
}

// pad makes a code 3 packet with padding of a code 0 packet.
func pad(packet []byte) []byte {
	b := append([]byte{packet[0] | 3, 0x41, 254}, packet[1:]...)
	return append(b, make([]byte, 254)...)
}

func TestOpusLoops(t *testing.T) {
	_, once, _ := all(file(t, "stereo.opus"), Options{})
	d, err := open(file(t, "stereo.opus"), Options{Loop: true})
	if err != nil {
		t.Fatal(err)
	}
	pcm, err := drain(d, 3*len(once))
	if err != nil || !slices.Equal(pcm[len(once):2*len(once)], once) || !slices.Equal(pcm[2*len(once):], once) {
		t.Errorf("three passes: %d samples, %v, want each the same", len(pcm), err)
	}
}

// A stream without sound is refused also where it is looped.
func TestNoSoundIsNoLoop(t *testing.T) {
	list := take(t, file(t, "stereo.opus"))
	list[0].body[10], list[0].body[11] = 0xff, 0xff
	for _, loop := range []bool{false, true} {
		want := ErrMalformed
		if loop {
			want = ErrUnsupported
		}
		if _, _, err := all(ogg(list...), Options{Loop: loop}); !errors.Is(err, want) {
			t.Errorf("loop %v: %v, want %v", loop, err, want)
		}
	}
}
