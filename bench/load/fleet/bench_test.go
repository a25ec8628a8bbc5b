//go:build linux

package fleet

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/confd/confd/bench/measure"
	"github.com/confd/confd/bench/wire"
	"github.com/confd/confd/internal/clock"
)

// Rounds of a benchmark: fleet and bare system calls take turns, so that both meet the same
// machine.
const (
	rounds    = 5
	roundTime = 2 * time.Second
)

// BenchmarkCallers takes the processor time of the fleet's threads, %core, with a peer that
// sends each caller what it would get from a server, and that of a thread which sends and
// receives as many of the same packets and does nothing else (bare). Ears have threads of
// their own: "ears" is theirs. If less than all is sent or received, the machine had no time
// for it: the peer is one thread, which 5,000 callers with packets of 20 ms may be too much for.
func BenchmarkCallers(b *testing.B) {
	for _, n := range []int{200, 1000, 2000} {
		b.Run(fmt.Sprintf("callers=%d", n), func(b *testing.B) { benchmarkCallers(b, Config{Callers: n}) })
	}
	b.Run("callers=2000/sharing=32", func(b *testing.B) { benchmarkCallers(b, Config{Callers: 2000, Sharing: 32}) })
	b.Run("callers=5000/sharing=32", func(b *testing.B) { benchmarkCallers(b, Config{Callers: 5000, Sharing: 32}) })
	b.Run("callers=5000/sharing=32/packets=40ms", func(b *testing.B) {
		benchmarkCallers(b, Config{Callers: 5000, Sharing: 32, Codec: longer(pcmu)})
	})
	b.Run("callers=1000/impaired", func(b *testing.B) {
		benchmarkCallers(b, Config{Callers: 1000, Impair: Impairment{Loss: 0.02, Burst: 2, Jitter: 20 * time.Millisecond, Reorder: 0.01, Drift: 50}})
	})
}

func benchmarkCallers(b *testing.B, c Config) {
	n := c.Callers
	c.Rooms, c.Talkers = max(1, n/100), 3
	if c.Codec == (Coding{}) {
		c.Codec = pcmu
	}
	f := newFleet(b, c)
	p := newPeer(b, f)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{}, 2)
	go func() { f.Run(ctx); done <- struct{}{} }()
	go func() { p.run(ctx); done <- struct{}{} }()
	var fleet, ears, bare, ratio, sent, received []float64
	for b.Loop() {
		for range rounds {
			p.connect(true)
			time.Sleep(roundTime / 4)
			f.Begin()
			senders, listeners := f.spentBy()
			time.Sleep(roundTime)
			s, l := f.spentBy()
			r := f.Report()
			whole := r.Window.Seconds() / p.every.Seconds() * float64(n) / 100
			sent = append(sent, float64(r.Counts().Sent)/whole)
			received = append(received, float64(r.Counts().Received)/whole)
			p.connect(false)
			fleet = append(fleet, share(s-senders))
			ears = append(ears, share(l-listeners))
			bare = append(bare, share(p.bare(roundTime)))
			ratio = append(ratio, fleet[len(fleet)-1]/bare[len(bare)-1])
		}
	}
	cancel()
	<-done
	<-done
	b.ReportMetric(measure.Median(fleet), "%core")
	b.ReportMetric(measure.Median(ears), "%core-ears")
	b.ReportMetric(measure.Median(bare), "%core-bare")
	b.ReportMetric(measure.Median(ratio), "x-bare")
	b.ReportMetric(measure.Median(sent), "%sent")
	b.ReportMetric(measure.Median(received), "%received")
	b.ReportMetric((measure.Median(fleet)+measure.Median(ears))*5000/float64(n), "%core/5000")
	b.ReportMetric(0, "ns/op")
}

func share(t time.Duration) float64 { return 100 * t.Seconds() / roundTime.Seconds() }

// spentBy returns the processor time of the threads that send, and of the others.
func (f *Fleet) spentBy() (senders, listeners time.Duration) {
	for _, t := range f.threads {
		senders += t.id.cpu()
	}
	for _, l := range f.listeners {
		listeners += l.id.cpu()
	}
	return senders, listeners
}

// longer returns a coding with 40 ms in a packet.
func longer(c Coding) Coding {
	c.Format.PacketTime = 40 * time.Millisecond
	return c
}

// peer is a server that sends everybody the same, packet time after packet time, and reads what
// comes.
type peer struct {
	b       *testing.B
	fleet   *Fleet
	sockets []*wire.Socket // to the fleet
	bares   []*wire.Socket // who call without the fleet
	to      []*wire.Socket // to those
	every   time.Duration  // it sends
}

func newPeer(b *testing.B, f *Fleet) *peer {
	p := &peer{b: b, fleet: f, every: f.config.Codec.Format.PacketTime}
	open := func(to *wire.Socket) *wire.Socket {
		s, err := wire.Listen()
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(s.Close)
		if to != nil {
			p.join(s, to)
		}
		return s
	}
	for _, c := range f.callers {
		p.sockets = append(p.sockets, open(c.socket))
		bare := open(nil)
		to := open(bare)
		p.join(bare, to)
		p.bares, p.to = append(p.bares, bare), append(p.to, to)
	}
	return p
}

func (p *peer) join(a, b *wire.Socket) {
	if err := a.Connect(b.Local()); err != nil {
		p.b.Fatal(err)
	}
}

func (p *peer) connect(all bool) {
	for i := range p.fleet.callers {
		if !all {
			p.fleet.Disconnect(i)
		} else if err := p.fleet.Connect(i, Peer{Media: p.sockets[i].Local(), PayloadType: serverPT}); err != nil {
			p.b.Fatal(err)
		}
	}
}

// packet returns one with a header that is not yet written, in G.711.
func (p *peer) packet() []byte { return make([]byte, wire.HeaderSize+p.every.Milliseconds()*8) }

func (p *peer) run(ctx context.Context) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	packet, in := p.packet(), make([]byte, 2048)
	out := wire.Stream{PayloadType: serverPT, SSRC: 1}
	for due := clock.Now(); ctx.Err() == nil; due += int64(p.every) {
		clock.SleepUntil(due)
		out.Stamp(packet, uint32(len(packet)-wire.HeaderSize))
		packet[wire.HeaderSize] = byte(out.Sequence)
		for i, s := range p.sockets {
			live := s.Receive(in) > 0
			if to := p.to[i]; !live && to.Receive(in) > 0 {
				s, live = to, true
			}
			if live {
				s.Send(packet)
			}
		}
	}
}

// bare sends and receives what callers would, and returns the thread's processor time.
func (p *peer) bare(d time.Duration) (spent time.Duration) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	packet, in := p.packet(), make([]byte, 2048)
	begun := wire.ThreadCPU()
	for due, end := clock.Now(), clock.Now()+int64(d); due < end; due += int64(p.every) {
		clock.SleepUntil(due)
		for _, s := range p.bares {
			s.Send(packet)
			s.Receive(in)
		}
	}
	return wire.ThreadCPU() - begun
}
