//go:build linux

package bench

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/confd/confd/bench/measure"
	"github.com/confd/confd/codec"
	"github.com/confd/confd/media"
	"github.com/confd/confd/mixer"
)

// BenchmarkTick times the whole tick of a room (an operation) in steady state, without a
// network: packets come ready-made, each a little before its tick, and what the room sends
// is dropped. The listeners' phones send faint noise, as phones do. ns/participant is
// processor time, so that other load of the machine counts for little.
func BenchmarkTick(b *testing.B) {
	for _, kind := range tickKinds {
		for _, n := range []int{2, 10, 50, 200, 1000} {
			for _, talkers := range []int{1, 3, 8} {
				if talkers > n {
					continue
				}
				name := fmt.Sprintf("%s/participants=%d/talkers=%d", kind.name, n, talkers)
				b.Run(name, func(b *testing.B) { benchmarkTick(b, kind.formats, n, talkers) })
			}
		}
	}
}

func benchmarkTick(b *testing.B, formats []media.Format, participants, talkers int) {
	r := newTickRoom(b, formats, participants, talkers)
	b.ReportAllocs()
	before := processorTime(b)
	for b.Loop() {
		r.tick()
	}
	spent := processorTime(b) - before
	b.ReportMetric(float64(spent)/float64(b.N)/float64(participants), "ns/participant")
}

func processorTime(b *testing.B) time.Duration {
	b.Helper()
	t, err := measure.CPU(os.Getpid())
	if err != nil {
		b.Fatal(err)
	}
	return t
}

// TestTickAllocatesNothing in steady state, whatever the participants speak.
func TestTickAllocatesNothing(t *testing.T) {
	for _, kind := range tickKinds {
		t.Run(kind.name, func(t *testing.T) {
			r := newTickRoom(t, kind.formats, 20, 3)
			if n := testing.AllocsPerRun(100, r.tick); n != 0 {
				t.Errorf("%v allocations per tick, want none", n)
			}
		})
	}
}

const tickPeriod = 20 * time.Millisecond

var (
	tickPCMU = media.Format{Codec: media.PCMU, ClockRate: 8000, SampleRate: 8000, Channels: 1, PacketTime: tickPeriod}
	tickG722 = media.Format{Codec: media.G722, ClockRate: 8000, SampleRate: 16000, Channels: 1, PacketTime: tickPeriod}
	tickOpus = media.Format{Codec: media.Opus, ClockRate: 48000, SampleRate: 48000, Channels: 2, PacketTime: tickPeriod,
		Opus: media.OpusParams{Bitrate: 32000}}
)

// tickKinds are the rooms by what their participants speak, in turn.
var tickKinds = []struct {
	name    string
	formats []media.Format
}{
	{"PCMU", []media.Format{tickPCMU}},
	{"G722", []media.Format{tickG722}},
	{"Opus", []media.Format{tickOpus}},
	{"mixed", []media.Format{tickPCMU, tickG722, tickOpus}},
}

// tickRoom is a room of an engine whose clock is the benchmark's.
type tickRoom struct {
	conf  *mixer.Conference
	due   int64
	sent  int // packets in this tick
	heard int // voices in the fullest of them
}

// newTickRoom makes a room in steady state, in which talkers participants speak and all
// others are quiet.
func newTickRoom(tb testing.TB, formats []media.Format, participants, talkers int) *tickRoom {
	tb.Helper()
	engine, err := mixer.New(mixer.Config{Period: tickPeriod, Workers: 1})
	if err != nil {
		tb.Fatal(err)
	}
	r := &tickRoom{conf: engine.NewConference(mixer.ConferenceConfig{}), due: int64(time.Hour)}
	quiet := make([][][]byte, len(formats))
	for i, f := range formats {
		quiet[i] = recorded(tb, f, -1)
	}
	for i := range participants {
		f := formats[i%len(formats)]
		payloads := quiet[i%len(formats)]
		if i < talkers {
			payloads = recorded(tb, f, i)
		}
		r.join(f, &recording{payloads: payloads, ticks: uint32(f.Ticks(tickPeriod)),
			packet: media.Packet{SSRC: uint32(i) + 1, PayloadType: tickPayloadType}})
	}
	r.settle(tb, participants, talkers)
	return r
}

// settle ticks until the talkers have been found, and delay, rate and memory are what they
// stay: two seconds, and a round of listening to the others, in which everybody is sent to
// and all talkers are heard.
func (r *tickRoom) settle(tb testing.TB, participants, talkers int) {
	tb.Helper()
	steady := 0
	for range 3000 {
		r.tick()
		if steady++; r.sent != participants || r.heard != talkers {
			steady = 0
		}
		if steady == 100+participants {
			return
		}
	}
	tb.Fatalf("%d packets a tick of %d voices, want %d of %d", r.sent, r.heard, participants, talkers)
}

const tickPayloadType = 96

// join adds a participant who speaks and hears f.
func (r *tickRoom) join(f media.Format, src media.Source) {
	receive := mixer.InputConfig{Formats: map[uint8]media.Format{tickPayloadType: f}}
	in := mixer.NewInput(src, receive)
	out := mixer.NewOutput(r, mixer.OutputConfig{Format: f, PayloadType: tickPayloadType})
	r.conf.Apply(mixer.AddInput(in), mixer.Attach(out, r.conf.Full(), in))
}

func (r *tickRoom) tick() {
	r.due += int64(tickPeriod)
	r.sent, r.heard = 0, 0
	r.conf.Tick(r.due+50e3, r.due)
}

// Send drops a packet. It makes the room a media.Sink.
func (r *tickRoom) Send(o *media.Outgoing) {
	r.sent++
	r.heard = max(r.heard, len(o.Contributors))
}

// recording is a media.Source that repeats some packets, one every tick.
type recording struct {
	payloads [][]byte
	ticks    uint32
	packet   media.Packet
}

// Poll hands over the next packet, as if it had come 5 ms ago.
func (s *recording) Poll(now int64, _ int, to media.Receiver) int {
	p := &s.packet
	p.Arrival = now - 5e6
	p.Payload = s.payloads[int(p.Sequence)%len(s.payloads)]
	to.Receive(p)
	p.Sequence++
	p.Timestamp += s.ticks
	return 1
}

// recordedPackets divides the numbers of a sequence, so that a recording joins on to itself.
const recordedPackets = 64

// recorded returns the packets of a voice, or of the faint noise of a quiet phone if the
// number of the voice is negative.
func recorded(tb testing.TB, f media.Format, voice int) [][]byte {
	tb.Helper()
	enc, err := codec.NewEncoder(f, codec.DefaultOptions())
	if err != nil {
		tb.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, uint64(voice+1)))
	frame := make([]int16, f.Samples(tickPeriod))
	packets := make([][]byte, recordedPackets)
	at := 0
	for i := range packets {
		for j := range frame {
			x := float64(at) / float64(f.SampleRate)
			frame[j] = int16(r.IntN(17) - 8)
			if voice >= 0 {
				frame[j] = utterance(x, voice)
			}
			at++
		}
		if packets[i], err = enc.Encode(nil, frame); err != nil {
			tb.Fatal(err)
		}
	}
	return packets
}

// utterance is something like a voice, at -23 dBov: harmonics that swell and fade several
// times a second.
func utterance(seconds float64, voice int) int16 {
	pitch := 110 + 17*float64(voice)
	sum := 0.0
	for h := 1.0; h <= 8; h++ {
		sum += math.Sin(2*math.Pi*pitch*h*seconds+h*h) / h
	}
	return int16(2000 * sum * (1.2 + math.Sin(2*math.Pi*4*seconds)))
}
