package codec

// maxOpusFrames is the most frames a packet may have: 120 ms of 2.5 ms (RFC 6716 section
// 3.2.5, R5).
const maxOpusFrames = 48

// opusMode is the layer that a packet's TOC names (RFC 6716 section 3.1).
type opusMode uint8

const (
	opusSILK opusMode = iota
	opusHybrid
	opusCELT
)

// opusPacket is the outer structure of one packet, RFC 6716 section 3.
type opusPacket struct {
	config int // first five bits of the TOC
	mode   opusMode
	stereo bool
	frame  int // samples at 48 kHz in each frame
	count  int // frames
	sizes  [maxOpusFrames]uint16
	data   []byte // the frames, back to back, padding left out
}

// parse reads data and reports whether it is a well-formed packet: the requirements R1 to
// R7 of RFC 6716 section 3.4.
func (p *opusPacket) parse(data []byte) bool {
	if len(data) == 0 {
		return false
	}
	p.readTOC(data[0])
	rest := data[1:]
	ok := false
	switch data[0] & 3 {
	case 0:
		p.count = 1
		ok = p.equal(rest)
	case 1:
		p.count = 2
		ok = p.equal(rest)
	case 2:
		p.count = 2
		ok = p.variable(rest)
	case 3:
		ok = p.counted(rest)
	}
	return ok && p.frame*p.count <= MaxFrame
}

func (p *opusPacket) readTOC(toc byte) {
	p.stereo = toc&4 != 0
	p.config = int(toc >> 3)
	switch {
	case p.config < 12:
		p.mode = opusSILK
		p.frame = [4]int{480, 960, 1920, 2880}[p.config&3]
	case p.config < 16:
		p.mode = opusHybrid
		p.frame = 480 << (p.config & 1)
	default:
		p.mode = opusCELT
		p.frame = 120 << (p.config & 3)
	}
}

// equal shares rest out among count frames of one size.
func (p *opusPacket) equal(rest []byte) bool {
	size := len(rest) / p.count
	if size*p.count != len(rest) || size > MaxPayload {
		return false
	}
	for i := range p.sizes[:p.count] {
		p.sizes[i] = uint16(size)
	}
	p.data = rest
	return true
}

// variable reads the sizes of all frames but the last, which has what is left.
func (p *opusPacket) variable(rest []byte) bool {
	total := 0
	for i := range p.sizes[:p.count-1] {
		size, n := opusFrameSize(rest)
		if n == 0 {
			return false
		}
		p.sizes[i] = uint16(size)
		rest = rest[n:]
		total += size
	}
	last := len(rest) - total
	if last < 0 || last > MaxPayload {
		return false
	}
	p.sizes[p.count-1] = uint16(last)
	p.data = rest
	return true
}

// counted reads the rest of a code 3 packet (RFC 6716 section 3.2.5).
func (p *opusPacket) counted(rest []byte) bool {
	if len(rest) == 0 {
		return false
	}
	head := rest[0]
	rest = rest[1:]
	p.count = int(head & 63)
	if p.count < 1 || p.count > maxOpusFrames || p.frame*p.count > MaxFrame {
		return false
	}
	if head&64 != 0 {
		var ok bool
		if rest, ok = opusUnpad(rest); !ok {
			return false
		}
	}
	if head&128 != 0 {
		return p.variable(rest)
	}
	return p.equal(rest)
}

// opusUnpad reads the padding's length and cuts that much from the end.
func opusUnpad(rest []byte) ([]byte, bool) {
	pad := 0
	for {
		if len(rest) == 0 {
			return nil, false
		}
		b := int(rest[0])
		rest = rest[1:]
		if b < 255 {
			pad += b
			break
		}
		pad += 254
	}
	if pad > len(rest) {
		return nil, false
	}
	return rest[:len(rest)-pad], true
}

// opusFrameSize reads a frame's length of one or two bytes (RFC 6716 section 3.2.1) and
// returns how many; none if the data end before.
func opusFrameSize(data []byte) (size, n int) {
	switch {
	case len(data) >= 1 && data[0] < 252:
		return int(data[0]), 1
	case len(data) >= 2:
		return 4*int(data[1]) + int(data[0]), 2
	}
	return 0, 0
}

// samples is the packet's duration at rate.
func (p *opusPacket) samples(rate int) int { return p.frame * p.count * rate / 48000 }

// silkFrames is how many SILK frames one Opus frame holds: they last 10 or 20 ms.
func (p *opusPacket) silkFrames() int { return max(1, p.frame/960) }

// activity looks at the voice flags of all frames.
func (p *opusPacket) activity() Activity {
	result := ActivitySilent
	data := p.data
	for _, size := range p.sizes[:p.count] {
		frame := data[:size]
		data = data[size:]
		if len(frame) <= 1 {
			continue // DTX: the frame was not coded
		}
		if p.mode == opusCELT {
			result = ActivityUnknown
		} else if p.voiced(frame[0]) {
			return ActivityVoice
		}
	}
	return result
}

// voiced tells the voice flags in a frame's first byte. Header bits are coded with even
// odds, so the range coder's first bits are the flags themselves, from the top: of the
// mid or only channel its frames' flags and the LBRR flag, then the same of the side
// channel (RFC 6716 section 4.2.3).
func (p *opusPacket) voiced(first byte) bool {
	n := p.silkFrames()
	flags := first >> (8 - n)
	if p.stereo {
		flags |= first << (n + 1) >> (8 - n)
	}
	return flags != 0
}

// redundant reports whether the packet's first frame carries a copy (LBRR) of the sound
// before it.
func (p *opusPacket) redundant() bool {
	if p.mode == opusCELT || p.sizes[0] == 0 {
		return false
	}
	n := p.silkFrames()
	first := p.data[0]
	flags := first >> (7 - n)
	if p.stereo {
		flags |= first >> (6 - 2*n)
	}
	return flags&1 != 0
}
