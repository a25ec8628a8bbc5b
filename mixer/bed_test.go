package mixer

import (
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/confd/confd/codec"
	"github.com/confd/confd/internal/testkit/tone"
	"github.com/confd/confd/media"
)

// bed runs a conference by hand, in fake time.
type bed struct {
	t     testing.TB
	eng   *Engine
	conf  *Conference
	due   int64
	timer stageTimer
	after func() // called after each tick
}

func newBed(t testing.TB, cfg Config) *bed {
	t.Helper()
	eng := newEngine(t, cfg)
	if eng.forced {
		eng.crew.gather(t)
	}
	return &bed{t: t, eng: eng, conf: eng.NewConference(ConferenceConfig{}), due: int64(time.Hour)}
}

// splitAll has every conference split, each stage in parts of one, on three threads.
var splitAll bool

func newEngine(t testing.TB, cfg Config) *Engine {
	t.Helper()
	if splitAll {
		cfg.Workers = 3
	}
	eng, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	eng.forced, eng.keeps = splitAll, true
	return eng
}

// gather sets the helpers going for a conference that is ticked by hand.
func (r *crew) gather(t testing.TB) {
	var over sync.WaitGroup
	r.start(&over, func(*hand) {})
	r.begin(len(r.hands))
	t.Cleanup(func() {
		r.end()
		r.close()
		over.Wait()
	})
}

// tick runs one period.
func (b *bed) tick() { b.tickAll(b.conf) }

func (b *bed) tickAll(confs ...*Conference) {
	b.due += int64(b.eng.cfg.Period)
	for _, c := range confs {
		c.tick(b.due+100e3, b.due, b.due, &b.timer)
	}
	if b.after != nil {
		b.after()
	}
}

// run runs for d.
func (b *bed) run(d time.Duration) {
	for range int(d / b.eng.cfg.Period) {
		b.tick()
	}
}

// formats for tests, by name.
func format(t testing.TB, c media.Codec, rate int, packetTime time.Duration) media.Format {
	t.Helper()
	f := media.Format{Codec: c, ClockRate: rate, SampleRate: rate, Channels: 1, PacketTime: packetTime}
	switch c {
	case media.G722:
		f.ClockRate, f.SampleRate = 8000, 16000
	case media.Opus:
		f.ClockRate, f.Channels = 48000, 2
		f.Opus = media.OpusParams{Bitrate: 32000}
	}
	return f
}

// network says what happens to a test phone's packets.
type network struct {
	phase  time.Duration // of its packets against the tick
	loss   float64
	jitter time.Duration // uniform, on top of phase
	ppm    float64       // sender's clock against ours
	pause  func(n int) bool
}

// testPhone sends a tone in one format and records what it gets in another.
type testPhone struct {
	t    testing.TB
	bed  *bed
	in   *Input
	out  *Output
	send media.Format
	net  network

	gen   interface{ Read([]int16) }
	enc   codec.Encoder
	n     int
	start int64
	queue []media.Packet
	rng   *rand.Rand
	ssrc  uint32
	seq   uint16
	ts    uint32
	pt    uint8
	mute  bool                 // sends silence
	hold  func(at int64) int64 // when the network lets a packet through

	dec    codec.Decoder
	recv   media.Format
	heard  []int16
	next   int64 // expected media time
	breaks int
	sent   []media.Outgoing
	keep   bool
	last   media.Outgoing
}

const testPT = 96

// phone makes a phone that sends freq (Hz, 0 is silence) at level dB. It is not attached.
func (b *bed) phone(f media.Format, level, freq float64, net network) *testPhone {
	b.t.Helper()
	p := &testPhone{t: b.t, bed: b, send: f, recv: f, net: net, start: b.due, pt: testPT,
		ssrc: rand.Uint32(), seq: 65500, ts: 4294900000, rng: rand.New(rand.NewPCG(1, uint64(freq)))}
	p.gen = tone.New(f.SampleRate, level, freqs(freq)...)
	var err error
	if p.enc, err = codec.NewEncoder(f, codec.DefaultOptions()); err != nil {
		b.t.Fatal(err)
	}
	if p.dec, err = codec.NewDecoder(f); err != nil {
		b.t.Fatal(err)
	}
	p.in = NewInput(p, InputConfig{
		Formats:      map[uint8]media.Format{testPT: f},
		ComfortNoise: map[uint8]uint32{13: 8000}, TelephoneEvent: map[uint8]uint32{101: 8000},
	})
	p.out = NewOutput(p, OutputConfig{Format: f, PayloadType: testPT})
	return p
}

func freqs(f float64) []float64 {
	if f == 0 {
		return nil
	}
	return []float64{f}
}

// join puts the phone into the bed's conference.
func (p *testPhone) join() *testPhone {
	p.bed.conf.Apply(AddInput(p.in), Attach(p.out, p.bed.conf.full, p.in))
	return p
}

// leave takes it out.
func (p *testPhone) leave() { p.bed.conf.Apply(RemoveInput(p.in), Detach(p.out)) }

// make produces the packets that the phone sends up to now.
func (p *testPhone) make(now int64) {
	period := float64(p.send.PacketTime) * (1 - p.net.ppm*1e-6)
	for {
		at := p.start + int64(p.net.phase) + int64(float64(p.n)*period)
		if at > now {
			return
		}
		pcm := make([]int16, p.send.Samples(p.send.PacketTime))
		p.gen.Read(pcm)
		if p.mute {
			clear(pcm)
		}
		payload, err := p.enc.Encode(nil, pcm)
		if err != nil {
			p.t.Fatal(err)
		}
		n := p.n
		p.n++
		seq, ts := p.seq, p.ts
		p.seq++
		p.ts += uint32(p.send.Ticks(p.send.PacketTime))
		if p.rng.Float64() < p.net.loss || p.net.pause != nil && p.net.pause(n) {
			continue
		}
		if p.net.jitter > 0 {
			at += p.rng.Int64N(int64(p.net.jitter))
		}
		if p.hold != nil {
			at = p.hold(at)
		}
		p.push(media.Packet{Arrival: at, SSRC: p.ssrc, Sequence: seq, PayloadType: p.pt,
			Timestamp: ts, Payload: payload})
	}
}

// push queues a packet by its arrival.
func (p *testPhone) push(pkt media.Packet) {
	i := len(p.queue)
	p.queue = append(p.queue, pkt)
	for ; i > 0 && p.queue[i-1].Arrival > pkt.Arrival; i-- {
		p.queue[i] = p.queue[i-1]
	}
	p.queue[i] = pkt
}

// Poll implements media.Source.
func (p *testPhone) Poll(now int64, limit int, to media.Receiver) int {
	p.make(now)
	n := 0
	for n < limit && n < len(p.queue) && p.queue[n].Arrival <= now {
		to.Receive(&p.queue[n])
		n++
	}
	p.queue = p.queue[n:]
	return n
}

// Send implements media.Sink: it records, filling gaps with silence.
func (p *testPhone) Send(o *media.Outgoing) {
	if p.keep {
		c := *o
		c.Data = append([]byte(nil), o.Data...)
		c.Contributors = append([]uint32(nil), o.Contributors...)
		c.Levels = append([]media.Level(nil), o.Levels...)
		p.sent = append(p.sent, c)
	}
	p.last = *o
	if p.next != 0 && o.Time != p.next {
		p.breaks++
		if gap := o.Time - p.next; gap > 0 && gap < 1e9 {
			p.heard = append(p.heard, make([]int16, int(gap*int64(p.recv.SampleRate)/1e9))...)
		}
	}
	p.next = o.Time + int64(p.recv.PacketTime)
	if o.Kind != media.Audio {
		p.heard = append(p.heard, make([]int16, p.recv.Samples(p.recv.PacketTime))...)
		return
	}
	pcm := make([]int16, codec.MaxFrame)
	n, err := p.dec.Decode(pcm, o.Data)
	if err != nil {
		p.t.Errorf("undecodable packet: %v", err)
	}
	p.heard = append(p.heard, pcm[:n]...)
}

// tail returns the last d of what the phone heard.
func (p *testPhone) tail(d time.Duration) []int16 {
	n := p.recv.Samples(d)
	if len(p.heard) < n {
		p.t.Fatalf("heard %d samples, want at least %d", len(p.heard), n)
	}
	return p.heard[len(p.heard)-n:]
}

// recode changes the codec of what the phone sends, under the same payload type.
func (p *testPhone) recode(f media.Format) {
	p.send = f
	p.gen = tone.New(f.SampleRate, -20, 440)
	p.repacket(f.PacketTime)
}

// repacket changes the packet time of what the phone sends.
func (p *testPhone) repacket(d time.Duration) {
	p.start += int64(float64(p.n) * float64(p.send.PacketTime))
	p.n = 0
	p.send.PacketTime = d
	enc, err := codec.NewEncoder(p.send, codec.DefaultOptions())
	if err != nil {
		p.t.Fatal(err)
	}
	p.enc = enc
}

// speech is a voiced sound with the rhythm of syllables, which speech codecs take for
// speech as they do not a tone.
type speech struct {
	rate  int
	n     int
	phase float64
}

func (s *speech) Read(pcm []int16) {
	for i := range pcm {
		at := float64(s.n) / float64(s.rate)
		s.n++
		s.phase += (140 + 40*math.Sin(2*math.Pi*1.3*at)) / float64(s.rate)
		x := 0.0
		for h := 1.0; h < 20; h++ {
			x += math.Sin(2*math.Pi*s.phase*h) / h
		}
		pcm[i] = int16(5000 * (0.5 + 0.5*math.Sin(2*math.Pi*3*at)) * x)
	}
}
