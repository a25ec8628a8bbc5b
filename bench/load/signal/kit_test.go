package signal

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/confd/confd/codec"
	"github.com/confd/confd/media"
)

// coding is a codec as callers use it.
type coding struct {
	name    string
	format  media.Format
	options codec.Options
	delay   time.Duration // of one encoder and decoder
	within  time.Duration // that delays are found to
	level   float64       // dB, likewise
}

const packetTime = 20 * time.Millisecond

func formatOf(c media.Codec, clock, rate, channels int) media.Format {
	return media.Format{Codec: c, ClockRate: clock, SampleRate: rate, Channels: channels, PacketTime: packetTime}
}

var (
	pcmu = coding{name: "PCMU", format: formatOf(media.PCMU, 8000, 8000, 1), within: time.Millisecond / 5, level: 0.2}
	pcma = coding{name: "PCMA", format: formatOf(media.PCMA, 8000, 8000, 1), within: time.Millisecond / 5, level: 0.2}
	g722 = coding{name: "G722", format: formatOf(media.G722, 8000, 16000, 1), within: time.Millisecond / 5, level: 0.2,
		delay: 1375 * time.Microsecond}
	opus = coding{name: "Opus", format: opusFormat(), within: time.Millisecond, level: 3.5,
		delay: 6500 * time.Microsecond, options: codec.DefaultOptions()}
	celt = coding{name: "OpusLowDelay", format: opusFormat(), within: time.Millisecond, level: 2,
		delay: 2500 * time.Microsecond, options: codec.Options{Complexity: codec.DefaultComplexity, LowDelay: true}}

	codings = []coding{pcmu, pcma, g722, opus, celt}
)

func opusFormat() media.Format {
	f := formatOf(media.Opus, 48000, 48000, 2)
	f.Opus.Bitrate = 24000
	return f
}

func (c *coding) encoder(t testing.TB) codec.Encoder {
	t.Helper()
	enc, err := codec.NewEncoder(c.format, c.options)
	if err != nil {
		t.Fatal(err)
	}
	return enc
}

func (c *coding) decoder(t testing.TB) codec.Decoder {
	t.Helper()
	dec, err := codec.NewDecoder(c.format)
	if err != nil {
		t.Fatal(err)
	}
	return dec
}

// samples returns how many a time has.
func (c *coding) samples(d time.Duration) int { return c.format.Samples(d) }

// packets encodes a cycle, the second time round.
func (c *coding) packets(t testing.TB, pcm []int16) (all [][]byte) {
	t.Helper()
	enc, n := c.encoder(t), c.samples(packetTime)
	for range 2 {
		all = all[:0]
		for at := 0; at < len(pcm); at += n {
			payload, err := enc.Encode(nil, pcm[at:at+n])
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, payload)
		}
	}
	return all
}

// through encodes and decodes sound.
func (c *coding) through(t testing.TB, pcm []int16) []int16 {
	t.Helper()
	enc, dec, n := c.encoder(t), c.decoder(t), c.samples(packetTime)
	out := make([]int16, len(pcm))
	for at := 0; at < len(pcm); at += n {
		payload, err := enc.Encode(nil, pcm[at:at+n])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := dec.Decode(out[at:at+n], payload); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func newRoom(t testing.TB, o Options) *Room {
	t.Helper()
	r, err := NewRoom(o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// hall is a room on a server without fault: the ear gets the sum of everybody but its own
// talker, a known time after they spoke. Everything is coded and decoded twice.
type hall struct {
	t      testing.TB
	coding coding
	room   *Room
	voices [][]int16 // what arrives at the server
	self   int
	delay  time.Duration
	wait   func(packet int) time.Duration // more delay of one packet
	lost   func(packet int) bool
	found  []Finding
}

const (
	epoch  = int64(1e15)
	cycles = 2
)

// decoded keeps what talkers say through a codec: encoding is what the tests spend their time on.
var decoded = map[string][][]int16{}

func newHall(t testing.TB, c coding, o Options) *hall {
	t.Helper()
	h := &hall{t: t, coding: c, room: newRoom(t, o), self: NoOne, delay: 33 * time.Millisecond}
	key := fmt.Sprint(c.name, h.room.options)
	if decoded[key] == nil {
		for i := range h.room.plans {
			decoded[key] = append(decoded[key], c.through(t, slices.Repeat(h.room.Render(i, c.format.SampleRate), cycles)))
		}
	}
	h.voices = slices.Clone(decoded[key])
	return h
}

// hurt changes what a talker is heard to say.
func (h *hall) hurt(talker int, f func(pcm []int16)) {
	h.voices[talker] = slices.Clone(h.voices[talker])
	f(h.voices[talker])
}

// mix is what the server sums up.
func (h *hall) mix() []int16 {
	sum := make([]int32, len(h.voices[0]))
	for i, pcm := range h.voices {
		if i == h.self {
			continue
		}
		for k, x := range pcm {
			sum[k] += int32(x)
		}
	}
	pcm := make([]int16, len(sum))
	for i, x := range sum {
		pcm[i] = int16(min(max(x, -32768), 32767))
	}
	return pcm
}

func (h *hall) ear() *Ear {
	h.t.Helper()
	h.found = h.found[:0]
	e, err := NewEar(h.room, EarConfig{Rate: h.coding.format.SampleRate, Epoch: epoch, Self: h.self,
		CodecDelay: 2 * h.coding.delay, Found: func(f Finding) { h.found = append(h.found, f) }})
	if err != nil {
		h.t.Fatal(err)
	}
	for i := range h.room.plans {
		if err := e.Begin(i, Talk{Start: epoch, From: epoch}); err != nil {
			h.t.Fatal(err)
		}
	}
	return e
}

// listen codes a mix and lets an ear hear it.
func (h *hall) listen(mix []int16) *Ear {
	h.t.Helper()
	return h.hear(h.coding.through(h.t, mix))
}

// hear lets an ear hear sound as it is.
func (h *hall) hear(pcm []int16) *Ear {
	h.t.Helper()
	e, n := h.ear(), h.coding.samples(packetTime)
	for k := 0; (k+1)*n <= len(pcm); k++ {
		if h.lost != nil && h.lost(k) {
			e.Gap(n)
			continue
		}
		at := epoch + int64(k)*int64(packetTime) + int64(h.delay)
		if h.wait != nil {
			at += int64(h.wait(k))
		}
		e.Hear(pcm[k*n:(k+1)*n], at)
	}
	return e
}

// faults returns what was found that is not the delay of a spurt.
func (h *hall) faults() (all []Finding) {
	for _, f := range h.found {
		if f.Kind != Delayed {
			all = append(all, f)
		}
	}
	return all
}

// String is for failures.
func (f Finding) String() string {
	return fmt.Sprintf("%v, talker %d, at %v: %v, %.1f dB", f.Kind, f.Talker, time.Duration(f.At-epoch), f.Time, f.DB)
}

// checkClean fails the test if anything is wrong with what an ear found.
func (h *hall) checkClean(e *Ear) {
	h.t.Helper()
	s := e.Totals()
	undated := 0 // at most
	if coded(h) {
		undated = s.Expected / 50
	}
	// As long as no delay is known, the first may not be told from others.
	if s.Expected == 0 || s.Heard != s.Expected || s.Unjudged > 1 || s.Undated > undated {
		h.t.Errorf("heard %d of %d, %d undated, %d unjudged", s.Heard, s.Expected, s.Undated, s.Unjudged)
	}
	for _, f := range h.faults() {
		h.t.Error(f)
	}
}

// add mixes other sound into pcm.
func add(pcm, other []int16, gain float64) {
	for i := range pcm {
		pcm[i] = int16(min(max(float64(pcm[i])+gain*float64(other[i]), -32768), 32767))
	}
}
