package listen

import (
	"github.com/confd/confd/codec"
	"github.com/confd/confd/media"
)

// Decoder is an Output that makes mono PCM, as many samples a second as the format has, and
// hands it on. It belongs to one goroutine at a time.
type Decoder struct {
	format  media.Format
	audio   uint8
	decoder codec.Decoder
	noise   codec.NoiseGenerator
	level   media.Level
	quiet   bool // the sender said so, with comfort noise
	to      func(pcm []int16)
	pcm     [codec.MaxFrame]int16
	paused  int // samples since the last packet
	faults  uint64
}

// NewDecoder makes a decoder for a session. The samples that it hands on are valid until
// the call returns.
func NewDecoder(s *Session, to func(pcm []int16)) (*Decoder, error) {
	d, err := codec.NewDecoder(s.Format)
	return &Decoder{format: s.Format, audio: s.PayloadType, decoder: d, to: to, level: media.Silence}, err
}

// Packet implements Output. What cannot be decoded is made up.
func (d *Decoder) Packet(p *Played, skip int) {
	d.paused = 0
	if p.PayloadType != d.audio {
		if level, err := codec.ParseCN(p.Payload); err == nil {
			d.level, d.quiet = level, true
		}
		return
	}
	d.quiet = false
	n, err := d.decoder.Decode(d.pcm[:], p.Payload)
	if err != nil {
		d.faults++
		d.Lost(p.Samples-skip, nil)
		return
	}
	if skip < n {
		d.to(d.pcm[skip:n])
	}
}

// Lost implements Output.
func (d *Decoder) Lost(n int, next []byte) {
	if d.quiet {
		d.Pause(n)
		return
	}
	pcm := d.pcm[:min(max(n, 0), len(d.pcm))]
	if next != nil {
		if ok, err := d.decoder.Recover(pcm, next); ok && err == nil {
			d.to(pcm)
			return
		}
	}
	d.conceal(pcm)
}

func (d *Decoder) conceal(pcm []int16) {
	if d.decoder.Conceal(pcm) != nil {
		d.faults++
		clear(pcm)
	}
	d.to(pcm)
}

// Pause implements Output: comfort noise where the sender described it, else what the
// decoder fades out to, and then silence.
func (d *Decoder) Pause(n int) {
	pcm := d.pcm[:min(max(n, 0), len(d.pcm))]
	if !d.quiet && d.paused < d.format.SampleRate/10 {
		d.paused += n
		d.conceal(pcm)
		return
	}
	if clear(pcm); d.quiet {
		d.noise.Fill(pcm, d.level)
	}
	d.to(pcm)
}

// Faults returns how many payloads could not be decoded.
func (d *Decoder) Faults() uint64 { return d.faults }
