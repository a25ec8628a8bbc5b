package resample

// Converter resamples one stream by a fixed ratio. It belongs to one goroutine at a time.
type Converter struct {
	kernel  *Kernel
	up      int     // output samples per "down" input samples
	down    int     //
	history []int16 // input: 2*half samples that are past, then room for a chunk
	chunk   int     // input samples taken at a time
	next    int     // position of the next output sample behind the past, in 1/up of an input sample
}

// NewConverter makes a converter between two rates of 8000 to 48000 samples per second.
func NewConverter(in, out int) *Converter {
	g := gcd(in, out)
	c := &Converter{kernel: KernelFor(in, out), up: out / g, down: in / g, chunk: in / 50}
	c.history = make([]int16, 2*c.kernel.half+c.chunk)
	return c
}

// Process converts src, of any length, and returns how many samples it wrote to dst:
// len(src)*out/in, which is exact for whole frames of 10 ms; else the fraction left over
// counts towards the next call. dst must not be shorter and may not overlap src. The
// output is Latency input samples late.
func (c *Converter) Process(dst, src []int16) int {
	total := 0
	for len(src) > 0 {
		n := min(len(src), c.chunk)
		total += c.process(dst[total:], src[:n])
		src = src[n:]
	}
	return total
}

// process converts a chunk at most.
func (c *Converter) process(dst, src []int16) int {
	past := 2 * c.kernel.half
	copy(c.history[past:], src)
	end := len(src) * c.up
	count := 0
	if c.next < end {
		count = (end - c.next + c.down - 1) / c.down
	}
	// The newest sample that a position needs is half behind it, so position 0 is half
	// samples into the past.
	pos := uint64(c.kernel.half)<<32 + uint64(c.next)<<32/uint64(c.up)
	c.kernel.Interpolate(dst[:count], c.history[:past+len(src)], pos, c.kernel.step)
	c.next += count*c.down - end
	copy(c.history, c.history[len(src):][:past])
	return count
}

// Latency is the delay in input samples.
func (c *Converter) Latency() int { return c.kernel.half }

// Reset forgets the stream: what follows starts from silence.
func (c *Converter) Reset() {
	clear(c.history)
	c.next = 0
}
