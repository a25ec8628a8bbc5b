package e2e

import (
	"context"
	"fmt"
	"time"

	"github.com/confd/confd/internal/testkit/wav"
)

// listener is somebody whose sound is judged while the call goes on: a phone of the test
// kit, or a client that records.
type listener interface {
	Rate() int                                                // samples a second
	Mark() time.Duration                                      // how much there is
	WaitSound(ctx context.Context, until time.Duration) error // until there is so much
	Sound(from, to time.Duration) ([]int16, error)
}

// Rate is that of the recording, as of the other methods of a listener.
func (b *baresip) Rate() int { return b.codec.rate }

// Mark is how much there is of the newest recording, whose file has a header, too.
func (b *baresip) Mark() time.Duration { return max(0, recorded(b)-10*time.Millisecond) }

// WaitSound waits until there is so much. A client that is hung up on records no more.
func (b *baresip) WaitSound(ctx context.Context, until time.Duration) error {
	for b.Mark() < until {
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("%s has %v, want %v: %w", b.recording(), b.Mark(), until, ctx.Err())
		}
	}
	return nil
}

// Sound is a part of the newest recording, which goes on meanwhile.
func (b *baresip) Sound(from, to time.Duration) ([]int16, error) {
	a, err := wav.Read(b.recording())
	if err != nil {
		return nil, err
	}
	pcm := a.Mono()
	at := func(d time.Duration) int { return int(d * time.Duration(a.Rate) / time.Second) }
	if at(to) > len(pcm) {
		return nil, fmt.Errorf("%s has %v, want %v", b.recording(), a.Duration(), to)
	}
	return pcm[at(from):at(to)], nil
}
