package mixer

import (
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/confd/confd/internal/testkit/tone"
	"github.com/confd/confd/internal/testkit/wait"
	"github.com/confd/confd/media"
	"github.com/confd/confd/transport"
)

func narrow(t testing.TB) media.Format { return format(t, media.L16, 8000, 20*time.Millisecond) }

// In steady state a tick allocates nothing, whatever the codecs.
func TestTickAllocatesNothing(t *testing.T) {
	b := newBed(t, Config{})
	src := make([]*canned, 0, 20)
	for i := range 20 {
		f := narrow(t)
		switch i % 4 {
		case 1:
			f = format(t, media.PCMU, 8000, 20*time.Millisecond)
		case 2:
			f = format(t, media.G722, 16000, 20*time.Millisecond)
		case 3:
			f = format(t, media.Opus, 48000, 20*time.Millisecond)
		}
		p := b.phone(f, -20, float64(300+i*50), network{})
		c := newCanned(p, 400)
		src = append(src, c)
		p.in.source = c
		p.out.sink = discard{}
		p.join()
	}
	// Warm-up: jitter buffers grow their slots, voices and frames are made, the rate settles.
	b.run(4 * time.Second)
	if n := testing.AllocsPerRun(100, b.tick); n != 0 {
		t.Errorf("%v allocations per tick", n)
	}
	if src[0].n < 200 {
		t.Fatal("no packets were read")
	}
}

type discard struct{}

func (discard) Send(*media.Outgoing) {}

// canned plays packets that were made beforehand.
type canned struct {
	packets []media.Packet
	packet  media.Packet
	n       int
	first   int64
}

func newCanned(p *testPhone, n int) *canned {
	p.make(p.start + int64(n)*int64(p.send.PacketTime))
	c := &canned{packets: p.queue}
	p.queue = nil
	return c
}

func (c *canned) Poll(now int64, limit int, to media.Receiver) int {
	if c.first == 0 {
		c.first = now
	}
	c.packet = c.packets[c.n%len(c.packets)]
	c.packet.Arrival = now - 3e6
	c.n++
	to.Receive(&c.packet)
	return 1
}

// A leg waits in a mix of its own with a prompt, then moves to the room, across
// conferences of different rate; its stream does not break and it hears each in turn.
func TestWaitingMixThenRoom(t *testing.T) {
	b := newBed(t, Config{})
	room := b.conf
	b.phone(narrow(t), -20, 440, network{phase: 2e6}).join()
	wait := b.eng.NewConference(ConferenceConfig{Rate: 16000})
	prompt := b.phone(format(t, media.L16, 16000, 20*time.Millisecond), -20, 700, network{})
	l := b.phone(narrow(t), -20, 0, network{phase: 5e6})
	hold := wait.NewMix(MixConfig{Sources: []MixSource{{Input: prompt.in}}})
	wait.Apply(AddInput(prompt.in), AddInput(l.in), Attach(l.out, hold, l.in))
	both := func(d time.Duration) {
		for range int(d / (20 * time.Millisecond)) {
			b.tickAll(wait, room)
		}
	}
	both(2 * time.Second)
	expect(t, l, []float64{700}, []float64{440})
	wait.Apply(Move(l.in, []*Output{l.out}, room, room.Full()), RemoveInput(prompt.in))
	both(2 * time.Second)
	expect(t, l, []float64{440}, []float64{700})
	if l.breaks != 0 {
		t.Errorf("%d breaks in media time", l.breaks)
	}
	if step, _ := tone.MaxStep(l.heard[4000:]); step > 2*1900 {
		t.Errorf("a step of %d in the move", step)
	}
	if len(wait.classes) != 0 {
		t.Errorf("%d classes left behind", len(wait.classes))
	}
}

func expect(t *testing.T, p *testPhone, present, absent []float64) {
	t.Helper()
	err := tone.Check(p.tail(800*time.Millisecond), p.recv.SampleRate,
		tone.Expect{Present: present, Absent: absent, Apart: 40, AtLeast: -35})
	if err != nil {
		t.Error(err)
	}
}

// A whisper: one listener hears a coach whom the others do not, and the room besides.
func TestWhisperMix(t *testing.T) {
	b := newBed(t, Config{})
	agent := b.phone(narrow(t), -20, 400, network{})
	customer := b.phone(narrow(t), -20, 900, network{})
	coach := b.phone(narrow(t), -40, 1500, network{})
	main := b.conf.NewMix(MixConfig{All: true, Except: []*Input{coach.in}})
	ear := b.conf.NewMix(MixConfig{All: true, Sources: []MixSource{{Input: coach.in, Gain: 4, Pinned: true}}, Talkers: 2})
	b.conf.Apply(AddInput(agent.in), AddInput(customer.in), AddInput(coach.in),
		Attach(agent.out, ear, agent.in), Attach(customer.out, main, customer.in), Attach(coach.out, b.conf.Full(), coach.in))
	b.run(2 * time.Second)
	expect(t, agent, []float64{900, 1500}, []float64{400})
	expect(t, customer, []float64{400}, []float64{900, 1500})
	expect(t, coach, []float64{400, 900}, []float64{1500})
	if l := tone.Level(agent.tail(time.Second), 8000, 1500); l < -29 || l > -27 {
		t.Errorf("the coach at %.1f dB, want -40 raised by 12", l)
	}
}

// pcmTap records an input's sound.
type pcmTap struct {
	pcm    []int16
	rate   int
	next   int64
	breaks int
}

func (p *pcmTap) Frame(f *media.Frame) {
	if p.next != 0 && f.Time != p.next {
		p.breaks++
	}
	p.next = f.Time + 20e6
	p.rate = f.SampleRate
	p.pcm = append(p.pcm, f.Samples...)
}

type packetCount struct{ n int }

func (p *packetCount) Packet(*media.Packet) { p.n++ }

// A tap hears an input that no mix chose, every tick, through pauses.
func TestTaps(t *testing.T) {
	b := newBed(t, Config{Talkers: 1})
	b.phone(narrow(t), -10, 400, network{}).join()
	quiet := b.phone(narrow(t), -40, 900, network{pause: func(n int) bool { return n%100 > 80 }})
	quiet.join()
	b.phone(narrow(t), -20, 0, network{}).join()
	tap, count := &pcmTap{}, &packetCount{}
	b.conf.Apply(AddTap(quiet.in, tap), AddPacketTap(quiet.in, count))
	b.run(4 * time.Second)
	if quiet.in.talking > 0 {
		t.Error("the quiet one is a talker; the test needs one that is not")
	}
	if l := tone.Level(tap.pcm[:8000], tap.rate, 900); l < -42 {
		t.Errorf("tap heard 900 Hz at %.1f dB", l)
	}
	if len(tap.pcm) < 4*8000-400 || tap.breaks > 0 {
		t.Errorf("tap got %d samples with %d breaks", len(tap.pcm), tap.breaks)
	}
	if count.n < 150 || count.n > 165 {
		t.Errorf("packet tap saw %d packets, want about 162", count.n)
	}
	b.conf.Apply(RemoveTap(quiet.in, tap), RemovePacketTap(quiet.in, count))
	b.run(200 * time.Millisecond)
	n := len(tap.pcm)
	b.run(200 * time.Millisecond)
	if len(tap.pcm) != n || quiet.in.voice != nil {
		t.Error("a removed tap still costs a decode")
	}
}

// Pushed ingress is a source like any other.
func TestPushedIngress(t *testing.T) {
	b := newBed(t, Config{})
	l := b.phone(narrow(t), -20, 0, network{}).join()
	p := b.phone(narrow(t), -20, 440, network{})
	ring, err := transport.NewRing(64, 1500)
	if err != nil {
		t.Fatal(err)
	}
	p.in.source = ring
	b.conf.Apply(AddInput(p.in))
	b.after = func() {
		p.make(b.due + 15e6)
		for i := range p.queue {
			if !ring.Push(&p.queue[i]) {
				t.Error("ring full")
			}
		}
		p.queue = p.queue[:0]
	}
	b.run(2 * time.Second)
	expect(t, l, []float64{440}, nil)
}

// With K places the K loudest are heard, also steady ones, and a little louder is not
// enough to take a place.
func TestLoudestKWithHysteresis(t *testing.T) {
	b := newBed(t, Config{Talkers: 2})
	l := b.phone(narrow(t), -20, 0, network{}).join()
	b.phone(narrow(t), -20, 400, network{}).join()
	b.phone(narrow(t), -22, 700, network{}).join()
	b.run(time.Second)
	b.phone(narrow(t), -21, 1100, network{}).join() // 1 dB over the weaker
	b.run(2 * time.Second)
	expect(t, l, []float64{400, 700}, []float64{1100})
	b.phone(narrow(t), -12, 1700, network{}).join()
	b.run(2 * time.Second)
	expect(t, l, []float64{400, 1700}, []float64{700, 1100})
}

// Opus without levels in a big room: who speaks is found though few are decoded.
func TestSpeakerFoundAmongManyUnknown(t *testing.T) {
	b := newBed(t, Config{Candidates: 2})
	f := format(t, media.Opus, 48000, 20*time.Millisecond)
	l := b.phone(narrow(t), -20, 0, network{}).join()
	hiss := newCanned(b.phone(f, -90, 333, network{}), 300)
	for range 40 {
		p := b.phone(f, -90, 333, network{})
		p.in.source = &canned{packets: hiss.packets}
		p.out.sink = discard{}
		p.join()
	}
	s := b.phone(f, -90, 333, network{}).join()
	b.run(2 * time.Second)
	voices := 0
	for _, in := range b.conf.inputs {
		if in.voice != nil {
			voices++
		}
	}
	if voices > 4 {
		t.Errorf("%d inputs are decoded in a silent room, want at most the candidates", voices)
	}
	s.gen = tone.New(48000, -15, 800)
	b.run(2500 * time.Millisecond)
	expect(t, l, []float64{800}, []float64{333})
}

// Hold drops what the held phone sends.
func TestHeldInputIsNotMixed(t *testing.T) {
	b := newBed(t, Config{})
	l := b.phone(narrow(t), -20, 0, network{}).join()
	p := b.phone(narrow(t), -20, 440, network{}).join()
	b.run(time.Second)
	cfg := p.in.cfg
	cfg.Held = true
	b.conf.Apply(Configure(p.in, cfg))
	b.run(2 * time.Second)
	if r := tone.RMS(l.tail(time.Second)); r > -80 {
		t.Errorf("held music at %.1f dB", r)
	}
	cfg.Held = false
	b.conf.Apply(Configure(p.in, cfg))
	b.run(2 * time.Second)
	expect(t, l, []float64{440}, nil)
}

// A digit told by seven packets is one digit; meanwhile the mix has neither its tone nor
// concealment.
func TestTelephoneEvent(t *testing.T) {
	b := newBed(t, Config{})
	var events []Event
	b.conf.cfg.Events = func(e Event) {
		if e.Kind == DigitStarted || e.Kind == DigitEnded {
			events = append(events, e)
		}
	}
	l := b.phone(narrow(t), -20, 0, network{}).join()
	p := b.phone(narrow(t), -20, 440, network{phase: 5e6})
	p.join()
	b.run(time.Second)
	from := len(l.heard)
	start := p.ts
	p.net.pause = func(int) bool { return true } // audio stops, its numbers go to events
	for i := range 15 {
		b.tick()
		p.event(start, uint16(160*(i+1)), 5, false)
	}
	for range 3 {
		p.event(start, 160*15, 5, true)
	}
	p.net.pause = nil
	b.run(time.Second)
	if len(events) != 2 || events[0].Digit != '5' || events[1].Kind != DigitEnded || events[1].Duration != 300*time.Millisecond {
		t.Errorf("events %+v, want one 5 of 300 ms", events)
	}
	during := l.heard[from+800 : from+800+1200]
	if r := tone.RMS(during); r > -60 {
		t.Errorf("%.1f dB in the mix during the digit", r)
	}
	expect(t, l, []float64{440}, nil)
}

// A phone that sends the key's tone as sound beside its events is silent meanwhile.
func TestToneBesideTelephoneEventIsNotMixed(t *testing.T) {
	b := newBed(t, Config{})
	l := b.phone(narrow(t), -20, 0, network{}).join()
	p := b.phone(narrow(t), -20, 440, network{phase: 5e6})
	p.join()
	b.run(time.Second)
	from := len(l.heard)
	p.gen = tone.New(8000, -20, 770, 1336)
	for i := range 15 {
		b.tick()
		p.event(4294900000+8000, uint16(160*(i+1)), 5, false)
	}
	for range 3 {
		p.event(4294900000+8000, 160*15, 5, true)
	}
	b.tick()
	p.gen = tone.New(8000, -20, 440)
	b.run(time.Second)
	if r := tone.RMS(l.heard[from+800 : from+15*160]); r > -60 {
		t.Errorf("%.1f dB in the mix during the digit", r)
	}
	expect(t, l, []float64{440}, nil)
}

// Redundancy in the next packet fills in for a lost one.
func TestRedundancyIsUsed(t *testing.T) {
	b := newBed(t, Config{})
	f := format(t, media.Opus, 48000, 20*time.Millisecond)
	f.Opus.FEC, f.Opus.Loss = true, 20
	p := b.phone(f, -20, 440, network{phase: 5e6, pause: func(n int) bool { return n%10 == 9 }}).join()
	p.gen = &speech{rate: 48000}
	b.phone(narrow(t), 0, 0, network{}).join()
	b.run(5 * time.Second)
	first := p.in.Stats()
	b.run(5 * time.Second)
	s := p.in.Stats()
	lost, recovered := s.Lost-first.Lost, s.Recovered-first.Recovered
	if lost < 20 || recovered*10 < lost*7 {
		t.Errorf("recovered %d of %d lost", recovered, lost)
	}
	if s.Delay > 60*time.Millisecond {
		t.Errorf("delay %v for the sake of one packet more", s.Delay)
	}
}

// Past its bound a room makes no more encoders for what peers ask for.
func TestClassesAreBounded(t *testing.T) {
	b := newBed(t, Config{MaxClasses: 4})
	for i := range 20 {
		f := format(t, media.Opus, 48000, 20*time.Millisecond)
		f.Opus.Bitrate = 16000 + 1000*i
		p := b.phone(f, -20, 0, network{})
		p.in.source = nothing{}
		p.join()
	}
	b.run(time.Second)
	if n := len(b.conf.classes); n != 4 {
		t.Errorf("%d classes, want 4", n)
	}
	for _, k := range b.conf.classes {
		for _, o := range k.outputs {
			if k.key.format.Opus.Bitrate > o.cfg.Format.Opus.Bitrate {
				t.Errorf("an output that allows %d gets %d bit/s", o.cfg.Format.Opus.Bitrate, k.key.format.Opus.Bitrate)
			}
		}
	}
}

// event queues an RFC 4733 packet in place of the audio packet of this time.
func (p *testPhone) event(ts uint32, duration uint16, code byte, end bool) {
	payload := binary.BigEndian.AppendUint16([]byte{code, 10}, duration)
	if end {
		payload[1] |= 0x80
	}
	p.push(media.Packet{Arrival: p.bed.due + 1e6, SSRC: p.ssrc, Sequence: p.seq, Timestamp: ts,
		PayloadType: 101, Payload: payload})
	p.seq++
}

// A class that may send comfort noise does so in silence, and marks where sound resumes.
func TestComfortNoiseEgress(t *testing.T) {
	b := newBed(t, Config{})
	p := b.phone(narrow(t), -20, 440, network{}).join()
	f := format(t, media.PCMU, 8000, 20*time.Millisecond)
	l := b.phone(f, -20, 0, network{})
	l.out.cfg.ComfortNoise, l.out.cfg.ComfortNoisePayloadType = true, 13
	l.keep = true
	l.join()
	b.run(time.Second)
	p.mute = true
	b.run(3 * time.Second)
	silent := len(l.sent)
	p.mute = false
	b.run(time.Second)
	noise, marked := 0, 0
	for _, o := range l.sent[:silent] {
		if o.Kind == media.ComfortNoise {
			noise++
			if o.PayloadType != 13 || len(o.Data) != 1 {
				t.Errorf("comfort noise %+v", o)
			}
		}
	}
	for _, o := range l.sent[silent:] {
		if o.Marker {
			marked++
		}
	}
	if noise < 2 || noise > 5 || silent > 100 {
		t.Errorf("%d comfort noise packets of %d in all", noise, silent)
	}
	if marked != 1 {
		t.Errorf("%d markers after the pause, want 1", marked)
	}
}

// Listeners share one class, a talker has one, and goes back to the shared one in a pause.
func TestClassesAreShared(t *testing.T) {
	for _, f := range []media.Format{narrow(t), format(t, media.Opus, 48000, 20*time.Millisecond)} {
		b := newBed(t, Config{})
		talk := b.phone(f, -20, 440, network{}).join()
		also := b.phone(f, -20, 660, network{}).join()
		for range 10 {
			b.phone(f, -20, 0, network{}).join()
		}
		b.run(time.Second)
		if n := len(b.conf.classes); n != 3 {
			t.Errorf("%v: %d classes, want one for each talker and one for all others", f, n)
		}
		before := b.eng.stats.Encoded.Load()
		b.tick()
		if n := b.eng.stats.Encoded.Load() - before; n != 3 {
			t.Errorf("%v: %d encodes a tick, want 3", f, n)
		}
		talk.mute, also.mute = true, true
		b.run(3 * time.Second)
		if n := len(b.conf.classes); n != 1 {
			t.Errorf("%v: %d classes in silence, want 1", f, n)
		}
	}
}

// The contributors of a packet are the talkers that are in it.
func TestContributors(t *testing.T) {
	b := newBed(t, Config{})
	one := b.phone(narrow(t), -20, 400, network{}).join()
	two := b.phone(narrow(t), -10, 700, network{}).join()
	l := b.phone(narrow(t), -20, 0, network{})
	l.keep, one.keep = true, true
	l.join()
	b.run(time.Second)
	o := l.sent[len(l.sent)-1]
	if len(o.Contributors) != 2 || o.Contributors[0] != two.in.ID() || o.Contributors[1] != one.in.ID() {
		t.Errorf("contributors %v, want %d and %d, loudest first", o.Contributors, two.in.ID(), one.in.ID())
	}
	if o.Levels[0] != 13 || o.Levels[1] != 23 {
		t.Errorf("levels %v, want 13 and 23 (sines of -10 and -20 dB)", o.Levels)
	}
	if o = one.sent[len(one.sent)-1]; len(o.Contributors) != 1 || o.Contributors[0] != two.in.ID() {
		t.Errorf("contributors of a talker's own packet %v, want the other", o.Contributors)
	}
}

// A lone caller is not decoded and nobody's silence is encoded anew.
func TestLoneCallerCostsNothing(t *testing.T) {
	b := newBed(t, Config{})
	f := format(t, media.Opus, 48000, 20*time.Millisecond)
	p := b.phone(f, -20, 440, network{}).join()
	b.run(3 * time.Second)
	if p.in.voice != nil {
		t.Error("the lone caller is decoded")
	}
	before := b.eng.stats.Encoded.Load()
	b.run(time.Second)
	if n := b.eng.stats.Encoded.Load() - before; n > 5 {
		t.Errorf("%d encodes in a second of silence", n)
	}
	if p.out.Sent() < 195 {
		t.Errorf("%d packets sent, silence must be sent all the same", p.out.Sent())
	}
}

// A real engine: conferences wake, tick, and sleep when empty; ApplyWait returns after the
// tick; Close ends the workers.
func TestEngineRuns(t *testing.T) {
	eng := newEngine(t, Config{Workers: 2})
	eng.Start()
	defer eng.Close()
	confs := make([]*Conference, 9)
	ctx, cancel := context.WithTimeout(context.Background(), wait.Limit)
	defer cancel()
	ins := make([]*Input, len(confs))
	for i := range confs {
		confs[i] = eng.NewConference(ConferenceConfig{})
		ins[i] = NewInput(nothing{}, InputConfig{})
		if err := confs[i].ApplyWait(ctx, AddInput(ins[i])); err != nil {
			t.Fatal(err)
		}
	}
	if n := eng.Stats().Inputs; n != 9 {
		t.Errorf("%d inputs, want 9", n)
	}
	for i, c := range confs {
		if err := c.ApplyWait(ctx, RemoveInput(ins[i])); err != nil {
			t.Fatal(err)
		}
	}
	wait.For(t, "workers without members to tick no more", func() bool { return eng.Load().Used == 0 && parked(eng) })
	if err := confs[0].ApplyWait(ctx, AddInput(ins[0])); err != nil {
		t.Fatal(err)
	}
	eng.Close()
	if err := confs[1].ApplyWait(ctx); err != ErrClosed {
		t.Errorf("after Close: %v, want ErrClosed", err)
	}
}

// badSource panics once it is armed.
type badSource struct{ armed *atomic.Bool }

func (b badSource) Poll(int64, int, media.Receiver) int {
	if b.armed.Load() {
		panic("test")
	}
	return 0
}

// A panic in one conference's tick is told to its room; others of the same worker go on,
// and the broken one still lets go of its members.
func TestPanicStaysInItsConference(t *testing.T) {
	var armed atomic.Bool
	panicsAlone(t, Config{Workers: 1, Slots: 1}, 1, badSource{&armed}, &armed, "panic in a tick: test")
}

// panicsAlone has n inputs panic once armed, and checks what is told and who goes on.
func panicsAlone(t *testing.T, cfg Config, n int, src media.Source, armed *atomic.Bool, told string) {
	t.Helper()
	eng := newEngine(t, cfg)
	eng.Start()
	defer eng.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	failed := make(chan error, 10)
	broken := eng.NewConference(ConferenceConfig{Events: func(e Event) {
		if e.Kind == Failed {
			failed <- e.Err
		}
	}})
	sound := eng.NewConference(ConferenceConfig{})
	var leave []Op
	for range n {
		in := NewInput(src, InputConfig{})
		leave = append(leave, Depart(in, nil))
		broken.Apply(AddInput(in))
	}
	other := NewInput(nothing{}, InputConfig{})
	if err := errors.Join(broken.ApplyWait(ctx), sound.ApplyWait(ctx, AddInput(other))); err != nil {
		t.Fatal(err)
	}
	armed.Store(true)
	select {
	case err := <-failed:
		if !strings.Contains(err.Error(), told) {
			t.Errorf("told %v, want %q in it", err, told)
		}
	case <-ctx.Done():
		t.Fatal("nobody was told")
	}
	if err := errors.Join(sound.ApplyWait(ctx), broken.ApplyWait(ctx, leave...)); err != nil {
		t.Fatal(err)
	}
	if n := eng.Stats().Panics; n != 1 {
		t.Errorf("%d panics counted, want 1", n)
	}
}

func parked(e *Engine) bool {
	before := e.Stats().Ticks
	time.Sleep(50 * time.Millisecond) // two ticks and more
	return e.Stats().Ticks == before
}

type nothing struct{}

func (nothing) Poll(int64, int, media.Receiver) int { return 0 }

// Whatever arrives, the input neither panics nor writes outside its buffers, and the room
// goes on.
func FuzzInput(f *testing.F) {
	f.Add(uint64(1), []byte{0x80, 0, 1, 2, 3, 4, 5, 6, 7, 8})
	f.Add(uint64(7), []byte{0xff, 0xff, 0, 0, 96, 13, 101})
	f.Fuzz(func(t *testing.T, seed uint64, data []byte) {
		b := newBed(t, Config{})
		g := b.phone(format(t, media.PCMU, 8000, 20*time.Millisecond), -20, 440, network{}).join()
		p := b.phone(format(t, media.Opus, 48000, 20*time.Millisecond), -20, 0, network{}).join()
		cfg := p.in.cfg
		cfg.Formats = map[uint8]media.Format{
			testPT: cfg.Formats[testPT],
			0:      format(t, media.PCMU, 8000, 20*time.Millisecond), 9: format(t, media.G722, 16000, 20*time.Millisecond),
		}
		b.conf.Apply(Configure(p.in, cfg))
		rng := rand.New(rand.NewPCG(seed, 2))
		pts := []uint8{96, 0, 9, 13, 101}
		for i, x := range data {
			p.push(media.Packet{Arrival: b.due + rng.Int64N(40e6), SSRC: uint32(x >> 6), Sequence: uint16(rng.Uint32N(uint32(x) + 1)),
				Timestamp: rng.Uint32() >> (x & 31), PayloadType: pts[int(x)%len(pts)], Payload: data[i:min(i+int(x), len(data))]})
			if i%8 == 0 {
				b.tick()
			}
		}
		b.run(100 * time.Millisecond)
		if g.breaks > 0 {
			t.Error("the other phone's stream broke")
		}
	})
}

// A re-INVITE takes the codec of packets that still wait out of the session and puts
// another under the same payload type.
func TestCodecChangesUnderWaitingPackets(t *testing.T) {
	b := newBed(t, Config{})
	l := b.phone(narrow(t), -20, 0, network{}).join()
	p := b.phone(format(t, media.PCMU, 8000, 20*time.Millisecond), -20, 440, network{phase: 5e6}).join()
	b.run(time.Second)
	for _, f := range []media.Format{
		format(t, media.G722, 16000, 20*time.Millisecond), format(t, media.Opus, 48000, 20*time.Millisecond),
		format(t, media.PCMA, 8000, 20*time.Millisecond), {},
	} {
		cfg := p.in.cfg
		cfg.Formats = map[uint8]media.Format{testPT: f}
		b.conf.Apply(Configure(p.in, cfg))
		b.run(100 * time.Millisecond)
		if f.Codec == media.NoCodec {
			break
		}
		p.recode(f)
		b.run(2 * time.Second)
		expect(t, l, []float64{440}, nil)
	}
}
