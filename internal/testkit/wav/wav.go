// Package wav reads and writes the sound files that test clients play and record: 16-bit
// PCM in RIFF/WAVE, and bare G.711 bytes as SIPp plays them.
package wav

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"
)

// Audio is the content of a file.
type Audio struct {
	Rate     int // samples per second and channel
	Channels int
	Samples  []int16 // interleaved
}

// Mono returns the mean of the channels.
func (a *Audio) Mono() []int16 {
	if a.Channels <= 1 {
		return a.Samples
	}
	mono := make([]int16, len(a.Samples)/a.Channels)
	for i := range mono {
		sum := 0
		for c := range a.Channels {
			sum += int(a.Samples[i*a.Channels+c])
		}
		mono[i] = int16(sum / a.Channels)
	}
	return mono
}

// Duration is how long the sound lasts.
func (a *Audio) Duration() time.Duration {
	return time.Duration(len(a.Samples)/a.Channels) * time.Second / time.Duration(a.Rate)
}

// Write stores mono samples at rate in path.
func Write(path string, rate int, samples []int16) error {
	return os.WriteFile(path, Encode(&Audio{Rate: rate, Channels: 1, Samples: samples}), 0o644)
}

// Encode returns the file's bytes.
func Encode(a *Audio) []byte {
	data := 2 * len(a.Samples)
	b := make([]byte, 0, 44+data)
	le := binary.LittleEndian
	b = append(b, "RIFF"...)
	b = le.AppendUint32(b, uint32(36+data))
	b = append(b, "WAVEfmt "...)
	b = le.AppendUint32(b, 16)
	b = le.AppendUint16(b, 1) // PCM
	b = le.AppendUint16(b, uint16(a.Channels))
	b = le.AppendUint32(b, uint32(a.Rate))
	b = le.AppendUint32(b, uint32(a.Rate*a.Channels*2))
	b = le.AppendUint16(b, uint16(a.Channels*2))
	b = le.AppendUint16(b, 16)
	b = append(b, "data"...)
	b = le.AppendUint32(b, uint32(data))
	for _, s := range a.Samples {
		b = le.AppendUint16(b, uint16(s))
	}
	return b
}

// Read loads path.
func Read(path string) (*Audio, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	a, err := Decode(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return a, nil
}

// Decode parses a file's bytes. A recorder that was killed leaves a data chunk of size 0 or
// of more than there is; then the data is all that follows.
func Decode(b []byte) (*Audio, error) {
	if len(b) < 12 || !bytes.Equal(b[:4], []byte("RIFF")) || !bytes.Equal(b[8:12], []byte("WAVE")) {
		return nil, errors.New("not a RIFF/WAVE file")
	}
	a := &Audio{}
	for b = b[12:]; len(b) >= 8; {
		name, size := string(b[:4]), int(binary.LittleEndian.Uint32(b[4:]))
		b = b[8:]
		if name == "data" {
			return a, a.data(b, size)
		}
		if size > len(b) {
			return nil, fmt.Errorf("chunk %q of %d bytes ends after %d", name, size, len(b))
		}
		if name == "fmt " {
			if err := a.format(b[:size]); err != nil {
				return nil, err
			}
		}
		b = b[min(len(b), size+size%2):]
	}
	return nil, errors.New("no data chunk")
}

func (a *Audio) format(b []byte) error {
	if len(b) < 16 {
		return fmt.Errorf("fmt chunk of %d bytes, want 16 or more", len(b))
	}
	le := binary.LittleEndian
	coding, bits := le.Uint16(b), le.Uint16(b[14:])
	if (coding != 1 && coding != 0xfffe) || bits != 16 {
		return fmt.Errorf("coding %d with %d bits, want 16-bit PCM", coding, bits)
	}
	a.Channels, a.Rate = int(le.Uint16(b[2:])), int(le.Uint32(b[4:]))
	if a.Channels == 0 || a.Rate == 0 {
		return fmt.Errorf("%d channels at %d Hz", a.Channels, a.Rate)
	}
	return nil
}

func (a *Audio) data(b []byte, size int) error {
	if a.Rate == 0 {
		return errors.New("data before fmt")
	}
	if size > 0 && size < len(b) {
		b = b[:size]
	}
	a.Samples = make([]int16, len(b)/2)
	for i := range a.Samples {
		a.Samples[i] = int16(binary.LittleEndian.Uint16(b[2*i:]))
	}
	return nil
}
