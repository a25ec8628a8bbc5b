package mixer

import (
	"github.com/confd/confd/codec"
	"github.com/confd/confd/codec/resample"
	"github.com/confd/confd/internal/pcm"
	"github.com/confd/confd/media"
)

// classKey is what outputs must have in common to share an encoder.
type classKey struct {
	format media.Format
	noise  bool // RFC 3389 comfort noise instead of packets in silence
	gain   int8 // dB
}

// class is one encoder at work: a mix, or a mix less one talker, in one rate, format,
// packet time and gain. All its outputs get the same payload.
//
// A class with less == nil is shared by every listener of that key. When a listener
// becomes a talker it gets a class of its own that starts as a copy of the shared one:
// limiter, resampler, encoder state and what waits for the next packet; so the phone's
// decoder notices nothing. On the way back the personal class hears the same sum as the
// shared one, and returns to it in a pause.
type class struct {
	// What every tick touches comes first.
	mix     *Mix
	less    *Input
	outputs []*Output
	key     classKey
	conv    *resample.Converter // nil when the room's rate is the format's
	enc     codec.Encoder
	limit   limiter
	wait    []int16 // sound for the next packet, at the format's rate
	start   int64   // media time of wait[0]
	next    int64   // media time up to which it has sound
	step    int32   // by which the sound of another mix, to which it changed, is lower at that time
	last    int16   // sample that was coded last
	broken  bool    // the step is not known until the next frame: join that on

	returning bool
	lowest    media.Level // quietest frame of the last window, while returning
	same      int         // ticks since it hears what the shared class hears
	pause     pause
	still     still

	held  []heldPacket // of this tick, to be handed out in parts
	free  []heldPacket // memory for such
	coded []int16      // for tests: its last frame, if Engine.keeps
}

func (c *Conference) newClass(m *Mix, key classKey, less *Input) (*class, error) {
	enc, err := newEncoder(key.format, c)
	if err != nil {
		return nil, err
	}
	k := &class{mix: m, key: key, less: less, enc: enc, limit: limiter{half: c.pace == 2}, next: c.next}
	k.setRate(c.rate)
	m.classes = append(m.classes, k)
	c.classes = append(c.classes, k)
	return k, nil
}

func newEncoder(f media.Format, c *Conference) (codec.Encoder, error) {
	return codec.NewEncoder(f, c.engine.cfg.Codec)
}

// setRate readies the way from the room's rate to the format's.
func (k *class) setRate(rate int) {
	k.conv = nil
	if rate != k.key.format.SampleRate {
		k.conv = resample.NewConverter(rate, k.key.format.SampleRate)
	}
}

// copyFrom makes k go on where src stands, as far as the formats allow.
func (k *class) copyFrom(src *class) error {
	if k.key.format.SampleRate != src.key.format.SampleRate {
		return nil
	}
	k.limit, k.start, k.next, k.pause = src.limit, src.start, src.next, src.pause
	k.last, k.step, k.broken = src.last, src.step, src.broken
	k.wait = append(k.wait[:0], src.wait...)
	if src.conv != nil && k.conv != nil {
		k.conv.CopyFrom(src.conv)
	}
	if k.key.format != src.key.format {
		return nil
	}
	k.still = src.still
	return k.enc.CopyFrom(src.enc)
}

// run makes this tick's sound and sends the packets that are due.
func (k *class) run(h *hand, b *beat, old int) {
	if len(k.wait) == 0 {
		k.start = b.time
	}
	sound := k.sound(h, b, old)
	if k.broken {
		k.step = int32(k.last) - int32(sound[0])
	}
	pcm.Bend(sound, k.step, len(sound)*50/healTime)
	k.step, k.broken = 0, false
	k.last, k.next = sound[len(sound)-1], b.time+b.period
	k.list(h)
	n := k.key.format.Samples(k.key.format.PacketTime)
	if len(k.wait) == 0 && len(sound) == n {
		k.packet(h, sound)
		return
	}
	k.wait = append(k.wait, sound...)
	sent := 0
	for ; len(k.wait)-sent >= n; sent += n {
		k.packet(h, k.wait[sent:sent+n])
		k.start += int64(k.key.format.PacketTime)
	}
	k.wait = k.wait[:copy(k.wait, k.wait[sent:])]
}

// sound returns the class's frame at the format's rate and its gain.
func (k *class) sound(h *hand, b *beat, old int) []int16 {
	frame := k.mixed(h, b, old)
	if k.key.gain != 0 {
		g := dbGain(k.key.gain)
		pcm.Amplify(frame, frame, g, g)
	}
	if k.mix.conf.engine.keeps {
		k.coded = append(k.coded[:0], frame...)
	}
	return frame
}

// mixed returns the mix as the class hears it. old is the room's rate before this tick, 0 if
// it stayed: then both ways are gone once and the new fades in over the old.
func (k *class) mixed(h *hand, b *beat, old int) []int16 {
	n := k.key.format.SampleRate * b.samples / b.rate
	if old == 0 {
		return k.convert(h, k.conv, &h.coded, k.mix.sum, k.own(false), &k.limit, n)
	}
	limit := k.limit
	past := k.convert(h, k.conv, &h.past, k.mix.former, k.own(true), &limit, n)
	k.setRate(b.rate)
	now := k.convert(h, k.conv, &h.coded, k.mix.sum, k.own(false), &k.limit, n)
	pcm.Crossfade(now, past, now)
	return now
}

// own returns what the class leaves out of the sum, or nil.
func (k *class) own(former bool) []int16 {
	if k.less == nil {
		return nil
	}
	t := k.mix.find(k.less)
	switch {
	case t == nil:
		return nil
	case former:
		return t.former
	}
	return t.frame
}

// convert takes a sum through own-removal, limiter and resampler into buf.
func (k *class) convert(h *hand, conv *resample.Converter, buf *[]int16, sum []int32, own []int16, limit *limiter, n int) []int16 {
	scratch := h.scratch(len(sum))
	if own != nil {
		pcm.Less(scratch, sum, own)
		sum = scratch
	}
	if step := k.mix.left(k.less); step != 0 {
		copy(scratch, sum)
		fade(scratch, -step)
		sum = scratch
	}
	*buf = sized(*buf, n)
	if conv == nil {
		limit.process(*buf, sum)
		return *buf
	}
	h.room = sized(h.room, len(sum))
	limit.process(h.room, sum)
	conv.Process(*buf, h.room)
	return *buf
}

// list names who is in the packet: RFC 3550 CSRC, RFC 6465 levels, loudest first.
func (k *class) list(h *hand) {
	h.ids, h.levels = h.ids[:0], h.levels[:0]
	for i, id := range k.mix.ids {
		if (k.less == nil || id != k.less.id) && len(h.ids) < maxContributors {
			h.ids, h.levels = append(h.ids, id), append(h.levels, k.mix.levels[i])
		}
	}
}

// maxContributors is what a CSRC list can hold (RFC 3550 section 5.1).
const maxContributors = 15

// packet encodes one packet time and hands it to every output, or keeps it for that.
func (k *class) packet(h *hand, pcm []int16) {
	o := &h.out
	*o = media.Outgoing{
		Time: k.start, ClockRate: uint32(k.key.format.ClockRate),
		Contributors: h.ids, Levels: h.levels, Outbox: h.outbox,
	}
	if !k.code(h, o, pcm) {
		return
	}
	end := k.start + int64(k.key.format.PacketTime)
	if k.mix.conf.shares(k) {
		k.hold(o, end)
		return
	}
	send(k.outputs, o, end)
}

// code fills in the payload and reports whether there is anything to send.
func (k *class) code(h *hand, o *media.Outgoing, pcm []int16) bool {
	stats := &k.mix.conf.engine.stats
	if k.key.noise && k.pause.silent(pcm, k.key.format) {
		o.Kind = media.ComfortNoise
		o.Data = codec.AppendCN(h.payload[:0], k.pause.level)
		return k.pause.due()
	}
	data, err := k.encode(h, pcm)
	if err != nil {
		stats.EncodeErrors.Add(1)
		return false
	}
	o.Data = data
	o.Marker = k.pause.resume(len(data) > 0)
	return len(data) > 0
}

// encode codes one packet time, unless it is silence that needs no encoder.
func (k *class) encode(h *hand, pcm []int16) ([]byte, error) {
	if data := k.still.stand(h, pcm, k); data != nil {
		return data, nil
	}
	data, err := k.enc.Encode(h.payload[:0], pcm)
	h.payload = data[:0]
	k.mix.conf.engine.stats.Encoded.Add(1)
	return data, err
}
