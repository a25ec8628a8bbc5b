package codec

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/confd/confd/media"
)

var g722Format = media.Format{Codec: media.G722, ClockRate: 8000, SampleRate: 16000, Channels: 1, PacketTime: 20 * time.Millisecond}

// g722Inputs are sounds that reach the corners: overload, silence, steps, noise.
func g722Inputs() map[string][]int16 {
	const n = 16000
	r := rand.New(rand.NewPCG(5, 6))
	in := map[string][]int16{
		"tones": make([]int16, n), "noise": make([]int16, n), "steps": make([]int16, n),
		"silence": make([]int16, n), "loud": make([]int16, n), "buzz": speechLike(n, 16000),
	}
	for i := range n {
		at := float64(i) / 16000
		sweep := math.Sin(2 * math.Pi * (100*at + 3500*at*at))
		in["tones"][i] = int16(12000*sweep + 3000*math.Sin(2*math.Pi*1000*at))
		in["noise"][i] = int16(3000 * r.NormFloat64() * at)
		in["steps"][i] = int16(r.IntN(65536) - 32768)
		in["loud"][i] = math.MaxInt16
		if i/40%2 == 0 {
			in["loud"][i] = math.MinInt16
		}
	}
	for i := n / 2; i < n; i++ {
		in["silence"][i] = int16(i & 1)
		in["steps"][i] = in["steps"][i/100*100]
	}
	return in
}

func encodeG722(t testing.TB, pcm []int16) []byte {
	t.Helper()
	e := newEncoder(t, g722Format, Options{})
	var out []byte
	for ; len(pcm) >= 320; pcm = pcm[320:] {
		out = append(out, encode(t, e, pcm[:320])...)
	}
	return out
}

// decodeG722 goes by packets of uneven lengths.
func decodeG722(t testing.TB, codes []byte) []int16 {
	t.Helper()
	d := newDecoder(t, g722Format)
	var out []int16
	pcm := make([]int16, MaxFrame)
	for i := 0; len(codes) > 0; i++ {
		k := min(len(codes), 1+i*53%400)
		n, err := d.Decode(pcm, codes[:k])
		if err != nil || n != 2*k {
			t.Fatalf("%d bytes: %d samples, %v", k, n, err)
		}
		out = append(out, pcm[:n]...)
		codes = codes[k:]
	}
	return out
}

func bytesOf(pcm []int16) []byte {
	out := make([]byte, 0, 2*len(pcm))
	for _, s := range pcm {
		out = binary.LittleEndian.AppendUint16(out, uint16(s))
	}
	return out
}

func samplesOf(b []byte) []int16 {
	out := make([]int16, len(b)/2)
	for i := range out {
		out[i] = int16(binary.LittleEndian.Uint16(b[2*i:]))
	}
	return out
}

// ffmpeg pipes data through the program, which is the foreign implementation.
func ffmpeg(t *testing.T, data []byte, args ...string) []byte {
	t.Helper()
	path, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("ffmpeg is not installed: only the golden files were compared")
	}
	cmd := exec.Command(path, append([]string{"-hide_banner", "-loglevel", "error"}, args...)...)
	cmd.Stdin = bytes.NewReader(data)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ffmpeg %v: %v", args, err)
	}
	return out
}

func ffmpegEncodeG722(t *testing.T, pcm []int16) []byte {
	return ffmpeg(t, bytesOf(pcm), "-f", "s16le", "-ar", "16000", "-ac", "1", "-i", "-", "-f", "g722", "-")
}

func ffmpegDecodeG722(t *testing.T, codes []byte) []int16 {
	return samplesOf(ffmpeg(t, codes, "-f", "g722", "-i", "-", "-f", "s16le", "-"))
}

func TestG722AgainstFFmpeg(t *testing.T) {
	for name, pcm := range g722Inputs() {
		t.Run(name, func(t *testing.T) {
			want := ffmpegEncodeG722(t, pcm)
			sameBytes(t, "code", encodeG722(t, pcm), want)
			sameSamples(t, decodeG722(t, want), ffmpegDecodeG722(t, want))
		})
	}
	t.Run("random codes", func(t *testing.T) {
		codes := randomBytes(20000)
		sameSamples(t, decodeG722(t, codes), ffmpegDecodeG722(t, codes))
	})
}

func randomBytes(n int) []byte {
	r := rand.New(rand.NewPCG(7, 8))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func sameBytes(t *testing.T, what string, got, want []byte) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d bytes, want %d", what, len(got), len(want))
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("%s: byte %d is %#02x, want %#02x", what, i, got[i], want[i])
		}
	}
}

func sameSamples(t *testing.T, got, want []int16) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d samples, want %d", len(got), len(want))
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("sample %d is %d, want %d", i, got[i], want[i])
		}
	}
}

// TestG722Golden compares with what ffmpeg wrote: for every NAME.pcm (16-bit little-endian,
// 16 kHz) NAME.g722 is its code, and NAME.dec the code decoded again. testdata/README
// says how they were made.
func TestG722Golden(t *testing.T) {
	files, err := filepath.Glob("testdata/g722/*.pcm")
	if err != nil || len(files) < 3 {
		t.Fatalf("%d golden files (%v), want at least 3", len(files), err)
	}
	for _, file := range files {
		base := file[:len(file)-len(".pcm")]
		t.Run(filepath.Base(base), func(t *testing.T) {
			codes := read(t, base+".g722")
			sameBytes(t, "code", encodeG722(t, samplesOf(read(t, file))), codes)
			sameSamples(t, decodeG722(t, codes), samplesOf(read(t, base+".dec")))
		})
	}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
