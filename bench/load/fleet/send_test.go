//go:build linux

package fleet

import (
	"bytes"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/bench/load/signal"
	"github.com/confd/confd/bench/wire"
	"github.com/confd/confd/codec"
	"github.com/confd/confd/internal/clock"
)

// sink is a plain receiver of what one fleet sends, with the fleet's time in the test's hand:
// its threads do not run, their turns are taken here.
type sink struct {
	t       testing.TB
	fleet   *Fleet
	sockets []*wire.Socket // by caller
	now     int64
}

// got is a packet that came.
type got struct {
	header
	at      int64
	marked  bool
	payload []byte
}

func newSink(t testing.TB, c Config) *sink {
	t.Helper()
	c.Talkers = max(c.Talkers, 1)
	c.Cycle = signal.MinCycle
	s := &sink{t: t, fleet: newFleet(t, c)}
	for i := range c.Callers {
		socket, err := wire.Listen()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(socket.Close)
		s.sockets = append(s.sockets, socket)
		if err := s.fleet.Connect(i, Peer{Media: socket.Local(), PayloadType: serverPT, Event: serverEvent}); err != nil {
			t.Fatal(err)
		}
	}
	s.now = clock.Now()
	for _, th := range s.fleet.threads {
		th.now = func() int64 { return s.now }
	}
	return s
}

// run lets a time pass and returns what came, by caller.
func (s *sink) run(d time.Duration) [][]got {
	all, sent := make([][]got, len(s.sockets)), make([]int, len(s.sockets))
	for i, c := range s.fleet.callers {
		sent[i] = c.counts.Sent
	}
	in := make([]byte, maxDatagram)
	for end := s.now + int64(d); s.now < end; s.now += slot {
		for _, t := range s.fleet.threads {
			t.turn(s.now)
		}
		for i, socket := range s.sockets {
			for ; sent[i] < s.fleet.callers[i].counts.Sent; sent[i]++ {
				h, payload := parse(in[:s.receive(socket, in)])
				all[i] = append(all[i], got{h, s.now, in[1]&0x80 != 0, bytes.Clone(payload)})
			}
		}
	}
	return all
}

// receive reads a packet that was sent: a busy kernel hands it over later.
func (s *sink) receive(socket *wire.Socket, in []byte) int {
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); runtime.Gosched() {
		if n := socket.Receive(in); n > 0 {
			return n
		}
	}
	s.t.Fatal("a packet that was sent has not come within 10 s")
	return 0
}

// due is what caller c should send at a time.
func (s *sink) due(c *caller, at int64) []byte {
	t := s.fleet.tracks.silence
	if c.track != nil && at >= c.speakFrom {
		t = c.track
	}
	return t.payload(uint32((at - c.room.epoch - c.phase) / int64(packetTime) % int64(t.length())))
}

// What a talker sends at a time is what its room's cycle has then, whenever it was connected;
// who was disconnected rests first.
func TestTalkersAreInStep(t *testing.T) {
	s := newSink(t, Config{Callers: 6, Rooms: 2, Plans: 1, Talkers: 2, Codec: pcmu, Seed: 5})
	again := 4 // the caller that leaves
	for round, d := range []time.Duration{13 * time.Second, 8 * time.Second, 3 * time.Second} {
		for i, packets := range s.run(d) {
			c := s.fleet.callers[i]
			if n := int(d / packetTime); len(packets) < n-3 || len(packets) > n+1 {
				t.Fatalf("caller %d sent %d packets in %v", i, len(packets), d)
			}
			for k, p := range packets {
				if k > 0 && (p.number != packets[k-1].number+1 || p.stamp != packets[k-1].stamp+160 || p.at != packets[k-1].at+int64(packetTime)) {
					t.Fatalf("caller %d: packet %d is %+v, after %+v", i, k, p.header, packets[k-1].header)
				}
				if p.marked != (k == 0 && (round == 0 || round == 1 && i == again)) || p.kind != serverPT {
					t.Fatalf("caller %d, round %d: packet %d has the marker %v, payload type %d", i, round, k, p.marked, p.kind)
				}
				if !bytes.Equal(p.payload, s.due(c, p.at)) {
					t.Fatalf("caller %d, round %d: packet %d is not what is due", i, round, k)
				}
			}
		}
		if round == 0 {
			again = 2
			s.fleet.Disconnect(again)
			if n := len(s.run(time.Second)[again]); n > 0 {
				t.Fatalf("%d packets came of a caller who had left", n)
			}
			if err := s.fleet.Connect(again, Peer{Media: s.sockets[again].Local(), PayloadType: serverPT}); err != nil {
				t.Fatal(err)
			}
			if c := s.fleet.callers[again]; c.speakFrom-c.spoke != int64(rest) {
				t.Fatalf("it rests for %v", time.Duration(c.speakFrom-c.spoke))
			}
		}
	}
}

// A thread that is behind by more than it may be gives up packets, and their time with them.
func TestBeingLate(t *testing.T) {
	s := newSink(t, Config{Callers: 2, Codec: pcmu})
	s.run(200 * time.Millisecond)
	before := s.run(packetTime)
	s.now += int64(time.Second)
	for i, packets := range s.run(time.Duration(10 * slot)) {
		c, last := s.fleet.callers[i], before[i][0]
		if n := len(packets); n < maxBehind || n > maxBehind+2 {
			t.Errorf("%d packets are caught up", n)
		}
		if n := c.counts.GivenUp; n < 50-maxBehind-1 || n > 50-maxBehind+1 {
			t.Errorf("%d packets were given up", n)
		}
		p := packets[0]
		if lost := (p.stamp - last.stamp) / 160; p.number != last.number+1 || int(lost) != c.counts.GivenUp+1 {
			t.Errorf("after %+v comes %+v", last.header, p.header)
		}
	}
	for i, packets := range s.run(time.Second) {
		if n := len(packets); n != 50 && n != 51 {
			t.Errorf("then caller %d sends %d packets in a second", i, n)
		}
	}
}

// Everybody's clock is off by as much as it is told, evenly spread.
func TestDrift(t *testing.T) {
	const most = 500.0
	s := newSink(t, Config{Callers: 16, Codec: pcmu, Impair: Impairment{Drift: most}})
	low, high := 0.0, 0.0
	for i, packets := range s.run(20 * time.Second) {
		first, last := packets[0], packets[len(packets)-1]
		said := float64(last.stamp-first.stamp) / 8000
		off := (float64(last.at-first.at)/1e9/said - 1) * 1e6
		c := s.fleet.callers[i]
		if want := float64(c.period-int64(packetTime)) / float64(packetTime) * 1e6; math.Abs(off-want) > 30 {
			t.Errorf("caller %d drifts by %.0f ppm, want %.0f", i, off, want)
		}
		if c.track != nil && c.talking.Drift != float64(c.period-int64(packetTime))/float64(packetTime)*1e6 {
			t.Errorf("ears are told %v ppm", c.talking.Drift)
		}
		low, high = min(low, off), max(high, off)
	}
	if low < -most-30 || low > -most*0.7 || high > most+30 || high < most*0.7 {
		t.Errorf("clocks drift by %.0f to %.0f ppm, want up to %.0f", low, high, most)
	}
}

// What is lost, delayed and swapped is seen by a plain receiver.
func TestImpairedStream(t *testing.T) {
	m := Impairment{Loss: 0.05, Burst: 3, Jitter: 50 * time.Millisecond, Reorder: 0.02}
	s := newSink(t, Config{Callers: 20, Codec: pcmu, Impair: m, Seed: 3})
	var c Counts
	most, least := int64(0), int64(math.MaxInt64)
	for i, packets := range s.run(40 * time.Second) {
		var r reception
		for _, p := range packets {
			r.take(p.ssrc, p.number, &c)
			due := p.at - int64(p.stamp-packets[0].stamp)*125000 - s.fleet.callers[i].phase
			late := (due%int64(packetTime) + int64(packetTime)) % int64(packetTime) // of what it was sent at, less whole packets
			most, least = max(most, late), min(least, late)
			c.Received++
		}
		sent := &s.fleet.callers[i].counts
		c.Sent += sent.Sent
		c.Withheld += sent.Withheld
	}
	all := float64(c.Sent + c.Withheld)
	if share := float64(c.Withheld) / all; math.Abs(share-m.Loss) > 0.01 || c.Sent != c.Received || c.Lost < c.Withheld*95/100 || c.Lost > c.Withheld {
		t.Errorf("%d lost and %d withheld of %.0f, want %v; %d sent, %d received", c.Lost, c.Withheld, all, m.Loss, c.Sent, c.Received)
	}
	if share := float64(c.Reordered) / all; math.Abs(share-m.Reorder) > 0.003 {
		t.Errorf("%.4f reordered, want %v", share, m.Reorder)
	}
	if most < int64(packetTime)*9/10 || least > int64(packetTime)/10 {
		t.Errorf("packets come %v to %v after a tick of their clock", time.Duration(least), time.Duration(most))
	}
}

// Who leaves pauses out marks where he begins to speak again, and says now and then that he
// is there.
func TestLeavingPausesOut(t *testing.T) {
	for _, c := range []Coding{pcmu, opus} {
		s := newSink(t, Config{Callers: 3, Talkers: 2, Codec: c, Impair: Impairment{DTX: true}, Seed: 6})
		ticks := c.Format.Ticks(packetTime)
		for i, packets := range s.run(signal.MinCycle) {
			one := s.fleet.callers[i]
			begins, spoken := 0, 0
			for k, p := range packets {
				if k == 0 {
					continue
				}
				gap := int(p.stamp-packets[k-1].stamp) / ticks
				if p.number != packets[k-1].number+1 || p.at-packets[k-1].at != int64(gap)*int64(packetTime) || gap > int(comfort/packetTime) {
					t.Fatalf("%v, caller %d: after %+v comes %+v", c.Format, i, packets[k-1].header, p.header)
				}
				if p.marked {
					begins++
				}
			}
			if i == 2 {
				if n := len(packets); begins > 0 || n < 30 || n > 33 {
					t.Errorf("%v: a silent caller sends %d packets in 12 s, %d with the marker", c.Format, n, begins)
				}
				continue
			}
			plan := one.room.plan.Plan(i)
			for _, sp := range plan {
				spoken += int(sp.Length / packetTime)
			}
			if begins < len(plan)-1 || begins > len(plan)+1 || len(packets) < spoken*9/10 || len(packets) > spoken+len(plan)+32 {
				t.Errorf("%v, caller %d: %d packets and %d beginnings, want %d and %d", c.Format, i, len(packets), begins, spoken, len(plan))
			}
		}
	}
}

// Keys are telephone events: one timestamp, growing durations, three ends, and a pause.
func TestDigits(t *testing.T) {
	for _, c := range []Coding{pcmu, opus} {
		s := newSink(t, Config{Callers: 2, Codec: c})
		s.run(100 * time.Millisecond)
		const keys = "1290*#Ad"
		d, err := s.fleet.callers[1].dials(keys, packetTime)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.fleet.Digits(1, "1"); err == nil {
			t.Error("it presses two keys at once")
		}
		ticks := c.Format.Ticks(packetTime)
		pressed, down, ends := "", 0, 0
		var last, begun got
		for k, p := range s.run(3 * time.Second)[1] {
			if k > 0 && p.number != last.number+1 {
				t.Fatalf("after number %d comes %d", last.number, p.number)
			}
			last = p
			if p.kind != serverEvent {
				if down > 0 && ends != keyEnds {
					t.Fatalf("key %q ends %d times", pressed, ends)
				}
				down = 0
				continue
			}
			e, err := codec.ParseEvent(p.payload)
			if err != nil || len(p.payload) != 4 {
				t.Fatal(err)
			}
			if down++; down == 1 {
				key, _ := e.Digit()
				pressed += string(key)
				begun, ends = p, 0
			}
			if e.End {
				ends++
			}
			if p.marked != (down == 1) || p.stamp != begun.stamp || int(e.Duration) != min(down, 6)*ticks || e.End != (down >= 6) || down > 8 {
				t.Fatalf("packet %d of key %q: %+v, marker %v, %d ticks after its begin", down, pressed, e, p.marked, p.stamp-begun.stamp)
			}
		}
		if err := <-d.done; err != nil || pressed != "1290*#AD" {
			t.Errorf("pressed %q, %v", pressed, err)
		}
	}
}

func TestDigitsThatCannotBePressed(t *testing.T) {
	s := newSink(t, Config{Callers: 2, Codec: pcmu})
	if err := s.fleet.Connect(1, Peer{Media: s.sockets[1].Local(), PayloadType: serverPT}); err != nil {
		t.Fatal(err)
	}
	for want, err := range map[string]error{"want 0 to 9": s.fleet.Digits(0, "12x"), "no caller 7": s.fleet.Digits(7, "1"),
		"no telephone events": s.fleet.Digits(1, "1")} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
	d, err := s.fleet.callers[0].dials("1", packetTime)
	if err != nil {
		t.Fatal(err)
	}
	s.fleet.Disconnect(0)
	if err := <-d.done; err != errNotConnected {
		t.Errorf("key of who left: %v", err)
	}
	if err := s.fleet.Digits(0, "1"); err == nil || !strings.Contains(err.Error(), "not connected") {
		t.Errorf("key of who had left: %v", err)
	}
}

// A turn allocates nothing: sending, impaired or not, receiving, comparing, and passing on to
// an ear; nor does the ear's thread.
func TestTurnsAllocateNothing(t *testing.T) {
	spoiled := Impairment{Loss: 0.1, Burst: 2, Jitter: 30 * time.Millisecond, Reorder: 0.1, Drift: 100, DTX: true}
	for _, c := range []Config{{}, {Impair: spoiled}, {Sharing: 3}, {Sharing: 8, Impair: spoiled}} {
		s := newSink(t, Config{Callers: 8, Talkers: 2, Codec: pcmu, Impair: c.Impair, Ears: 3, Sharing: c.Sharing})
		for i, socket := range s.sockets {
			if err := socket.Connect(s.fleet.Local(i)); err != nil {
				t.Fatal(err)
			}
		}
		s.fleet.refer()
		s.fleet.share()
		out, packet, in := wire.Stream{PayloadType: serverPT, SSRC: 1}, make([]byte, wire.HeaderSize+160), make([]byte, maxDatagram)
		l := s.fleet.listeners[0]
		if n := testing.AllocsPerRun(200, func() {
			s.now += int64(packetTime)
			out.Stamp(packet, 160)
			packet[20] = byte(out.Sequence)
			for _, socket := range s.sockets {
				socket.Send(packet)
				for socket.Receive(in) > 0 {
				}
			}
			for _, th := range s.fleet.threads {
				th.turn(s.now)
			}
			for l.listen(l.rings[0]) {
			}
		}); n != 0 {
			t.Errorf("%+v: %v allocations in a packet time", c, n)
		}
		r := s.fleet.Report()
		if c := r.Counts(); c.Received < 8*190 || c.Matched == 0 || r.Overflow > 0 || len(s.fleet.rooms[0].ears) != 3 {
			t.Errorf("%+v, %d ears", c, len(s.fleet.rooms[0].ears))
		}
	}
}

// The callers of a room share out the packet time, on the grain that was asked for.
func TestPhasesAreSpread(t *testing.T) {
	const rooms, seats = 4, 9
	for _, grain := range []time.Duration{DefaultGrain, MinGrain} {
		f := newFleet(t, Config{Callers: rooms * seats, Rooms: rooms, Talkers: 3, Codec: pcmu, Cycle: signal.MinCycle, Grain: grain})
		for _, r := range f.rooms {
			var all []int64
			for _, c := range r.seats {
				if c.phase < 0 || c.phase >= int64(packetTime) || c.phase%int64(grain) != 0 {
					t.Errorf("caller %d has phase %v, on a grain of %v", c.number, time.Duration(c.phase), grain)
				}
				all = append(all, c.phase)
			}
			slices.Sort(all)
			all = append(all, all[0]+int64(packetTime))
			for i, p := range all[1:] {
				if gap := time.Duration(p - all[i]); gap > 2*packetTime/seats+grain {
					t.Errorf("room %d: nobody sends for %v, grain %v", r.number, gap, grain)
				}
			}
		}
	}
}

// Each packet with sound says how loud that is, if it is to; what it carries is the same.
func TestPacketsSayHowLoudTheyAre(t *testing.T) {
	coding := opus
	coding.Level = 3
	s := newSink(t, Config{Callers: 2, Talkers: 1, Codec: coding, Continuous: true, Seed: 1})
	in := make([]byte, maxDatagram)
	for i, c := range s.fleet.callers {
		for c.counts.Sent == 0 {
			s.now += slot
			c.thread.turn(s.now)
		}
		n := s.receive(s.sockets[i], in)
		talks := c.track != nil
		if in[0] != 0x90 || in[16] != 3<<4 || in[17]&0x80 != 0 != talks || in[17]&0x7f < 60 != talks {
			t.Errorf("caller %d: % x", i, in[:20])
		}
		_, payload := parse(in[:n])
		if want := s.due(c, s.now); !bytes.Equal(payload, want[8:]) || codec.PacketSamples(coding.Format, payload) != 960 {
			t.Errorf("caller %d sent % x, want % x", i, payload, want[8:])
		}
	}
	p := packet{kind: event}
	if s.fleet.callers[0].fill(in, &p); in[0] != 0x80 {
		t.Errorf("a key has a header of % x", in[:12])
	}
}
