package codec

import (
	"fmt"
	"time"

	"github.com/hraban/opus"

	"github.com/confd/confd/media"
)

func opusRate(rate int) bool {
	switch rate {
	case 8000, 12000, 16000, 24000, 48000:
		return true
	}
	return false
}

// opusEncoder is libopus. Whatever the negotiated channels it writes a mono stream, which
// every receiver must take (RFC 7587 section 7).
type opusEncoder struct {
	format  media.Format
	samples int
	enc     *opus.Encoder
}

func newOpusEncoder(f media.Format, o Options) (*opusEncoder, error) {
	if !opusPacketTime(f.PacketTime) {
		return nil, fmt.Errorf("codec: opus: packet time %v, want 2.5, 5, 10, 20, 40, 60, 80, 100 or 120 ms", f.PacketTime)
	}
	if err := checkOpusParams(f.Opus, o); err != nil {
		return nil, err
	}
	application := opus.Application(opus.AppVoIP)
	if o.LowDelay {
		application = opus.AppRestrictedLowdelay
	}
	enc, err := opus.NewEncoder(f.SampleRate, 1, application)
	if err != nil {
		return nil, fmt.Errorf("codec: opus encoder at %d Hz: %w", f.SampleRate, err)
	}
	if err := setUpOpus(enc, f.Opus, o); err != nil {
		return nil, fmt.Errorf("codec: opus encoder settings %+v: %w", f.Opus, err)
	}
	return &opusEncoder{format: f, samples: f.Samples(f.PacketTime), enc: enc}, nil
}

// opusPacketTime says whether libopus makes packets of that length. Others, 30 ms among
// them, could only be had by tying frames together whose modes may differ.
func opusPacketTime(d time.Duration) bool {
	switch d {
	case 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond:
		return true
	}
	return d > 0 && d%(20*time.Millisecond) == 0 // to 120 ms, which the caller has checked
}

func checkOpusParams(p media.OpusParams, o Options) error {
	switch {
	case p.Bitrate != 0 && (p.Bitrate < 6000 || p.Bitrate > 510000):
		return fmt.Errorf("codec: opus: bitrate %d, want 6000 to 510000, or 0 for libopus's own choice", p.Bitrate)
	case p.Loss > 100:
		return fmt.Errorf("codec: opus: expected loss %d %%, want at most 100", p.Loss)
	case o.Complexity < 0 || o.Complexity > 10:
		return fmt.Errorf("codec: opus: complexity %d, want 0 to 10", o.Complexity)
	}
	return nil
}

func setUpOpus(enc *opus.Encoder, p media.OpusParams, o Options) error {
	if p.Bitrate != 0 {
		if err := enc.SetBitrate(p.Bitrate); err != nil {
			return err
		}
	}
	if err := enc.SetComplexity(o.Complexity); err != nil {
		return err
	}
	if err := enc.SetInBandFEC(p.FEC); err != nil {
		return err
	}
	if err := enc.SetPacketLossPerc(int(p.Loss)); err != nil {
		return err
	}
	if err := enc.SetDTX(p.DTX); err != nil {
		return err
	}
	return enc.SetVBR(!p.CBR)
}

func (e *opusEncoder) Encode(dst []byte, pcm []int16) ([]byte, error) {
	if len(pcm) != e.samples {
		return dst, errPCM(e.format, len(pcm), e.samples)
	}
	at := len(dst)
	dst, out := extend(dst, MaxPayload)
	n, err := e.enc.Encode(pcm, out[:len(out):len(out)]) // the wrapper goes by capacity
	if err != nil {
		return dst[:at], fmt.Errorf("codec: opus encode: %w", err)
	}
	if e.format.Opus.DTX && n <= 2 {
		return dst[:at], nil // opus_encode: such a packet need not be sent
	}
	return dst[:at+n], nil
}

// CopyFrom copies the whole state, settings included.
func (e *opusEncoder) CopyFrom(src Encoder) error {
	s, ok := src.(*opusEncoder)
	if !ok || s.format != e.format {
		return errCopy(src, e)
	}
	return copyOpusState(e.enc, s.enc)
}

func (e *opusEncoder) Reset() error { return e.enc.Reset() }

func (e *opusEncoder) String() string { return e.format.String() }

// opusDecoder is libopus, which mixes a stereo stream down to mono by itself.
type opusDecoder struct {
	rate int
	step int // samples in 2.5 ms: the grain of libopus's concealment
	dec  *opus.Decoder
	last opusMode // of the packet decoded last
	tail [48000 / 400]int16
}

func newOpusDecoder(f media.Format) (*opusDecoder, error) {
	dec, err := opus.NewDecoder(f.SampleRate, 1)
	if err != nil {
		return nil, fmt.Errorf("codec: opus decoder at %d Hz: %w", f.SampleRate, err)
	}
	return &opusDecoder{rate: f.SampleRate, step: f.SampleRate / 400, dec: dec, last: opusCELT}, nil
}

func (d *opusDecoder) Decode(pcm []int16, payload []byte) (int, error) {
	var p opusPacket
	if !p.parse(payload) {
		return 0, errPayload
	}
	n := p.samples(d.rate)
	if n > len(pcm) {
		return 0, errShortPCM
	}
	n, err := d.dec.Decode(payload, pcm[:n:n]) // the wrapper goes by capacity
	if err != nil {
		return 0, err
	}
	d.last = p.mode
	return n, nil
}

// Conceal runs libopus's concealment. It has a grain of 2.5 ms: of a last part shorter
// than that, the rest of the grain is lost.
func (d *opusDecoder) Conceal(pcm []int16) error {
	whole := len(pcm) - len(pcm)%d.step
	if whole > 0 {
		if err := d.dec.DecodePLC(pcm[:whole:whole]); err != nil {
			return err
		}
	}
	if rest := pcm[whole:]; len(rest) > 0 {
		if err := d.dec.DecodePLC(d.tail[:d.step:d.step]); err != nil {
			return err
		}
		copy(rest, d.tail[:])
	}
	return nil
}

// Recover follows what libopus can do: the copy is as long as one frame of next, and it
// cannot be used after a CELT packet. Where more than that was lost, it stands at the end
// and what is before it is concealed.
func (d *opusDecoder) Recover(pcm []int16, next []byte) (bool, error) {
	var p opusPacket
	if !p.parse(next) {
		return false, errPayload
	}
	frame := p.frame * d.rate / 48000
	if !p.redundant() || d.last == opusCELT || len(pcm) < frame || len(pcm)%d.step != 0 {
		return false, nil
	}
	if err := d.dec.DecodeFEC(next, pcm[:len(pcm):len(pcm)]); err != nil {
		return false, err
	}
	return true, nil
}

func (d *opusDecoder) Reset() error {
	fresh, err := freshOpusDecoder(d.rate)
	if err != nil {
		return err
	}
	d.last = opusCELT
	return copyOpusState(d.dec, fresh)
}
