package mixer

import (
	"sync"
	"sync/atomic"

	"github.com/confd/confd/codec"
	"github.com/confd/confd/media"
)

// InputConfig says how the packets of one source are to be understood. Nobody modifies the
// maps of one that was handed over: inputs keep them.
type InputConfig struct {
	// Formats holds, by payload type (0 to 127), what was negotiated.
	Formats map[uint8]media.Format
	// ComfortNoise and TelephoneEvent hold the RTP clock, Hz, of the payload types of
	// RFC 3389 and RFC 4733.
	ComfortNoise   map[uint8]uint32
	TelephoneEvent map[uint8]uint32
	// Held drops all sound: the peer put the call on hold and may send music.
	Held bool
	// Muted keeps the input out of every mix; its stream is followed all the same.
	Muted bool
	// Gain is linear, up to 1000; 0 means 1. What it raises above full scale saturates.
	Gain float32
}

// Input is one stream of ingress: jitter buffer, decoder, concealment, drift, resampling
// and level. It is made by any goroutine; from AddInput to RemoveInput it belongs to the
// worker of its conference.
type Input struct {
	// What every tick touches comes first, close together: see fetchInput.
	source media.Source
	nearer media.Nearer // source, if it is one
	conf   *Conference
	format *media.Format // of the audio packet before, whose payload type was pt
	pt     uint8

	told    bool        // packets tell their loudness; else only listening does
	news    bool        // they did since the last tick
	raw     media.Level // the loudest of the news, or what was told last
	hint    codec.Activity
	made    bool // someone needs the sound this tick
	level   media.Level
	warm    int8    // packets to decode again when it gets a voice this tick
	loud    float32 // dBov, smoothed: quick up, slow down
	was     float32 // loudness, told, heard or guessed, a tick ago
	gain    float32 // in force at the end of the last frame
	heardAt int64   // media time at which sound was last rendered
	guess   guess
	speaker speaker
	talking int    // mixes that chose it
	voice   *voice // decoder and PCM, only while someone needs the sound
	taps    []media.Tap
	packets []media.PacketTap
	cfg     InputConfig
	digits  digits
	stats   inputCounters
	play    playout

	// formats are those of cfg. Packets that wait point to theirs, so a format is never
	// overwritten: another one gets another pointer.
	formats [128]*media.Format
	comfort [128]bool // the keys of cfg.ComfortNoise
	events  [128]bool // and of cfg.TelephoneEvent
	id      uint32    // what names this input in contributor lists
	index   int       // in conf.inputs
	next    int64     // media time up to which its last conference has consumed it
	gauge   codec.Gauge
	frame   []int16 // this tick's sound at the room's rate, after gain: own, or in the voice
	own     []int16
	former  []int16   // the same at the rate before, in the tick that changes it
	power   float64   // mean square of frame
	outputs []*Output // whose self is this input
}

var inputIDs atomic.Uint32

// NewInput makes an input that reads src. It belongs to no conference yet.
func NewInput(src media.Source, cfg InputConfig) *Input {
	warmKernels(cfg)
	nearer, _ := src.(media.Nearer)
	in := &Input{source: src, nearer: nearer, id: inputIDs.Add(1), index: -1, loud: floorLoud, was: floorLoud, guess: guess{loud: floorLoud}}
	in.configure(cfg)
	in.gain = in.targetGain()
	return in
}

// ID is what names the input in contributor lists (RFC 3550 CSRC): the server's own
// number, not the SSRC of the peer.
func (in *Input) ID() uint32 { return in.id }

func (in *Input) configure(cfg InputConfig) {
	cfg.Gain = usable(cfg.Gain)
	if cfg.Held && !in.cfg.Held {
		in.play.restart()
		in.flush()
	}
	in.cfg, in.format = cfg, nil
	for pt := range uint8(len(in.formats)) {
		_, in.comfort[pt] = cfg.ComfortNoise[pt]
		_, in.events[pt] = cfg.TelephoneEvent[pt]
		in.formats[pt] = decoded(cfg.Formats[pt], in.formats[pt])
	}
}

// decoded returns f as decoders want it, and have if that is the same. What only an encoder
// asks for must not tell decoders apart: they are reused.
func decoded(f media.Format, have *media.Format) *media.Format {
	f.PacketTime, f.Opus = 0, media.OpusParams{}
	switch {
	case f.Codec == media.NoCodec:
		return nil
	case have != nil && *have == f:
		return have
	}
	return common(f)
}

// maxShared bounds how many formats are shared; there are not as many that make sense.
const maxShared = 64

var (
	formats     sync.Map // media.Format to *media.Format
	formatCount atomic.Int32
)

// common returns the one copy of a format that all inputs look at, so that it is near. It
// takes a lock only for a format that was not seen before.
func common(f media.Format) *media.Format {
	if have, ok := formats.Load(f); ok {
		return have.(*media.Format)
	}
	made := &f
	if formatCount.Load() >= maxShared {
		return made
	}
	have, known := formats.LoadOrStore(f, made)
	if !known {
		formatCount.Add(1)
	}
	return have.(*media.Format)
}

// usable returns a gain that can be reckoned with, up to 60 dB: 1 for 0 and what is no gain.
func usable(gain float32) float32 {
	if !(gain > 0) {
		return 1
	}
	return min(gain, 1000)
}

// targetGain is the gain that the configuration asks for.
func (in *Input) targetGain() float32 {
	if in.cfg.Muted || in.cfg.Held || in.digits.silencing {
		return 0
	}
	return in.cfg.Gain
}

// flush drops decoded sound that belongs to a stream that ended.
func (in *Input) flush() {
	if in.voice != nil {
		in.voice.flush()
	}
}

// Receive takes one packet at the drain stage. It implements media.Receiver.
func (in *Input) Receive(p *media.Packet) {
	in.stats.packets.Add(1)
	for _, t := range in.packets {
		t.Packet(p)
	}
	pt := p.PayloadType & 0x7f
	if in.format != nil && pt == in.pt && !in.cfg.Held {
		in.audio(p, in.format)
		return
	}
	switch f := in.formats[pt]; {
	case in.cfg.Held:
		in.stats.held.Add(1)
	case in.events[pt]:
		in.event(p)
	case in.comfort[pt]:
		in.silence(p)
	case f != nil:
		in.pt, in.format = pt, f
		in.audio(p, f)
	default:
		in.stats.unknown.Add(1)
	}
}

// audio stores a packet and learns what it tells without decoding.
func (in *Input) audio(p *media.Packet, f *media.Format) {
	n := codec.PacketSamples(*f, p.Payload)
	if n == 0 || len(p.Payload) > maxPayload {
		in.stats.malformed.Add(1)
		return
	}
	s := in.accept(p, f)
	if s == nil {
		return
	}
	s.kind, s.samples = slotAudio, n
	in.inspect(p, f, s)
}

// inspect judges loudness and silence from the packet alone.
func (in *Input) inspect(p *media.Packet, f *media.Format, s *slot) {
	act, level, exact := codec.Inspect(*f, p.Payload)
	s.silent = f.Codec == media.Opus && len(p.Payload) <= 2
	in.hint = act
	in.told = true
	switch {
	case exact:
		in.tell(level)
	case p.HasLevel:
		in.tell(p.Level)
	case s.silent:
		in.tell(media.Silence)
	default:
		in.told = false
		if l, ok := in.gauge.Read(f, p.Payload); ok {
			in.guess.suppose(l)
		}
	}
}

// comfort stores a comfort-noise packet: the sender pauses. The noise that it describes is
// for one listener who would think the line dead; in a mix it would add up.
func (in *Input) silence(p *media.Packet) {
	if _, err := codec.ParseCN(p.Payload); err != nil {
		in.stats.malformed.Add(1)
		return
	}
	f := in.play.format
	if f == nil {
		return // a stream that opens with silence has not begun
	}
	s := in.accept(p, f)
	if s == nil {
		return
	}
	s.kind, s.samples, s.silent = slotComfort, 0, true
	in.tell(media.Silence)
}

// event follows RFC 4733: the packet takes its place in the sequence, the digit goes to
// the room once, and the input is silent meanwhile.
func (in *Input) event(p *media.Packet) {
	ev, err := codec.ParseEvent(p.Payload)
	if err != nil {
		in.stats.malformed.Add(1)
		return
	}
	in.play.acceptEvent(p)
	clock := in.cfg.TelephoneEvent[p.PayloadType&0x7f]
	in.digits.take(in, p, ev, clock)
}

// accept gives a packet its slot, or nil if it is a duplicate or too late.
func (in *Input) accept(p *media.Packet, f *media.Format) *slot {
	verdict := in.play.accept(p, f)
	switch verdict {
	case packetRestart:
		in.stats.restarts.Add(1)
		in.flush()
	case packetDuplicate:
		in.stats.duplicate.Add(1)
		return nil
	case packetLate:
		in.stats.late.Add(1)
		return nil
	}
	return in.play.store(p, f)
}
