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
	Application string // "voip", "audio" or "lowdelay"
	Complexity  int    // 0 to 10
	Bitrate     int    // bits per second
	FEC         bool   // in-band forward error correction
	Loss        int    // percent that FEC is tuned for
	DTX         bool   // packets of Untold bytes at most where nothing is said
}

// Applications by the name that Opus.Application has.
var applications = map[string]opus.Application{
	"voip":     opus.AppVoIP,
	"audio":    opus.AppAudio,
	"lowdelay": opus.AppRestrictedLowdelay,
}

// Untold is the length of an encoder's packet, in bytes, up to which it need not be sent
// (opus_encode in libopus's documentation).
const Untold = 2

// NewEncoder makes an encoder that is set as o says.
func (o Opus) NewEncoder() (*opus.Encoder, error) {
	application, ok := applications[o.Application]
	if !ok {
		return nil, fmt.Errorf("coding: Opus application %q: want voip, audio or lowdelay", o.Application)
	}
	e, err := opus.NewEncoder(OpusRate, 1, application)
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
		{"expected loss", e.SetPacketLossPerc(o.Loss)},
		{"DTX", e.SetDTX(o.DTX)},
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
