//go:build linux

package coding

import (
	"fmt"

	"github.com/hraban/opus"
)

// OpusRate is the sample rate at which Opus is coded here, in Hz, one channel.
const OpusRate = 48000

// Opus is how an encoder is set. The two sides of a comparison must agree in all of it.
type Opus struct {
	Complexity int  // 0 to 10
	Bitrate    int  // bits per second
	FEC        bool // in-band forward error correction
}

// NewEncoder makes an encoder for speech that is set as o says.
func (o Opus) NewEncoder() (*opus.Encoder, error) {
	e, err := opus.NewEncoder(OpusRate, 1, opus.AppVoIP)
	if err != nil {
		return nil, fmt.Errorf("coding: new Opus encoder: %w", err)
	}
	for _, set := range []struct {
		what string
		err  error
	}{
		{"complexity", e.SetComplexity(o.Complexity)},
		{"bitrate", e.SetBitrate(o.Bitrate)},
		{"in-band FEC", e.SetInBandFEC(o.FEC)},
	} {
		if set.err != nil {
			return nil, fmt.Errorf("coding: set %s of %+v: %w", set.what, o, set.err)
		}
	}
	return e, nil
}

// NewOpusDecoder makes a decoder to one channel at OpusRate.
func NewOpusDecoder() (*opus.Decoder, error) {
	d, err := opus.NewDecoder(OpusRate, 1)
	if err != nil {
		return nil, fmt.Errorf("coding: new Opus decoder: %w", err)
	}
	return d, nil
}
