package codec

import (
	"bytes"
	"math"
	"testing"

	"github.com/confd/confd/media"
)

func TestCNPayload(t *testing.T) {
	for level := range media.Level(128) {
		got, err := ParseCN(AppendCN(nil, level))
		if got != level || err != nil {
			t.Errorf("level %d: %d, %v", level, got, err)
		}
	}
	if got, err := ParseCN([]byte{60, 0x80, 0x7f}); got != 60 || err != nil {
		t.Errorf("with a spectrum: %d, %v", got, err)
	}
	for _, p := range [][]byte{nil, {128}, {255, 1}} {
		if _, err := ParseCN(p); err == nil {
			t.Errorf("%v is taken", p)
		}
	}
	if got := AppendCN([]byte{1}, 200); !bytes.Equal(got, []byte{1, 127}) {
		t.Errorf("beyond silence: %v", got)
	}
}

func TestNoiseLevel(t *testing.T) {
	pcm := make([]int16, 48000)
	for level := media.Level(6); level <= 80; level++ {
		var g NoiseGenerator
		g.Fill(pcm[:160], level)
		g.Fill(pcm, level)
		r := rms(pcm) / 32768
		if got := -20 * math.Log10(r); math.Abs(got-float64(level)) > 1 {
			t.Errorf("level %d comes out at %.1f", level, got)
		}
	}
	var g NoiseGenerator
	g.Fill(pcm[:160], 40)
	g.Fill(pcm[:160], media.Silence)
	g.Fill(pcm, media.Silence)
	if rms(pcm) != 0 {
		t.Error("silence is not silent")
	}
}

// TestNoiseGlides: from a loud to a faint level there is no jump.
func TestNoiseGlides(t *testing.T) {
	var g NoiseGenerator
	pcm := make([]int16, 960)
	g.Fill(pcm, 30)
	g.Fill(pcm, 50)
	for i, want := range []float64{1, 0.775, 0.55, 0.325} {
		part := pcm[i*240:][:240]
		full := 32768 * math.Pow(10, -1.5)
		if got := rms(part) / full; math.Abs(got-want+0.1125) > 0.12 {
			t.Errorf("quarter %d at %.2f of the old level", i, got)
		}
	}
}

func TestNoiseIsDeterministic(t *testing.T) {
	var a, b NoiseGenerator
	x, y := make([]int16, 320), make([]int16, 320)
	a.Fill(x, 50)
	b.Fill(y, 50)
	sameSamples(t, y, x)
	a.Fill(x, 50)
	if bytes.Equal(bytesOf(x), bytesOf(y)) {
		t.Error("the noise repeats")
	}
	if n := testing.AllocsPerRun(10, func() { a.Fill(x, 50) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestEvents(t *testing.T) {
	for _, e := range []Event{{}, {Code: 5, Volume: 10, Duration: 160}, {Code: 255, End: true, Volume: 63, Duration: 65535}} {
		got, err := ParseEvent(AppendEvent(nil, e))
		if got != e || err != nil {
			t.Errorf("%+v: %+v, %v", e, got, err)
		}
	}
	if got := AppendEvent(nil, Event{Code: 11, End: true, Volume: 99, Duration: 0x1234}); !bytes.Equal(got, []byte{11, 0xbf, 0x12, 0x34}) {
		t.Errorf("% x", got)
	}
	if got, err := ParseEvent([]byte{1, 0x4a, 0, 160, 7, 7}); err != nil || got != (Event{Code: 1, Volume: 10, Duration: 160}) {
		t.Errorf("reserved bit and more data: %+v, %v", got, err)
	}
	for n := range 4 {
		if _, err := ParseEvent(make([]byte, n)); err == nil {
			t.Errorf("%d bytes are taken", n)
		}
	}
}

func TestEventDigits(t *testing.T) {
	for code, want := range map[uint8]byte{0: '0', 9: '9', EventStar: '*', EventPound: '#', EventA: 'A', 15: 'D', EventFlash: '!'} {
		if got, ok := (Event{Code: code}).Digit(); got != want || !ok {
			t.Errorf("%d is %q", code, got)
		}
		if got, ok := EventCode(want); got != code || !ok {
			t.Errorf("%q is %d", want, got)
		}
	}
	if _, ok := (Event{Code: 17}).Digit(); ok {
		t.Error("17 is a key")
	}
	if got, ok := EventCode('d'); got != 15 || !ok {
		t.Error("a small letter is no key")
	}
	for _, c := range []byte{'e', 'E', ' ', 0, '/', ':'} {
		if _, ok := EventCode(c); ok {
			t.Errorf("%q is a key", c)
		}
	}
}
