package decode

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"time"

	"github.com/confd/confd/codec"
	"github.com/confd/confd/media"
)

// opusRate is that of positions in Ogg/Opus, and the rate at which it is decoded here, Hz.
const opusRate = 48000

// maxPacket is the longest packet of one Opus stream that RFC 7845 section 3 allows: 120 ms
// in 48 frames.
const maxPacket = 61440

var opusFormat = media.Format{Codec: media.Opus, ClockRate: opusRate, SampleRate: opusRate, Channels: 2}

// opus is an Ogg/Opus file: RFC 7845.
type opus struct {
	r     io.ReaderAt
	size  int64
	pages *pages
	page  page
	head  opusHead

	serial  uint32
	number  uint32 // of the next page
	slots   [255][]byte
	packets [][]byte // in slots: those of the page that are still to be decoded
	joined  []byte   // the first of them, if it began on an earlier page
	carry   []byte   // the beginning of a packet that goes on on the next page
	partial bool     // carry holds one
	last    bool     // the page is the stream's last

	dec    codec.Decoder
	at     int64 // position behind the packets decoded, samples, pre-skip included
	base   int64 // granule position of sample 0
	known  bool  // base is
	end    int64 // position of the stream's end
	length time.Duration
	gain   int32 // Q16
	room   []int16
	ready  []int16
}

// opusHead is the identification header (RFC 7845 section 5.1).
type opusHead struct {
	channels int
	preSkip  int64
	rate     int // of what was encoded; 0 is unknown
	gain     int16
}

func openOpus(r io.ReaderAt, size int64) (*opus, error) {
	dec, err := codec.NewDecoder(opusFormat)
	if err != nil {
		return nil, err
	}
	o := &opus{r: r, size: size, dec: dec, room: make([]int16, codec.MaxFrame)}
	if err := o.start(); err != nil {
		return nil, err
	}
	o.gain = int32(math.Round(math.Pow(10, float64(o.head.gain)/256/20) * (1 << 16)))
	return o, o.measure()
}

// start reads from the beginning to the first page of sound.
func (o *opus) start() error {
	o.pages = newPages(o.r, o.size, 0)
	o.packets, o.ready, o.carry = nil, nil, o.carry[:0]
	o.partial, o.last, o.known = false, false, false
	o.at, o.base, o.end = 0, 0, math.MaxInt64
	if err := o.identify(); err != nil {
		return err
	}
	if err := o.skipTags(); err != nil {
		return err
	}
	err := o.load()
	if err == io.EOF {
		return malformed(o.pages.at, "it holds no sound")
	}
	return err
}

// identify finds the Opus stream among those that the file begins with.
func (o *opus) identify() error {
	other := ""
	for {
		err := o.pages.next(&o.page)
		switch {
		case err == io.EOF || err == nil && o.page.flags&pageFirst == 0:
			return unsupported("Ogg with %s, want Opus", nameOfStream(other))
		case err != nil:
			return err
		case !bytes.HasPrefix(o.page.body, []byte("OpusHead")):
			other = string(o.page.body[:min(len(o.page.body), 8)])
			continue
		}
		o.serial, o.number = o.page.serial, o.page.number+1
		o.head, err = parseOpusHead(o.page.body, o.page.offset)
		return err
	}
}

func nameOfStream(head string) string {
	for _, s := range []struct{ magic, name string }{
		{"\x01vorbis", "Vorbis"}, {"\x7fFLAC", "FLAC"}, {"Speex", "Speex"}, {"\x80theora", "Theora"}, {"fishead", "a skeleton"},
	} {
		if len(head) >= len(s.magic) && head[:len(s.magic)] == s.magic {
			return s.name
		}
	}
	return "no stream that is known here"
}

func parseOpusHead(b []byte, offset int64) (h opusHead, err error) {
	if len(b) < 19 {
		return h, malformed(offset, "OpusHead of %d bytes, want 19 or more", len(b))
	}
	le := binary.LittleEndian
	h = opusHead{channels: int(b[9]), preSkip: int64(le.Uint16(b[10:])), rate: int(le.Uint32(b[12:])), gain: int16(le.Uint16(b[16:]))}
	family, streams := b[18], 1
	if family != 0 && len(b) >= 21 {
		streams = int(b[19])
	}
	switch {
	case b[8]&0xf0 != 0:
		return h, unsupported("Ogg/Opus of version %d, want 0 to 15", b[8])
	case h.channels < 1 || h.channels > 2 || family > 1 || streams != 1:
		return h, unsupported("Ogg/Opus of %d channels in %d streams (mapping family %d), want mono or stereo in one", h.channels, streams, family)
	}
	return h, nil
}

// skipTags passes the comment header (RFC 7845 section 5.2), which may hold pictures and is
// as long as it likes. The packet ends its page.
func (o *opus) skipTags() error {
	first := true
	for {
		if err := o.turn(); err != nil {
			if err == io.EOF {
				return malformed(o.pages.at, "the file ends before its OpusTags: was it cut off?")
			}
			return err
		}
		if first && !bytes.HasPrefix(o.page.body, []byte("OpusTags")) {
			return malformed(o.page.offset, "second packet is no OpusTags (RFC 7845 section 5.2)")
		}
		first = false
		for i, l := range o.page.lacing {
			if l == 255 {
				continue
			}
			if i != len(o.page.lacing)-1 {
				return malformed(o.page.offset, "sound on the page of OpusTags, want it on the next (RFC 7845 section 3)")
			}
			return nil
		}
	}
}

// turn reads the stream's next page, passing those of other streams.
func (o *opus) turn() error {
	for {
		if err := o.pages.next(&o.page); err != nil {
			return err
		}
		if o.page.serial != o.serial {
			if o.page.flags&pageFirst != 0 && o.at > 0 {
				return unsupported("at byte %d: a second stream follows the first, want one", o.page.offset)
			}
			continue
		}
		if o.page.number != o.number {
			return malformed(o.page.offset, "Ogg page %d, want %d: part of the file is missing", o.page.number, o.number)
		}
		o.number++
		return nil
	}
}

// load reads pages until one has packets that end on it. io.EOF is the end of the stream.
func (o *opus) load() error {
	for len(o.packets) == 0 {
		if o.last {
			return o.nothingMore()
		}
		if err := o.turn(); err != nil {
			return err
		}
		if err := o.split(); err != nil {
			return err
		}
		o.last = o.page.flags&pageLast != 0
	}
	return o.place()
}

// nothingMore looks behind the last page.
func (o *opus) nothingMore() error {
	err := o.turn()
	if err == nil {
		return malformed(o.page.offset, "a page of the stream behind its last")
	}
	return err
}

// split finds the packets of a page.
func (o *opus) split() error {
	p := &o.page
	if continued := p.flags&pageContinued != 0; continued != o.partial {
		return malformed(p.offset, "Ogg page whose continued flag is %t, want %t", continued, o.partial)
	}
	o.packets = o.slots[:0]
	body, n := p.body, 0
	for _, l := range p.lacing {
		n += int(l)
		if l == 255 {
			continue
		}
		packet := body[:n]
		if o.partial {
			o.joined = append(o.joined[:0], o.carry...)
			o.joined = append(o.joined, packet...)
			packet, o.partial, o.carry = o.joined, false, o.carry[:0]
		}
		o.packets = append(o.packets, packet)
		body, n = body[n:], 0
	}
	if len(body) > 0 || len(p.lacing) > 0 && p.lacing[len(p.lacing)-1] == 255 {
		o.carry, o.partial = append(o.carry, body...), true
	}
	if len(o.carry) > maxPacket {
		return malformed(p.offset, "packet of more than %d bytes", maxPacket)
	}
	return nil
}

// place relates the page's position to its packets: on the first page it tells where the
// stream begins, on the last where it ends (RFC 7845 sections 4.3 to 4.5).
func (o *opus) place() error {
	through := o.at
	for _, p := range o.packets {
		n := codec.PacketSamples(opusFormat, p)
		if n == 0 {
			return malformed(o.page.offset, "an Ogg page with a packet that is no Opus")
		}
		through += int64(n)
	}
	g := o.page.granule
	if g == noGranule {
		return nil
	}
	if g < 0 {
		return malformed(o.page.offset, "position %d, want 0 or more", g)
	}
	if !o.known {
		o.known = true
		if g > through {
			o.base = g - through
		} else if g < through && !o.last {
			return malformed(o.page.offset, "the first page ends at sample %d, but holds %d (RFC 7845 section 4.5)", g, through)
		}
	}
	if o.last {
		o.end = g - o.base
	}
	return nil
}

func (o *opus) read(pcm []int16) (int, error) {
	for len(o.ready) == 0 {
		if len(o.packets) == 0 {
			if err := o.load(); err != nil {
				return 0, err
			}
		}
		if err := o.decode(); err != nil {
			return 0, err
		}
	}
	n := copy(pcm, o.ready)
	o.ready = o.ready[n:]
	return n, nil
}

// decode takes a packet, and of its sound what is behind the pre-skip and before the end.
func (o *opus) decode() error {
	n, err := o.dec.Decode(o.room, o.packets[0])
	if err != nil {
		return errors.Join(malformed(o.page.offset, "an Ogg page with a packet that cannot be decoded"), err)
	}
	o.packets = o.packets[1:]
	from := min(max(o.head.preSkip-o.at, 0), int64(n))
	to := min(max(o.end-o.at, from), int64(n))
	o.at += int64(n)
	o.ready = o.room[from:to]
	if o.gain != 1<<16 {
		amplify(o.ready, o.gain)
	}
	return nil
}

// amplify saturates. gain is Q16.
func amplify(pcm []int16, gain int32) {
	for i, v := range pcm {
		pcm[i] = int16(max(min((int64(v)*int64(gain)+1<<15)>>16, math.MaxInt16), math.MinInt16))
	}
}

func (o *opus) rewind() error {
	if err := o.dec.Reset(); err != nil {
		return err
	}
	return o.start()
}

func (o *opus) rate() int { return opusRate }

func (o *opus) info() Info {
	rate := o.head.rate
	if rate < 8000 || rate > opusRate {
		rate = opusRate
	}
	return Info{Container: "ogg", Coding: "opus", SampleRate: rate, Channels: o.head.channels, Duration: o.length}
}

// tailSize surely holds the beginning of a file's last page.
const tailSize = 27 + 255 + 255*255

// measure finds out by the position of the last page how long the sound is.
func (o *opus) measure() error {
	from := max(o.size-tailSize, 0)
	tail := make([]byte, o.size-from)
	if _, err := o.r.ReadAt(tail, from); err != nil && err != io.EOF {
		return err
	}
	le := binary.LittleEndian
	for {
		i := bytes.LastIndex(tail, []byte("OggS"))
		if i < 0 {
			return nil
		}
		if b := tail[i:]; len(b) >= 27 && le.Uint32(b[14:]) == o.serial {
			if g := int64(le.Uint64(b[6:])); g >= 0 {
				o.length = span(max(g-o.base-o.head.preSkip, 0), opusRate)
				return nil
			}
		}
		tail = tail[:i]
	}
}
