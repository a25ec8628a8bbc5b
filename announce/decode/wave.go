package decode

import (
	"bytes"
	"encoding/binary"
	"io"
	"slices"
)

// maxChunks bounds how many chunks may stand before the sound: real files have a handful.
const maxChunks = 256

// fileRates are the sample rates that a WAV may have, Hz.
var fileRates = []int{8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000}

// Codings of the fmt chunk (RFC 2361).
const (
	tagPCM        = 1
	tagFloat      = 3
	tagALaw       = 6
	tagMuLaw      = 7
	tagExtensible = 0xfffe
)

// guidTail is what follows the coding in the sub-format of an extensible fmt chunk.
var guidTail = []byte{0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71}

// wave is a RIFF/WAVE or RF64 file.
type wave struct {
	r          io.ReaderAt
	size       int64
	sampleRate int
	channels   int
	coding     string
	width      int // bytes a sample
	value      func([]byte) int64
	start, end int64 // of the sound, bytes
	at         int64
	long       int64 // size of the data chunk by the ds64 chunk, 0 = none
	buf        []byte
}

// openWave reads the chunks up to the sound.
func openWave(r io.ReaderAt, size int64) (*wave, error) {
	w := &wave{r: r, size: size, buf: make([]byte, 16<<10)}
	at := int64(12)
	for range maxChunks {
		var head [8]byte
		if err := w.readAt(head[:], at, "a chunk's head"); err != nil {
			return nil, err
		}
		name, n := string(head[:4]), int64(binary.LittleEndian.Uint32(head[4:]))
		at += 8
		done, err := w.chunk(name, at, n)
		if done || err != nil {
			return w, err
		}
		at += n + n%2
	}
	return nil, malformed(at, "no sound in the first %d chunks, want a data chunk", maxChunks)
}

// chunk takes what a chunk of n bytes at an offset says; done is true at the sound.
func (w *wave) chunk(name string, at, n int64) (done bool, err error) {
	switch name {
	case "fmt ":
		b := make([]byte, min(n, 40))
		if err := w.readAt(b, at, "the fmt chunk"); err != nil {
			return false, err
		}
		return false, w.format(b, at)
	case "ds64":
		var b [16]byte
		if err := w.readAt(b[:], at, "the ds64 chunk"); err != nil {
			return false, err
		}
		w.long = int64(binary.LittleEndian.Uint64(b[8:]))
	case "data":
		return true, w.data(at, n)
	}
	return false, nil
}

// readAt fills b; what is missing is the file's fault.
func (w *wave) readAt(b []byte, at int64, what string) error {
	n, err := w.r.ReadAt(b, at)
	if n == len(b) {
		return nil
	}
	if err == io.EOF {
		return malformed(at, "the file ends after %d bytes, before %s is complete: was it cut off?", w.size, what)
	}
	return err
}

func (w *wave) format(b []byte, at int64) error {
	if len(b) < 16 {
		return malformed(at, "fmt chunk of %d bytes, want 16 or more", len(b))
	}
	le := binary.LittleEndian
	tag, align, bits := int(le.Uint16(b)), int(le.Uint16(b[12:])), int(le.Uint16(b[14:]))
	w.channels, w.sampleRate = int(le.Uint16(b[2:])), int(le.Uint32(b[4:]))
	if tag == tagExtensible {
		if len(b) < 40 || !bytes.Equal(b[26:40], guidTail) {
			return unsupported("WAV with an extensible format that is no plain coding, want PCM, float, A-law or µ-law")
		}
		tag = int(le.Uint16(b[24:]))
	}
	if err := w.code(tag, bits); err != nil {
		return err
	}
	switch {
	case w.channels < 1 || w.channels > 8:
		return unsupported("WAV of %d channels, want 1 to 8", w.channels)
	case !slices.Contains(fileRates, w.sampleRate):
		return unsupported("WAV at %d Hz, want one of %d", w.sampleRate, fileRates)
	case align != w.channels*w.width:
		return malformed(at, "frames of %d bytes, want %d for %d channels of %d bits", align, w.channels*w.width, w.channels, bits)
	}
	return nil
}

// code sets how samples are coded.
func (w *wave) code(tag, bits int) error {
	for _, c := range waveCodings {
		if c.tag == tag && c.bits == bits {
			w.coding, w.width, w.value = c.name, bits/8, c.value
			return nil
		}
	}
	return unsupported("WAV with coding %d of %d bits, want PCM (1) of 8, 16, 24 or 32, float (3) of 32, A-law (6) or µ-law (7) of 8", tag, bits)
}

// unfinished are the sizes that a program leaves which wrote to a pipe or was killed.
func unfinished(n int64) bool { return n == 0 || n >= 0x7ffff000 }

// data settles where the sound is.
func (w *wave) data(at, n int64) error {
	if w.value == nil {
		return malformed(at, "sound before its format, want the fmt chunk before the data chunk")
	}
	if n == 0xffffffff && w.long > 0 {
		n = w.long
	}
	rest := w.size - at
	if n > rest {
		if !unfinished(n) || w.long > 0 {
			return malformed(at, "%d bytes of sound announced, but the file has only %d more: was it cut off?", n, rest)
		}
		n = rest
	}
	if n == 0 {
		n = rest
	}
	frame := int64(w.channels * w.width)
	n -= n % frame
	if n <= 0 {
		return malformed(at, "it holds no sound")
	}
	w.start, w.end, w.at = at, at+n, at
	return nil
}

func (w *wave) read(pcm []int16) (int, error) {
	frame := w.channels * w.width
	want := min(len(pcm), len(w.buf)/frame, int((w.end-w.at)/int64(frame)))
	if want == 0 {
		return 0, io.EOF
	}
	b := w.buf[:want*frame]
	if err := w.readAt(b, w.at, "the sound"); err != nil {
		return 0, err
	}
	w.at += int64(len(b))
	for i := range want {
		pcm[i] = w.mean(b[i*frame : (i+1)*frame])
	}
	return want, nil
}

// mean is one frame mixed down.
func (w *wave) mean(frame []byte) int16 {
	sum := int64(0)
	for ; len(frame) > 0; frame = frame[w.width:] {
		sum += w.value(frame)
	}
	v := (sum/int64(w.channels) + 1<<15) >> 16
	return int16(min(v, 1<<15-1))
}

func (w *wave) rewind() error {
	w.at = w.start
	return nil
}

func (w *wave) rate() int { return w.sampleRate }

func (w *wave) info() Info {
	frames := (w.end - w.start) / int64(w.channels*w.width)
	return Info{Container: "wav", Coding: w.coding, SampleRate: w.sampleRate, Channels: w.channels,
		Duration: span(frames, w.sampleRate)}
}
