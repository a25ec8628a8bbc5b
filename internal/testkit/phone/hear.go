package phone

import (
	"context"
	"errors"
	"fmt"
	"time"
)

var errNoMedia = errors.New("no media was negotiated")

// Rate is the sample rate of what the phone hears, in Hz.
func (p *Phone) Rate() int { return p.codec().SampleRate }

// Mark is how much sound has come so far: a position for Sound.
func (p *Phone) Mark() time.Duration {
	if in := p.media.in.Load(); in != nil {
		d, _ := in.rec.extent()
		return d
	}
	return 0
}

// Listen waits for the next d of sound and returns it, at Rate, gaps filled with silence.
func (p *Phone) Listen(ctx context.Context, d time.Duration) ([]int16, error) {
	from := p.Mark()
	if err := p.WaitSound(ctx, from+d); err != nil {
		return nil, err
	}
	return p.Sound(from, from+d)
}

// WaitSound waits until sound has come up to the position. It gives up when ctx ends, and
// when for 3 seconds nothing came at all.
func (p *Phone) WaitSound(ctx context.Context, position time.Duration) error {
	for {
		in := p.media.in.Load()
		if in == nil {
			return errNoMedia
		}
		extent, grown := in.rec.extent()
		if extent >= position {
			return nil
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return fmt.Errorf("%v of sound, want %v: %w", extent, position, ctx.Err())
		case <-time.After(3 * time.Second):
			return fmt.Errorf("%v of sound, want %v: nothing came for 3 s", extent, position)
		}
	}
}

// Sound returns what was heard between two positions, gaps filled with silence.
func (p *Phone) Sound(from, to time.Duration) ([]int16, error) {
	in := p.media.in.Load()
	if in == nil {
		return nil, errNoMedia
	}
	pcm, _, err := in.rec.sound(max(0, from), to)
	return pcm, err
}

// Heard returns the latest d of sound, or less if less has come.
func (p *Phone) Heard(d time.Duration) []int16 {
	to := p.Mark()
	pcm, err := p.Sound(max(0, to-d), to)
	if err != nil {
		return nil
	}
	return pcm
}

// Missing returns how much of the sound between two positions never came.
func (p *Phone) Missing(from, to time.Duration) time.Duration {
	in := p.media.in.Load()
	if in == nil {
		return to - from
	}
	_, n, err := in.rec.sound(max(0, from), to)
	if err != nil {
		return to - from
	}
	return time.Duration(n) * time.Second / time.Duration(in.rec.codec.SampleRate)
}

// Report says what was odd about the stream so far.
func (p *Phone) Report() Report {
	if in := p.media.in.Load(); in != nil {
		return in.rec.finish()
	}
	return Report{}
}

// Fault returns an error if the stream was not as a server on a clean network must send it:
// loss, duplicates, jumps, unknown payload types, packets that are too long or no RTP.
func (r *Report) Fault() error {
	type counter struct {
		name string
		n    uint64
	}
	var faults []error
	for _, c := range []counter{
		{"lost", r.Lost}, {"duplicates", r.Duplicates}, {"late", r.Late}, {"SSRC changes", r.SSRCChanges},
		{"sequence jumps", r.SequenceJumps}, {"timestamp jumps", r.TimestampJumps}, {"undecodable", r.Undecodable},
		{"unauthentic", r.Unauthentic}, {"of unknown payload type", r.UnknownType}, {"not RTP", r.NotRTP},
		{"too long", r.TooLong}, {"bad RTCP", r.BadRTCP},
	} {
		if c.n > 0 {
			faults = append(faults, fmt.Errorf("%d %s", c.n, c.name))
		}
	}
	if r.Packets == 0 {
		faults = append(faults, errors.New("no packet came"))
	}
	if faults == nil {
		return nil
	}
	return fmt.Errorf("stream of %d packets: %w", r.Packets, errors.Join(faults...))
}
