//go:build linux

package fleet

import (
	"context"
	"flag"
	"net/netip"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/confd/confd/bench/wire"
	"github.com/confd/confd/codec"
	"github.com/confd/confd/internal/clock"
	"github.com/confd/confd/media"
)

// TestMain lets tests that mostly listen do so at the same time, however few processors
// there are, and no thread wait for the runtime beside the kernel.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "6"); err != nil {
		panic(err)
	}
	runtime.GOMAXPROCS(32)
	os.Exit(m.Run())
}

const packetTime = 20 * time.Millisecond

const (
	usualDepth = 3
	tolerated  = (usualDepth - 1) * packetTime // of lateness
)

var (
	pcmu = Coding{Format: media.Format{Codec: media.PCMU, ClockRate: 8000, SampleRate: 8000, Channels: 1, PacketTime: packetTime}}
	pcma = Coding{Format: media.Format{Codec: media.PCMA, ClockRate: 8000, SampleRate: 8000, Channels: 1, PacketTime: packetTime}}
	g722 = Coding{Format: media.Format{Codec: media.G722, ClockRate: 8000, SampleRate: 16000, Channels: 1, PacketTime: packetTime}}
	l16  = Coding{Format: media.Format{Codec: media.L16, ClockRate: 16000, SampleRate: 16000, Channels: 1, PacketTime: packetTime}}
	opus = Coding{Format: media.Format{Codec: media.Opus, ClockRate: 48000, SampleRate: 48000, Channels: 2, PacketTime: packetTime,
		Opus: media.OpusParams{Bitrate: 32000}}, Options: codec.DefaultOptions()}
)

// server is a conference server that does what it is told, wrong things too. It places what
// it gets by its timestamps, and mixes each 20 ms what is depth ticks old, so that nothing is
// lost by its own lateness, nor by that of callers up to tolerated.
type server struct {
	t     testing.TB
	fleet *Fleet
	legs  []*leg
	begun int64 // tick 0
	tick  int
	late  atomic.Bool // it was, by more than it makes up for, or placed somebody too late
	// gain says how loud one caller is to another; nil: everybody else of the room is heard.
	gain func(from, to int) float64
	// depth says how many ticks old what somebody hears is; nil: usualDepth.
	depth func(to int) int
	// lost says which packets are not sent, though counted.
	lost func(to, tick int) bool
	// left says which packets are left out as pauses are.
	left func(to, tick int, pcm []int16) bool
	// alter changes what somebody hears.
	alter func(to int, pcm []int16)
	// mangle changes a packet on its way out.
	mangle func(to, tick int, packet []byte) []byte
}

// leg is the server's side of one call.
type leg struct {
	socket *wire.Socket
	dec    codec.Decoder
	enc    codec.Encoder
	frames [64][]int16 // by tick
	begun  bool
	origin uint32 // timestamp of tick 0
	out    wire.Stream
	pcm    []int16
}

var loopback6 = netip.IPv6Loopback()

const serverPT, serverEvent = 96, 101

func newServer(t testing.TB, f *Fleet) *server {
	t.Helper()
	s := &server{t: t, fleet: f}
	for i := range f.Config().Callers {
		socket, err := wire.ListenOn(netip.AddrPortFrom(f.Local(i).Addr(), 0))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(socket.Close)
		if err := socket.Connect(f.Local(i)); err != nil {
			t.Fatal(err)
		}
		l := &leg{socket: socket, out: wire.Stream{SSRC: uint32(1000 + i), Sequence: uint16(65000 + 7*i), PayloadType: serverPT},
			pcm: make([]int16, f.Format().Samples(packetTime))}
		if l.dec, err = codec.NewDecoder(f.Format()); err != nil {
			t.Fatal(err)
		}
		format := f.Format()
		if l.enc, err = codec.NewEncoder(format, f.config.Codec.Options); err != nil {
			t.Fatal(err)
		}
		s.legs = append(s.legs, l)
	}
	return s
}

// peer is what the server answers to caller i.
func (s *server) peer(i int) Peer {
	return Peer{Media: s.legs[i].socket.Local(), PayloadType: serverPT, Event: serverEvent}
}

// connect lets all callers call.
func (s *server) connect() {
	s.t.Helper()
	for i := range s.legs {
		if err := s.fleet.Connect(i, s.peer(i)); err != nil {
			s.t.Fatal(err)
		}
	}
}

// serve runs the server until ctx ends.
func (s *server) serve(ctx context.Context) {
	runtime.LockOSThread() // never unlocked: the thread ends with its priority
	if err := clock.RealTime(); err != nil {
		s.t.Log(err)
	}
	s.begun = clock.Now()
	in := make([]byte, maxDatagram)
	for ; ctx.Err() == nil; s.tick++ {
		due := s.begun + int64(s.tick)*int64(packetTime)
		clock.SleepUntil(due)
		if clock.Now()-due > int64(tolerated) {
			s.late.Store(true)
		}
		for _, l := range s.legs {
			for n := l.socket.Receive(in); n > 0; n = l.socket.Receive(in) {
				s.take(l, in[:n])
			}
		}
		for i := range s.legs {
			s.send(i)
		}
	}
}

func (s *server) take(l *leg, packet []byte) {
	h, payload := parse(packet)
	if payload == nil || h.kind != serverPT {
		return
	}
	pcm := make([]int16, codec.MaxFrame)
	n, err := l.dec.Decode(pcm, payload)
	if err != nil {
		s.t.Errorf("server cannot decode: %v", err)
		return
	}
	l.frames[s.place(l, h.stamp)%64] = pcm[:n]
}

// place returns the tick that a timestamp belongs to. A packet that comes before its tick shows
// that the first one, by which ticks were told, was late. What a late server reads may be of the
// next tick already.
func (s *server) place(l *leg, stamp uint32) uint32 {
	ticks := int(s.fleet.Format().Ticks(packetTime))
	now := int((clock.Now() - s.begun + int64(packetTime-time.Millisecond)) / int64(packetTime))
	at := int(int32(stamp-l.origin)) / ticks
	if l.begun && at <= now {
		return uint32(at)
	}
	s.late.Store(l.begun || s.late.Load())
	l.begun, l.origin = true, stamp-uint32(now*ticks)
	return uint32(now)
}

func (s *server) send(to int) {
	l := s.legs[to]
	depth := usualDepth
	if s.depth != nil {
		depth = s.depth(to)
	}
	clear(l.pcm)
	for from, other := range s.legs {
		at := (s.tick - depth + 64) % 64
		if g := s.gainOf(from, to); g != 0 && other.frames[at] != nil {
			for i, x := range other.frames[at] {
				l.pcm[i] = int16(min(max(float64(l.pcm[i])+g*float64(x), -32768), 32767))
			}
		}
	}
	l.frames[(s.tick+16)%64] = nil
	if s.alter != nil {
		s.alter(to, l.pcm)
	}
	ticks := uint32(s.fleet.Format().Ticks(packetTime))
	if s.left != nil && s.left(to, s.tick, l.pcm) {
		l.out.Timestamp += ticks
		return
	}
	packet, err := l.enc.Encode(make([]byte, wire.HeaderSize, 2000), l.pcm)
	if err != nil {
		s.t.Error(err)
		return
	}
	l.out.Stamp(packet, ticks)
	if s.lost != nil && s.lost(to, s.tick) {
		return
	}
	if s.mangle != nil {
		packet = s.mangle(to, s.tick, packet)
	}
	l.socket.Send(packet)
}

// between makes one caller so loud to another.
func (s *server) between(one, other int, gain float64) {
	s.gain = func(from, to int) float64 {
		if from == one && to == other {
			return gain
		}
		return s.others(from, to)
	}
}

func (s *server) gainOf(from, to int) float64 {
	if s.gain != nil {
		return s.gain(from, to)
	}
	return s.others(from, to)
}

// others is the gain of a server without fault.
func (s *server) others(from, to int) float64 {
	if from != to && s.fleet.Room(from) == s.fleet.Room(to) && s.fleet.Talker(from) {
		return 1
	}
	return 0
}

func newFleet(t testing.TB, c Config) *Fleet {
	t.Helper()
	f, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f
}

// start runs fleet and server until the test ends.
func (s *server) start() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{}, 2)
	go func() { s.fleet.Run(ctx); done <- struct{}{} }()
	go func() { s.serve(ctx); done <- struct{}{} }()
	s.t.Cleanup(func() { cancel(); <-done; <-done })
}

// patience is how long a test waits for what must come.
const patience = 60 * time.Second

// until waits for a report. If fleet or server were late it begins anew: what is measured
// on a machine that is busy with other things says nothing.
func (s *server) until(what string, ok func(*Report) bool) *Report {
	s.t.Helper()
	busy := 0 // times
	for end := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		r := s.fleet.Report()
		late := s.late.Swap(false) || s.fleet.latest() > tolerated || r.Counts().GivenUp > 0 || r.Overflow > 0
		switch {
		case time.Now().After(end) && busy > 2:
			s.t.Skipf("this machine is too busy: %d times packets left late", busy)
		case time.Now().After(end):
			s.t.Fatalf("%s did not come: %+v", what, r)
		case late:
			busy++
			s.fleet.Begin()
		case ok(r):
			return r
		}
	}
}

// latest returns how late the latest packet of the window left, at most 50 ms.
func (f *Fleet) latest() (most time.Duration) {
	for _, t := range f.threads {
		t.mu.Lock()
		for i, n := range t.late.counts {
			if n > 0 {
				most = max(most, time.Duration(int64(i)*lateStep))
			}
		}
		t.mu.Unlock()
	}
	return most
}
