package decode

import (
	"bytes"
	"encoding/binary"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// file returns a file of testdata.
func file(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func open(b []byte, o Options) (*Decoder, error) {
	return Open(bytes.NewReader(b), int64(len(b)), o)
}

// all decodes a whole file, in pieces of odd lengths.
func all(b []byte, o Options) (*Decoder, []int16, error) {
	d, err := open(b, o)
	if err != nil {
		return nil, nil, err
	}
	pcm, err := drain(d, math.MaxInt)
	return d, pcm, err
}

// drain reads to the end or until it has n samples.
func drain(d *Decoder, n int) (pcm []int16, err error) {
	buf := make([]int16, 1357)
	for len(pcm) < n {
		got, err := d.Read(buf[:min(len(buf), n-len(pcm))])
		pcm = append(pcm, buf[:got]...)
		if err == io.EOF {
			return pcm, nil
		}
		if err != nil {
			return pcm, err
		}
	}
	return pcm, nil
}

// waveOf makes a WAV of a sound that is given as a function of time and channel, -1 to 1.
func waveOf(tag, bits, channels, rate, frames int, sound func(t float64, channel int) float64) []byte {
	data := []byte{}
	for i := range frames {
		for c := range channels {
			data = appendSample(data, tag, bits, sound(float64(i)/float64(rate), c))
		}
	}
	return riff(chunk("fmt ", fmtChunk(tag, bits, channels, rate)), chunk("data", data))
}

func fmtChunk(tag, bits, channels, rate int) []byte {
	le := binary.LittleEndian
	b := le.AppendUint16(nil, uint16(tag))
	b = le.AppendUint16(b, uint16(channels))
	b = le.AppendUint32(b, uint32(rate))
	b = le.AppendUint32(b, uint32(rate*channels*bits/8))
	b = le.AppendUint16(b, uint16(channels*bits/8))
	return le.AppendUint16(b, uint16(bits))
}

// extensible wraps a fmt chunk.
func extensible(b []byte) []byte {
	out := append([]byte{0xfe, 0xff}, b[2:]...)
	out = append(out, 22, 0, b[14], b[15], 0, 0, 0, 0, b[0], b[1])
	return append(out, guidTail...)
}

func appendSample(b []byte, tag, bits int, v float64) []byte {
	le := binary.LittleEndian
	if tag == tagFloat {
		return le.AppendUint32(b, math.Float32bits(float32(v)))
	}
	n := int64(math.Round(v * float64(int64(1)<<(bits-1)-1)))
	if bits == 8 {
		return append(b, byte(n+128))
	}
	return append(b, le.AppendUint32(nil, uint32(n))[:bits/8]...)
}

func chunk(name string, data []byte) []byte {
	b := binary.LittleEndian.AppendUint32([]byte(name), uint32(len(data)))
	b = append(b, data...)
	if len(data)%2 != 0 {
		b = append(b, 0)
	}
	return b
}

func riff(chunks ...[]byte) []byte {
	b := append([]byte("WAVE"), bytes.Join(chunks, nil)...)
	return append(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(b))), b...)
}

// oggPage is one page of a file under test.
type oggPage struct {
	flags   byte
	granule int64
	serial  uint32
	number  uint32
	lacing  []byte
	body    []byte
}

func (p oggPage) bytes() []byte {
	le := binary.LittleEndian
	b := append([]byte("OggS\x00"), p.flags)
	b = le.AppendUint64(b, uint64(p.granule))
	b = le.AppendUint32(b, p.serial)
	b = le.AppendUint32(b, p.number)
	b = le.AppendUint32(b, 0)
	b = append(b, byte(len(p.lacing)))
	b = append(append(b, p.lacing...), p.body...)
	le.PutUint32(b[22:], (&pages{table: &oggTable}).checksum(b))
	return b
}

// take reads the pages of a file.
func take(t testing.TB, b []byte) (list []oggPage) {
	t.Helper()
	s := newPages(bytes.NewReader(b), int64(len(b)), 0)
	for {
		var p page
		err := s.next(&p)
		if err == io.EOF {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, oggPage{p.flags, p.granule, p.serial, p.number, bytes.Clone(p.lacing), bytes.Clone(p.body)})
	}
}

// ogg puts pages together.
func ogg(list ...oggPage) []byte {
	b := []byte{}
	for _, p := range list {
		b = append(b, p.bytes()...)
	}
	return b
}
