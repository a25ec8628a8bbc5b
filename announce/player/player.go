package player

import (
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/confd/confd/media"
	"github.com/confd/confd/mixer"
)

// The payload types of a player's packets.
const (
	PayloadType             = 96 // L16
	ComfortNoisePayloadType = 13 // one packet, which tells that the sound is over
)

const (
	// aheadTime is how much sound the ring holds: what the slowest disk may take.
	aheadTime = 1280 * time.Millisecond
	// fadeTime is how long Stop takes to fade.
	fadeTime = 40 * time.Millisecond
	// endFade takes the step out of a sound that ends at full level.
	endFade = 5 * time.Millisecond
	// trailTime is the silence behind the end, so that all of the sound has left the
	// mixer's buffer when Done tells that it may be removed.
	trailTime = 60 * time.Millisecond
)

// Sound is mono PCM: decode.Decoder.
type Sound interface {
	// Read writes at least one sample or returns an error; io.EOF is the end.
	Read(pcm []int16) (int, error)
	Rate() int             // 8000, 16000 or 48000 Hz
	Length() time.Duration // of one pass
	Close() error
}

// Options are how a sound is played. The zero value is the default.
type Options struct {
	// Tick is the mixer's period, 10 or 20 ms; 0 is 20 ms.
	Tick time.Duration
}

// Player is a media.Source that plays one sound, once. Its methods but Poll may be called
// by any goroutine. It ends when the sound does or after Stop; whoever made it removes its
// input from the mixer then, and calls Close in any case.
type Player struct {
	sound  Sound
	format media.Format
	ring   *ring

	closing  chan struct{}
	stop     chan struct{}
	done     chan struct{}
	onceStop sync.Once
	onceEnd  sync.Once
	err      error // valid once done is closed

	stopping  atomic.Bool   // Stop was called
	closed    atomic.Bool   // Close was called
	over      atomic.Bool   // the last packet was taken
	position  atomic.Int64  // samples taken
	underruns atomic.Uint64 // times that the ring was empty

	pace pace
}

// Play begins to read the sound, which belongs to the player from then on; with an error
// it does not. The sound is heard from the first Poll on.
func Play(sound Sound, o Options) (*Player, error) {
	if o.Tick == 0 {
		o.Tick = 20 * time.Millisecond
	}
	if o.Tick != 10*time.Millisecond && o.Tick != 20*time.Millisecond {
		return nil, fmt.Errorf("player: tick of %v, want 10ms or 20ms", o.Tick)
	}
	f := media.Format{Codec: media.L16, ClockRate: sound.Rate(), SampleRate: sound.Rate(), Channels: 1, PacketTime: o.Tick}
	switch f.SampleRate {
	case 8000, 16000:
	case 48000:
		f.PacketTime = 10 * time.Millisecond // 20 would be 1920 bytes, more than a datagram holds
	default:
		return nil, fmt.Errorf("player: sound at %d Hz, want 8000, 16000 or 48000", f.SampleRate)
	}
	p := &Player{sound: sound, format: f, closing: make(chan struct{}), stop: make(chan struct{}), done: make(chan struct{})}
	p.ring = newRing(int(aheadTime/f.PacketTime), 2*f.Samples(f.PacketTime))
	p.pace.init(p, o.Tick)
	go p.read()
	return p, nil
}

// Config is what makes a mixer understand the packets: gain, mute and hold are free to
// be set.
func (p *Player) Config() mixer.InputConfig {
	return mixer.InputConfig{
		Formats:      map[uint8]media.Format{PayloadType: p.format},
		ComfortNoise: map[uint8]uint32{ComfortNoisePayloadType: uint32(p.format.ClockRate)},
	}
}

// Stop fades the sound out, in 40 ms of packets taken. It does not wait: Done tells.
func (p *Player) Stop() {
	p.stopping.Store(true)
	p.onceStop.Do(func() { close(p.stop) })
}

// Close ends the player at once, whether or not it is polled, and returns when the sound
// is closed. Its input has been removed from the mixer, or falls silent without a fade.
func (p *Player) Close() error {
	p.closed.Store(true)
	p.onceEnd.Do(func() { close(p.closing) })
	<-p.done
	return p.err
}

// Done is closed after the last packet was taken, and by Close. The sound has been heard
// then. A player that is not polled does not end by itself.
func (p *Player) Done() <-chan struct{} { return p.done }

// Err tells after Done why the sound ended before its time: what was wrong with the file,
// or nil. Before Done it is nil.
func (p *Player) Err() error {
	select {
	case <-p.done:
		return p.err
	default:
		return nil
	}
}

// Position is how much of the sound was taken; it grows on while a sound is looped.
func (p *Player) Position() time.Duration {
	return time.Duration(p.position.Load()) * time.Second / time.Duration(p.format.SampleRate)
}

// Length is how long the sound lasts, one pass of it if it is looped.
func (p *Player) Length() time.Duration { return p.sound.Length() }

// Underruns is how often sound was due that had not been read in time.
func (p *Player) Underruns() uint64 { return p.underruns.Load() }

// finish ends the reader: with the error that ended the sound, if any.
func (p *Player) finish(err error) {
	if err == io.EOF {
		err = nil
	}
	if e := p.sound.Close(); err == nil {
		err = e
	}
	p.err = err
	close(p.done)
}

func newSSRC() uint32 { return rand.Uint32() }
