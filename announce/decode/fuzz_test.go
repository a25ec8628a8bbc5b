package decode

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"
)

// FuzzOpen gives any bytes: no panic, no endless loop, nothing longer than allowed.
func FuzzOpen(f *testing.F) { fuzz(f, "") }

// FuzzWave does so with what begins like a WAV.
func FuzzWave(f *testing.F) { fuzz(f, ".wav") }

func fuzz(f *testing.F, suffix string) {
	entries, err := os.ReadDir("testdata")
	if err != nil {
		f.Fatal(err)
	}
	for _, e := range entries {
		if !e.IsDir() && strings.HasSuffix(e.Name(), suffix) {
			f.Add(file(f, e.Name()), false)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, loop bool) {
		if suffix == ".wav" && len(b) >= 12 {
			b = bytes.Clone(b)
			copy(b, "RIFF")
			copy(b[8:], "WAVE")
		}
		play(t, b, loop)
	})
}

// FuzzOpus mends the checksums first, or hardly any input would get past them.
func FuzzOpus(f *testing.F) {
	for _, name := range []string{"mono.opus", "stereo.opus", "vorbis.ogg"} {
		f.Add(file(f, name), true)
	}
	f.Fuzz(func(t *testing.T, b []byte, loop bool) { play(t, mend(bytes.Clone(b)), loop) })
}

// mend gives each page the checksum that it should have.
func mend(b []byte) []byte {
	for rest := b; len(rest) >= 27; {
		n := 27 + int(rest[26])
		for _, l := range rest[27:min(n, len(rest))] {
			n += int(l)
		}
		if n > len(rest) {
			break
		}
		copy(rest, "OggS\x00")
		clear(rest[22:26])
		sum := (&pages{table: &oggTable}).checksum(rest[:n])
		rest[22], rest[23], rest[24], rest[25] = byte(sum), byte(sum>>8), byte(sum>>16), byte(sum>>24)
		rest = rest[n:]
	}
	return b
}

func play(t *testing.T, b []byte, loop bool) {
	const limit = 5 * time.Second
	d, pcm, err := limited(b, loop, limit)
	if d == nil || err != nil {
		return
	}
	if !loop && span(int64(len(pcm)), d.Rate()) > limit+time.Millisecond {
		t.Errorf("%d samples at %d Hz, want %v at most", len(pcm), d.Rate(), limit)
	}
	if len(pcm) == 0 {
		t.Error("no sound and no error")
	}
}

func limited(b []byte, loop bool, limit time.Duration) (*Decoder, []int16, error) {
	d, err := open(b, Options{Loop: loop, MaxDuration: limit, MaxSize: 1 << 20})
	if err != nil {
		return nil, nil, err
	}
	n := 1 << 20
	if loop {
		n = 1 << 15
	}
	pcm, err := drain(d, n)
	return d, pcm, err
}
