package mixer

import (
	"github.com/confd/confd/codec"
	"github.com/confd/confd/internal/pcm"
	"github.com/confd/confd/media"
)

const (
	// voiceHistory is how much consumed sound stays in front of the position, samples: more
	// than half of any interpolation kernel.
	voiceHistory = 256
	// voicePast is how much may lie before that until it is moved, samples: moving it with each
	// frame of narrow sound costs more than decoding it.
	voicePast = 640
	// voiceSize holds history, the longest packet, a frame and its lookahead, samples.
	voiceSize = 3 * codec.MaxFrame
	// voiceSpan is what a voice of a lower rate holds beside its history, ms: maxDelay and the
	// same, within a size that the allocator has.
	voiceSpan = 736
	// warmPackets are decoded again when an input gets a voice that is heard; see repeats.
	warmPackets = 3
	// adaptTime is how much sound, ms, is decoded again for each of them of a codec whose
	// state fades slowly.
	adaptTime = 80
	// judgePackets are, when it gets one only to learn how loud it is: with the packet that
	// is judged it has heard as many, should it be a talker at the next tick. One more costs
	// a tenth of the tick of a large Opus room; with one less, decoders that start cold show
	// speech 6 dB too low, and who is louder than the talkers waits a third longer.
	judgePackets = warmPackets - 1
	// healTime is how long a break in the sound is smoothed over, as a divisor of a second.
	healTime = 250
)

// voice turns one stream's packets into sound: decoders and decoded samples. Only inputs
// that someone needs to hear have one; they come from the engine's pool. A nil voice is
// that of an input which nobody hears: it takes everything and makes nothing.
type voice struct {
	// What every packet touches comes first.
	pcm      []int16
	end      int // of the written samples in pcm
	past     int // samples at the front of pcm that nothing needs any more
	current  codec.Decoder
	asked    *media.Format // of current; one that is equal may be elsewhere
	decoded  uint64
	last     int16 // sample that was read out last, at the room's rate
	broken   bool  // the next frame does not continue the last one
	flushed  bool  // there is nothing before end; what is still there may be a frame in use
	quiet    bool  // the last frame was quiet: a cut in it is not heard
	format   media.Format
	decoders []decoder
	frame    media.Frame // for taps
}

type decoder struct {
	format media.Format
	codec.Decoder
}

func newVoice() *voice {
	v := &voice{end: voiceHistory}
	v.fit(minRate)
	return v
}

// fit makes room for sound of a rate, samples per second. It never takes any away: a voice is as
// large as the highest rate that it has had asks for, so that those of narrow sound lie close together.
func (v *voice) fit(rate int) {
	if v == nil {
		return
	}
	n := min(voiceHistory+rate/1000*voiceSpan, voiceSize)
	if n <= len(v.pcm) {
		return
	}
	larger := make([]int16, n)
	copy(larger, v.pcm)
	v.pcm = larger
}

// maxDecoders bounds what a peer that changes its codec all the time can make us hold.
const maxDecoders = 8

// use makes the decoder for f current.
func (v *voice) use(f *media.Format) error {
	if v.current != nil && (v.asked == f || v.format == *f) {
		return nil
	}
	v.fit(f.SampleRate)
	for i := range v.decoders {
		if d := &v.decoders[i]; d.format == *f {
			v.current, v.asked, v.format, v.broken = d.Decoder, f, *f, true
			return d.Reset()
		}
	}
	d, err := codec.NewDecoder(*f)
	if err != nil {
		return err
	}
	if len(v.decoders) == maxDecoders {
		v.decoders = append(v.decoders[:0], v.decoders[1:]...)
	}
	v.decoders = append(v.decoders, decoder{*f, d})
	v.current, v.asked, v.format, v.broken = d, f, *f, true
	return nil
}

// reserve makes room for n samples and returns it, or nil when the store is full.
func (v *voice) reserve(n int) []int16 {
	if v.flushed {
		clear(v.pcm[:voiceHistory])
		v.flushed = false
	}
	if v.past > voicePast || v.end+n > len(v.pcm) {
		v.trim()
	}
	if v.end+n > len(v.pcm) {
		return nil
	}
	return v.pcm[v.end : v.end+n]
}

// decode appends a packet's sound, exactly as many samples as the slot says. It reports
// whether the payload was sound; if not, concealment stands in.
func (v *voice) decode(s *slot) bool {
	if v == nil {
		return true
	}
	usable := v.use(s.format) == nil
	dst := v.reserve(s.samples)
	if dst == nil {
		return true
	}
	v.end += len(dst)
	v.decoded++
	if usable {
		if n, err := v.current.Decode(dst, s.payload); err == nil && n == len(dst) {
			return true
		}
	}
	v.makeUp(dst)
	return false
}

// recover appends n samples for a lost packet: from the redundancy in the next one if there
// is any (then it reports true), else made up.
func (v *voice) recover(n int, next *slot) bool {
	if v == nil {
		return false
	}
	dst := v.reserve(n)
	if dst == nil {
		return false
	}
	v.end += n
	if next != nil && v.current != nil && *next.format == v.format {
		v.decoded++
		if ok, err := v.current.Recover(dst, next.payload); ok && err == nil {
			return true
		}
	}
	v.makeUp(dst)
	return false
}

// conceal appends n made-up samples.
func (v *voice) conceal(n int) {
	if v == nil {
		return
	}
	if dst := v.reserve(n); dst != nil {
		v.end += n
		v.makeUp(dst)
	}
}

// count returns how many packets were decoded since it was asked last.
func (v *voice) count() (n uint64) {
	n, v.decoded = v.decoded, 0
	return n
}

func (v *voice) makeUp(dst []int16) {
	if v.current == nil || v.current.Conceal(dst) != nil {
		clear(dst)
	}
}

// silence appends n samples of silence.
func (v *voice) silence(n int) {
	if v == nil {
		return
	}
	if dst := v.reserve(n); dst != nil {
		clear(dst)
		v.end += n
	}
}

// flush drops what was decoded; the sound goes on from the last sample without a click.
func (v *voice) flush() {
	if v == nil {
		return
	}
	v.end, v.past = voiceHistory, 0
	v.broken, v.flushed = true, true
}

// read takes one frame of n samples out, as the reading says. It is in buf, or it is still in the
// store, where it stays until more is decoded; nobody modifies it there.
func (v *voice) read(n int, buf []int16, r *reading) (frame, kept []int16) {
	frame = v.view(n, r)
	if frame == nil || v.broken {
		buf = sized(buf, n)
		v.peek(buf, r)
		v.heal(buf)
		frame = buf
	}
	v.last = frame[n-1]
	if !r.idle {
		v.past = max(int((int64(v.end)<<32-r.pos+int64(r.step)*int64(n))>>32)-voiceHistory, 0)
		v.past = min(v.past, v.end)
	}
	return frame, buf
}

// view returns n samples that need not be interpolated, where they are, or nil.
func (v *voice) view(n int, r *reading) []int16 {
	start := int64(v.end)<<32 - r.pos
	from := int(start >> 32)
	if r.idle || start < 0 || !r.exact || from+n > v.end {
		return nil
	}
	return v.pcm[from : from+n]
}

// peek writes one frame of sound and takes nothing.
func (v *voice) peek(dst []int16, r *reading) {
	if frame := v.view(len(dst), r); frame != nil {
		copy(dst, frame)
		return
	}
	v.trim()
	if start := int64(v.end)<<32 - r.pos; r.idle || start < 0 {
		clear(dst)
	} else {
		v.interpolate(dst, start, r)
	}
}

// interpolate reads at fractional positions where the store holds all that the kernel needs.
func (v *voice) interpolate(dst []int16, start int64, r *reading) {
	half := r.kern.Half()
	last := int((start + int64(r.step)*int64(len(dst)-1)) >> 32)
	if int(start>>32) < half-1 || last+half >= len(v.pcm) {
		clear(dst)
		v.broken = true
		return
	}
	if beyond := last + half + 1; beyond > v.end {
		clear(v.pcm[v.end:beyond])
	}
	r.kern.Interpolate(dst, v.pcm, uint64(start), r.step)
}

// heal bends the start of a frame to where the last one ended.
func (v *voice) heal(dst []int16) {
	if v.broken {
		v.broken = false
		pcm.Bend(dst, int32(v.last)-int32(dst[0]), len(dst)*50/healTime)
	}
}

// trim moves what is still needed to the front.
func (v *voice) trim() {
	if v.past > 0 {
		v.end = copy(v.pcm, v.pcm[v.past:v.end])
		v.past = 0
	}
}

// warm fills a fresh voice with what the stream would have decoded: the last packets, so
// that decoder and history are nearly as if it had always listened. What was quiet so far is
// best foretold by silence (prime), else by what libopus begins with.
func (v *voice) warm(p *playout, packets int, quiet bool) {
	if p.format != nil {
		v.fit(p.format.SampleRate)
	}
	v.flush()
	if !p.playing {
		v.resume(p, packets)
		return
	}
	v.silence(int(max(p.ahead>>32, 0)) + voiceHistory)
	lost := p.run > 0 && packets > 1
	if lost {
		packets--
	}
	if quiet && packets > 0 && v.prime(p) {
		packets--
	}
	v.again(p, packets)
	if lost {
		v.conceal(min(p.run, p.last))
		v.decoded++
	}
	v.broken = false
}

// resume readies the decoder for a stream that goes on after a pause: with what came before
// the pause, and a loss, as if it had listened. A SILK decoder that begins anew in the middle
// of a voice can overshoot by more than 10 dB.
func (v *voice) resume(p *playout, packets int) {
	if packets > 1 && v.again(p, packets-1) {
		v.conceal(p.last)
		v.decoded++
	}
	v.flush()
}

// repeats is how many packets are decoded again where one of Opus would be. What predicts in
// G.722 forgets 0.4 % with each sample: speech that begins 60 ms later is still up to 2 dB off
// and its waves are bent; 240 ms later it is what a decoder that always listened makes, to
// -29 dB. That costs no more than 60 ms of Opus.
func (p *playout) repeats() int {
	if p.format == nil || p.format.Codec != media.G722 || p.last == 0 {
		return 1
	}
	return max(1, p.format.SampleRate/1000*adaptTime/p.last)
}

// again decodes the last packets, and reports whether there were any.
func (v *voice) again(p *playout, packets int) bool {
	first, room := p.nextSeq, len(v.pcm)-v.end
	for range packets * p.repeats() {
		s := p.buf.at(first - 1)
		if s == nil || s.kind != slotAudio || p.format == nil || s.format.SampleRate != p.format.SampleRate || s.samples > room {
			break
		}
		room -= s.samples // the newest must fit: they are what is read next
		first--
	}
	for seq := first; seq < p.nextSeq; seq++ {
		v.decode(p.buf.at(seq))
	}
	return first < p.nextSeq
}

// prime has a decoder of a stream in CELT mode hear silence, which predicts the energies of
// quiet sound as no fresh decoder does: without it the first syllable is a decibel too loud.
func (v *voice) prime(p *playout) bool {
	s := p.buf.at(p.nextSeq - 1)
	if s == nil || s.kind != slotAudio || s.format.Codec != media.Opus || s.payload[0] < 16<<3 || v.use(s.format) != nil {
		return false
	}
	v.decoded++
	_, err := v.current.Decode(v.pcm[v.end:], opusSilence20)
	return err == nil
}
