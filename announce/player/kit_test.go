package player

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/confd/confd/announce/decode"
	"github.com/confd/confd/codec"
	"github.com/confd/confd/internal/testkit/leak"
	"github.com/confd/confd/internal/testkit/tone"
	"github.com/confd/confd/internal/testkit/wav"
	"github.com/confd/confd/media"
	"github.com/confd/confd/mixer"
)

// inBubble runs a test in fake time: the reader's timer follows the ticks.
func inBubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	leak.Check(t)
	synctest.Test(t, f)
}

// sound is PCM from memory that can fail and tells when it is closed.
type sound struct {
	pcm    []int16
	rate   int
	err    error // at the end, nil is io.EOF
	wait   func(at int)
	at     int
	closed int
}

func (s *sound) Read(pcm []int16) (int, error) {
	if s.wait != nil {
		s.wait(s.at)
	}
	n := copy(pcm[:min(len(pcm), 333)], s.pcm[s.at:])
	s.at += n
	if n > 0 {
		return n, nil
	}
	if s.err != nil {
		return 0, s.err
	}
	return 0, io.EOF
}

func (s *sound) Rate() int { return s.rate }
func (s *sound) Length() time.Duration {
	return time.Duration(len(s.pcm)) * time.Second / time.Duration(s.rate)
}
func (s *sound) Close() error { s.closed++; return nil }

// tick is the period of the conferences under test.
const tick = 20 * time.Millisecond

// hall is a conference with a listener, in fake time.
type hall struct {
	t      testing.TB
	conf   *mixer.Conference
	period time.Duration
	due    int64
	late   func(n int) time.Duration // of each tick
	n      int
	format media.Format
	dec    codec.Decoder
	heard  []int16
}

// newHall makes a conference whose listener gets L16 at a rate.
func newHall(t testing.TB, rate int, period time.Duration) *hall {
	t.Helper()
	eng, err := mixer.New(mixer.Config{Period: period, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	f := media.Format{Codec: media.L16, ClockRate: rate, SampleRate: rate, Channels: 1, PacketTime: 10 * time.Millisecond}
	dec, err := codec.NewDecoder(f)
	if err != nil {
		t.Fatal(err)
	}
	h := &hall{t: t, conf: eng.NewConference(mixer.ConferenceConfig{Rate: rate}), period: period, due: int64(time.Hour), format: f, dec: dec}
	h.conf.Apply(mixer.Attach(mixer.NewOutput(h, mixer.OutputConfig{Format: f, PayloadType: 97}), h.conf.Full(), nil))
	return h
}

// Send implements media.Sink.
func (h *hall) Send(o *media.Outgoing) {
	pcm := make([]int16, codec.MaxFrame)
	n, err := h.dec.Decode(pcm, o.Data)
	if err != nil {
		h.t.Error(err)
	}
	h.heard = append(h.heard, pcm[:n]...)
}

// add lets a player be heard.
func (h *hall) add(p *Player) *mixer.Input {
	synctest.Wait() // until it has read ahead
	in := mixer.NewInput(p, p.Config())
	h.conf.Apply(mixer.AddInput(in))
	return in
}

// run runs for d.
func (h *hall) run(d time.Duration) {
	for range int(d / h.period) {
		h.tick()
	}
}

func (h *hall) tick() {
	h.due += int64(h.period)
	now := h.due
	if h.late != nil {
		now += int64(h.late(h.n))
	}
	h.n++
	h.conf.Tick(now, h.due)
	time.Sleep(h.period)
	synctest.Wait()
}

// runOut runs until the player is done, d at most, and for some time more.
func (h *hall) runOut(p *Player, d time.Duration) {
	h.t.Helper()
	for range int(d / h.period) {
		h.tick()
		select {
		case <-p.Done():
			h.run(100 * time.Millisecond)
			return
		default:
		}
	}
	h.t.Errorf("not done after %v", d)
}

// sounding returns where what was heard begins and ends to be louder than -60 dB.
func (h *hall) sounding() (from, to int) {
	for i, v := range h.heard {
		if v > 32 || v < -32 {
			if from == 0 {
				from = i
			}
			to = i + 1
		}
	}
	return from, to
}

// play begins a sound and closes the player at the end of the test.
func play(t testing.TB, s Sound, o Options) *Player {
	t.Helper()
	p, err := Play(s, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// wave is a WAV file with a tone, opened.
func wave(t testing.TB, rate int, d time.Duration, o decode.Options) *decode.Decoder {
	t.Helper()
	b := wav.Encode(&wav.Audio{Rate: rate, Channels: 1, Samples: tone.Make(rate, d, -20, 440)})
	dec, err := decode.Open(bytes.NewReader(b), int64(len(b)), o)
	if err != nil {
		t.Fatal(err)
	}
	return dec
}

// smooth fails if a stretch of a tone has a jump.
func (h *hall) smooth(what string, from, to int) {
	h.t.Helper()
	rate := h.format.SampleRate
	if from < 0 || to > len(h.heard) || to-from < rate/10 {
		h.t.Errorf("%s: nothing to judge between samples %d and %d of %d", what, from, to, len(h.heard))
		return
	}
	if off, at := tone.Jump(h.heard[from:to], rate, 440); off > 60 {
		h.t.Errorf("%s: a jump of %.0f at sample %d of %d", what, off, from+at, len(h.heard))
	}
}

// collector keeps packets.
type collector []media.Packet

func (c *collector) Receive(p *media.Packet) {
	k := *p
	k.Payload = bytes.Clone(p.Payload)
	*c = append(*c, k)
}

var errDisk = errors.New("input/output error")

func name(rate int, period time.Duration) string { return fmt.Sprintf("%d Hz, tick %v", rate, period) }
