package decode

import (
	"io"
	"math"

	"github.com/confd/confd/codec/resample"
)

// convert takes a stream from one rate to another, if they differ.
func convert(src stage, in, out int) stage {
	if in > 48000 {
		h := newHalver()
		src = newConversion(src, h.Process, h.Latency(), in, in/2)
		in /= 2
	}
	if in == out {
		return src
	}
	c := resample.NewConverter(in, out)
	return newConversion(src, c.Process, c.Latency(), in, out)
}

// conversion is a stream at another rate. A filter is late; the conversion is not: it drops
// what comes out before the first sample, and at the end it gets out what is still inside.
type conversion struct {
	src         stage
	process     func(dst, src []int16) int
	in, out     int64
	taken, made int64 // samples
	skip        int   // output that is still to be dropped
	block       []int16
	ready, room []int16
	ended       bool
}

func newConversion(src stage, process func(dst, src []int16) int, latency, in, out int) *conversion {
	block := in / 50
	return &conversion{src: src, process: process, in: int64(in), out: int64(out),
		skip:  (latency*out + in/2) / in,
		block: make([]int16, block), room: make([]int16, block*out/in+2)}
}

func (c *conversion) read(pcm []int16) (int, error) {
	for len(c.ready) == 0 {
		if err := c.more(); err != nil {
			return 0, err
		}
	}
	n := copy(pcm, c.ready)
	c.ready = c.ready[n:]
	return n, nil
}

// more converts a block; after the end one of silence, as often as it takes.
func (c *conversion) more() error {
	n := len(c.block)
	if !c.ended {
		var err error
		n, err = c.src.read(c.block)
		if err == io.EOF {
			c.ended, n = true, len(c.block)
			clear(c.block)
		} else if err != nil {
			return err
		}
	}
	if !c.ended {
		c.taken += int64(n)
	}
	left := int64(math.MaxInt64)
	if c.ended {
		left = (c.taken*c.out+c.in-1)/c.in - c.made
	}
	if left <= 0 {
		return io.EOF
	}
	got := c.room[:c.process(c.room, c.block[:n])]
	drop := min(c.skip, len(got))
	c.skip -= drop
	got = got[drop:]
	c.ready = got[:min(int64(len(got)), left)]
	c.made += int64(len(c.ready))
	return nil
}

// halverTaps is how long the filter of a halver is: flat to 0.85 of the new Nyquist
// frequency, 60 dB down from 1.15 of it. 4n+1, so that it is late by whole output samples.
const halverTaps = 65

// halver is a half-band low-pass that keeps every second sample: for the rates above those
// of the resampler.
type halver struct {
	taps [halverTaps]float32
	buf  []int16 // what the next output begins with
}

func newHalver() *halver {
	h := &halver{buf: make([]int16, halverTaps-1)}
	sum := 0.0
	var taps [halverTaps]float64
	for i := range taps {
		x := float64(i - halverTaps/2)
		taps[i] = 0.5 * blackman(i)
		if x != 0 {
			taps[i] = math.Sin(math.Pi*x/2) / (math.Pi * x) * blackman(i)
		}
		sum += taps[i]
	}
	for i, t := range taps {
		h.taps[i] = float32(t / sum)
	}
	return h
}

func blackman(i int) float64 {
	x := 2 * math.Pi * float64(i+1) / (halverTaps + 1)
	return 0.42 - 0.5*math.Cos(x) + 0.08*math.Cos(2*x)
}

// Latency is in input samples.
func (h *halver) Latency() int { return halverTaps / 2 }

// Process writes every second sample, of src and what was left before, to dst.
func (h *halver) Process(dst, src []int16) int {
	h.buf = append(h.buf, src...)
	n, at := 0, 0
	for ; at+halverTaps <= len(h.buf); at += 2 {
		dst[n] = h.at(h.buf[at : at+halverTaps])
		n++
	}
	h.buf = h.buf[:copy(h.buf, h.buf[at:])]
	return n
}

func (h *halver) at(window []int16) int16 {
	sum := float32(0)
	for i, t := range h.taps {
		sum += t * float32(window[i])
	}
	return int16(math.Round(float64(max(min(sum, math.MaxInt16), math.MinInt16))))
}
