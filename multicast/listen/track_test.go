package listen

import (
	"testing"
	"time"

	"github.com/pion/rtp"
)

// contiguous checks that every packet played is where its number says, and that all of the
// time from the first on was filled.
func contiguous(t *testing.T, out *recorder, pauses int) {
	t.Helper()
	if len(out.numbers) == 0 {
		t.Fatal("nothing was played")
	}
	first := out.numbers[0]
	for i, n := range out.numbers {
		if want := int(n-first) * 160; out.at[i] < want || out.at[i] > want+pauses {
			t.Fatalf("packet %d was played at %d, want %d and up to %d of pauses", n, out.at[i], want, pauses)
		}
	}
}

func TestCleanNetwork(t *testing.T) {
	n, s := newNetwork(t, plainSDP, 60*time.Millisecond), &speaker{ssrc: 1, seq: 65500, stamp: 1<<32 - 8000}
	for range 500 {
		n.send(s, s.next(0))
	}
	n.pass(s, 80)
	c := n.track.stats()
	if len(n.out.numbers) != 500 || c.Received != 500 || c.LostBefore != 0 || c.Lost != 0 || c.concealed != 0 {
		t.Errorf("%d played; %+v", len(n.out.numbers), c)
	}
	contiguous(t, n.out, 0)
	if c.Jitter != 0 {
		t.Errorf("jitter %v", c.Jitter)
	}
}

// At 0 to 20 % loss: what the network loses, what redundancy and requests bring back, and
// what is left.
func TestLossAndRepair(t *testing.T) {
	const packets = 20000
	for _, c := range []struct {
		name        string
		generations int
		asks        bool
		bound       [4]float64 // of the share lost after repair at 1, 5, 10 and 20 %
	}{
		{"nothing", 0, false, [4]float64{0.013, 0.058, 0.11, 0.22}},
		{"one generation", 1, false, [4]float64{0.0006, 0.004, 0.014, 0.05}},
		{"two generations", 2, false, [4]float64{0.0003, 0.001, 0.003, 0.013}},
		{"requests", 0, true, [4]float64{0.0003, 0.001, 0.002, 0.012}},
		{"one generation and requests", 1, true, [4]float64{0.0001, 0.0002, 0.0005, 0.003}},
	} {
		for i, loss := range []float64{0.01, 0.05, 0.10, 0.20} {
			n, s := newNetwork(t, repairSDP, RepairBuffer), &speaker{ssrc: 1, generations: c.generations}
			n.asks = c.asks
			for k := range packets {
				if k == 1 {
					n.loss = loss
				}
				n.send(s, s.next(0))
			}
			n.loss = 0
			n.send(s, s.next(0))
			n.pass(s, 300)
			st := n.track.stats()
			t.Logf("%s, %2.0f %%: before %5.2f %%, after %6.3f %%, concealed %6.3f %%, repaired by redundancy %d, by request %d",
				c.name, loss*100, 100*st.LossBefore(), 100*st.LossAfter(), 100*st.Concealed, st.ByRedundancy, st.ByRetransmission)
			if int(st.LostBefore) != n.dropped {
				t.Errorf("%s: %d lost before repair, want %d", c.name, st.LostBefore, n.dropped)
			}
			if st.LossAfter() > c.bound[i] {
				t.Errorf("%s at %v: %.4f lost after repair, want at most %v", c.name, loss, st.LossAfter(), c.bound[i])
			}
			if st.LostBefore != st.ByRedundancy+st.ByRetransmission+st.Lost {
				t.Errorf("%s: %d lost are not %d and %d repaired and %d lost", c.name, st.LostBefore, st.ByRedundancy, st.ByRetransmission, st.Lost)
			}
			if int(st.concealed) != int(st.Lost)*160 {
				t.Errorf("%s: %d samples concealed for %d packets", c.name, st.concealed, st.Lost)
			}
			contiguous(t, n.out, 0)
		}
	}
}

func TestPauseIsNotLoss(t *testing.T) {
	n, s := newNetwork(t, plainSDP, 60*time.Millisecond), &speaker{ssrc: 1}
	for range 50 {
		n.send(s, s.next(0))
	}
	for range 10 { // a packet each 400 ms
		n.pass(s, 380)
		n.send(s, s.next(380*8))
	}
	for range 50 {
		n.send(s, s.next(0))
	}
	n.pass(s, 80)
	c := n.track.stats()
	if c.Lost != 0 || c.LostBefore != 0 || c.concealed != 0 || len(n.out.numbers) != 110 {
		t.Errorf("%d played; %+v", len(n.out.numbers), c)
	}
	contiguous(t, n.out, 10*380*8)
	if got := n.out.paused + n.out.lost; got < 10*380*8 || got > 10*380*8+160 {
		t.Errorf("%d samples of pause, want %d", got, 10*380*8)
	}
}

func TestOutOfOrderAndTwice(t *testing.T) {
	n, s := newNetwork(t, plainSDP, 60*time.Millisecond), &speaker{ssrc: 1}
	n.send(s, s.next(0))
	for range 100 {
		first, second := s.next(0), s.next(0)
		n.send(s, second)
		n.send(s, first)
		n.track.receive(first, n.now)
	}
	n.pass(s, 80)
	c := n.track.stats()
	if c.Duplicates != 100 || c.Received != 201 || c.LostBefore != 0 || c.Lost != 0 || len(n.out.numbers) != 201 {
		t.Errorf("%d played; %+v", len(n.out.numbers), c)
	}
	contiguous(t, n.out, 0)
}

func TestTooLate(t *testing.T) {
	n, s := newNetwork(t, plainSDP, 60*time.Millisecond), &speaker{ssrc: 1}
	for range 10 {
		n.send(s, s.next(0))
	}
	late := s.next(0)
	n.pass(s, 20)
	for range 10 {
		n.send(s, s.next(0))
	}
	n.send(s, late)
	n.track.receive(late, n.now)
	n.pass(s, 80)
	c := n.track.stats()
	if c.Late != 1 || c.Duplicates != 1 || c.Lost != 1 || c.LostBefore != 0 || c.concealed != 160 {
		t.Errorf("%+v", c)
	}
	if n.out.after != 1 {
		t.Error("the next packet was not offered for recovery")
	}
	contiguous(t, n.out, 0)
}

// A sender takes another SSRC, on the same clock or not, and not a packet is missed.
func TestChangeOfSSRC(t *testing.T) {
	for _, step := range []uint32{0, 1 << 30} {
		n, s := newNetwork(t, repairSDP, RepairBuffer), &speaker{ssrc: 1, seq: 60000}
		for range 50 {
			n.send(s, s.next(0))
		}
		s.ssrc, s.seq, s.stamp = 99, 7, s.stamp+step
		for range 50 {
			n.send(s, s.next(0))
		}
		n.pass(s, 300)
		c := n.track.stats()
		if c.Sources != 1 || c.SSRC != 99 || c.Received != 100 || c.Lost != 0 || c.LostBefore != 0 || len(n.out.numbers) != 100 {
			t.Errorf("step %d: %d played; %+v", step, len(n.out.numbers), c)
		}
		contiguous(t, n.out, 0)
	}
}

func TestForgedPackets(t *testing.T) {
	n, s := newNetwork(t, repairSDP, RepairBuffer), &speaker{ssrc: 1}
	foreign := &speaker{ssrc: 77}
	for i := range 100 {
		n.send(s, s.next(0))
		n.track.receive(foreign.next(0), n.now)
		foreign.seq += uint16(i) // never two in sequence
		n.track.receive(&rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 111, SSRC: 1, SequenceNumber: s.seq}, Payload: []byte{1}}, n.now)
		n.track.receive(&rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 99, SSRC: 2}, Payload: []byte{1}}, n.now)
		n.track.receive(&rtp.Packet{Header: rtp.Header{Version: 2, SSRC: 1, SequenceNumber: s.seq + 20000}, Payload: payload(1)}, n.now)
	}
	n.pass(s, 300)
	c := n.track.stats()
	if c.Received != 100 || c.Lost != 0 || c.Unknown != 100 || c.Malformed != 100 || c.Foreign < 190 || len(n.out.numbers) != 100 {
		t.Errorf("%d played; %+v", len(n.out.numbers), c)
	}
	contiguous(t, n.out, 0)
}

func TestOutageOfAnyLength(t *testing.T) {
	for _, lost := range []int{10, 400, 600, 2000, 2900} {
		n, s := newNetwork(t, repairSDP, RepairBuffer), &speaker{ssrc: 1}
		for range 50 {
			n.send(s, s.next(0))
		}
		n.loss = 1
		for range lost {
			n.send(s, s.next(0))
		}
		n.loss = 0
		for range 50 {
			n.send(s, s.next(0))
		}
		n.pass(s, 300)
		c := n.track.stats()
		if int(c.Lost) != lost || int(c.LostBefore) != lost || len(n.out.numbers) != 100 {
			t.Errorf("%d lost: %d played; %+v", lost, len(n.out.numbers), c)
		}
		if int(c.concealed) < lost*160*9/10 || int(c.concealed) > lost*160 {
			t.Errorf("%d lost, %d samples concealed", lost, c.concealed)
		}
		contiguous(t, n.out, 0)
	}
}

// What was sent before the sender began anew has no place among what comes after.
func TestRestartOfSender(t *testing.T) {
	n, s := newNetwork(t, plainSDP, 60*time.Millisecond), &speaker{ssrc: 1}
	for range 20 {
		n.send(s, s.next(0))
	}
	s.seq, s.stamp = 30000, 12345678
	for range 20 {
		n.send(s, s.next(0))
	}
	n.pass(s, 80)
	if c := n.track.stats(); c.Received != 40 || c.Lost != 0 || len(n.out.numbers) != 40 {
		t.Errorf("%d played; %+v", len(n.out.numbers), c)
	}
	contiguous(t, n.out, 0)
}

// A sender's clock that runs fast or slow by 200 ppm neither empties the buffer nor fills it.
func TestDrift(t *testing.T) {
	for _, ppm := range []int64{-200, 200} {
		n, s := newNetwork(t, plainSDP, 60*time.Millisecond), &speaker{ssrc: 1}
		start := n.now
		for i := range int64(50 * 600) {
			n.now = start + i*20*ms + i*20*ppm
			n.track.receive(s.next(0), n.now)
			n.track.play(n.now)
		}
		c := n.track.stats()
		if lag := int64(s.made)*160 - int64(c.played); c.Lost != 0 || lag < 160 || lag > 4*160 {
			t.Errorf("%d ppm: %d samples behind; %+v", ppm, lag, c)
		}
	}
}

// A sender that stands still for a while, or a way that becomes longer, is followed; what
// comes late for once is not.
func TestLongerWay(t *testing.T) {
	for _, c := range []struct {
		delay    int // ms, from packet 50 on
		most     int // packets lost
		repeated bool
	}{{190, 0, false}, {500, 17, true}, {1900, 17, true}, {500, 25, false}} {
		n, s := newNetwork(t, plainSDP, 200*time.Millisecond), &speaker{ssrc: 1}
		for range 50 {
			n.send(s, s.next(0))
		}
		n.pass(s, c.delay)
		if !c.repeated { // all that waited comes at once
			for range c.delay / 20 {
				n.track.receive(s.next(0), n.now)
			}
		}
		for range 200 {
			n.send(s, s.next(0))
		}
		n.pass(s, 300)
		if st := n.track.stats(); int(st.Lost) > c.most || st.LostBefore != 0 {
			t.Errorf("%d ms: %+v", c.delay, st)
		}
	}
}

func FuzzTrack(f *testing.F) {
	f.Add([]byte{0, 0, 1, 0, 20, 0, 0, 200, 2, 3, 99, 0, 5, 4})
	f.Fuzz(func(t *testing.T, script []byte) {
		out := &counter{}
		k := newTrack(parse(t, repairSDP), RepairBuffer, out)
		now := int64(1e12)
		for len(script) >= 5 {
			pt, seq, stamp, wait := []uint8{0, 13, 98, 99, 5}[script[0]%5], uint16(script[1])<<8|uint16(script[2]), uint32(script[3]), int64(script[4])
			size := min(int(script[0]), len(script)-5)
			k.receive(&rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: pt, SSRC: uint32(script[0] >> 6), SequenceNumber: seq, Timestamp: stamp << (script[1] & 24)},
				Payload: append([]byte{byte(seq)}, script[5:5+size]...)}, now)
			now += wait * ms
			k.ask(now, nil)
			k.play(now)
			script = script[5:]
		}
		if out.n != k.count.played {
			t.Errorf("%d samples came out, %d were counted", out.n, k.count.played)
		}
	})
}

// counter counts samples.
type counter struct{ n uint64 }

func (c *counter) Packet(p *Played, skip int) { c.add(p.Samples - skip) }
func (c *counter) Lost(n int, _ []byte)       { c.add(n) }
func (c *counter) Pause(n int)                { c.add(n) }

func (c *counter) add(n int) {
	if n < 0 {
		panic("time runs backwards")
	}
	c.n += uint64(n)
}
