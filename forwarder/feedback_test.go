package forwarder

import (
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/confd/confd/internal/testkit/pictures"
	"github.com/confd/confd/internal/testkit/wait"
	"github.com/confd/confd/transport"
	"github.com/confd/confd/transport/feedback"
)

// Whatever a peer says of its path bounds what it is sent: it loses pictures of its own.
func TestWhatAPeerSaysOfItsPath(t *testing.T) {
	for name, c := range map[string]struct {
		says  transport.Feedback
		bound bool
	}{
		"REMB":                        {transport.Feedback{Kind: transport.FeedbackREMB, Bitrate: 200_000}, true},
		"TMMBR":                       {transport.Feedback{Kind: transport.FeedbackTMMBR, Bitrate: 200_000}, true},
		"report of half lost":         {transport.Feedback{Kind: transport.FeedbackReport, Fraction: 128}, true},
		"report of repairs half lost": {transport.Feedback{Kind: transport.FeedbackReport, Fraction: 128, Repair: true}, false},
	} {
		b := newBed(t, Config{})
		source, p := b.join(both(), pictures.Config{}), b.viewer()
		b.shows(source, p)
		for range 10 {
			p.say(c.says)
			b.run(time.Second)
		}
		s := p.line.Stats().Egress.Subscription
		if bound := s.Estimate > 0 && s.Estimate <= 300_000 && s.Dropped.Slow > 0; bound != c.bound {
			t.Errorf("%s: estimate %d, %d pictures were dropped", name, s.Estimate, s.Dropped.Slow)
		}
		p.check()
	}
}

// A NACK of a retransmission's own number is not one of the picture's packets.
func TestLostRetransmissions(t *testing.T) {
	b := newBed(t, Config{})
	source, p := b.join(both(), pictures.Config{}), b.viewer()
	b.shows(source, p)
	b.run(time.Second)
	ask := nack(t, p.heard[len(p.heard)-1].Sequence)
	ask.Repair = true
	p.say(ask)
	b.run(300 * time.Millisecond)
	if s := p.line.Stats().Egress; len(p.again) > 0 || s.Ignored != 1 || s.Subscription.Asked > 0 {
		t.Errorf("%d packets were sent again: %+v", len(p.again), s)
	}
	ask.Repair = false
	p.say(ask)
	b.run(300 * time.Millisecond)
	if len(p.again) != 1 {
		t.Errorf("%d packets were sent again, want one", len(p.again))
	}
}

// A receiver is repaired at the pace of its own round trip.
func TestRoundTripOfAReceiver(t *testing.T) {
	for _, c := range []struct {
		roundTrip time.Duration
		again     int // of a packet that is asked for twice, 100 ms apart
	}{{40 * time.Millisecond, 2}, {400 * time.Millisecond, 1}} {
		b := newBed(t, Config{})
		source, p := b.join(both(), pictures.Config{}), b.viewer()
		b.shows(source, p)
		p.say(transport.Feedback{Kind: transport.FeedbackReport, RoundTrip: c.roundTrip})
		b.run(time.Second)
		last := p.heard[len(p.heard)-1].Sequence
		for range 2 {
			p.say(nack(t, last))
			b.run(100 * time.Millisecond)
		}
		if len(p.again) != c.again {
			t.Errorf("round trip %v: sent again %d times, want %d", c.roundTrip, len(p.again), c.again)
		}
	}
}

// narrow is a path that carries so many bits a second, and what its end reports of it.
type narrow struct {
	rate  int64
	free  int64 // when it has carried all that was sent, ns
	times map[uint16]int64
	first uint16 // not reported yet
	count uint8
}

// carry notes the arrival of a packet with a transport-wide number at the far end.
func (n *narrow) carry(number uint16, size int) {
	n.free = max(n.free, time.Now().UnixNano()) + int64(size)*8*second/n.rate
	n.times[number] = n.free
}

// report returns feedback of what has arrived by now, nil if that is nothing.
func (n *narrow) report(own, media uint32) []byte {
	var times []int64
	for next := n.first; ; next++ {
		at, ok := n.times[next]
		if !ok || at > time.Now().UnixNano() {
			break
		}
		times = append(times, at)
	}
	if len(times) == 0 {
		return nil
	}
	b, told := feedback.AppendTransportCC(nil, &feedback.Report{Sender: own, Media: media, Count: n.count, First: n.first, Times: times})
	n.count++
	n.first += uint16(told)
	return b
}

// The numbers that a leg writes into its packets are those by which its peer's reports are
// understood: a path of 300 kbit/s is found out.
func TestLegsFindANarrowPath(t *testing.T) {
	const id, rate = 5, 300_000
	r := newRoom(t)
	source, p := r.join(vp8, 0, true), r.join(vp8, 0, false)
	path := &narrow{rate: rate, times: map[uint16]int64{}, first: 1}
	p.mu.Lock()
	p.hears = func(h *rtp.Header, size int) {
		b := h.GetExtension(id)
		if len(b) != 2 {
			t.Errorf("a packet without a number: % x", b)
			return
		}
		number := uint16(b[0])<<8 | uint16(b[1])
		if len(path.times) == 0 {
			path.first = number
		}
		path.carry(number, size)
		if b := path.report(p.cam.SSRC, p.leg.SSRC()); b != nil {
			p.write(b)
		}
	}
	p.mu.Unlock()
	params := p.params()
	params.TransportCC, params.TransportCCID = true, id
	r.apply(p, params)
	r.conf.Show(p.line, source.line)
	wait.For(t, "the estimate to be that of the path", func() bool {
		s := p.line.Stats().Egress.Subscription
		return s.Estimate > rate/4 && s.Estimate < rate*5/4 && s.Dropped.Slow > 0
	})
	if n := p.leg.Stats().FeedbackReceived; n.TransportCC == 0 || n.Malformed > 0 {
		t.Errorf("%+v", n)
	}
	r.quiet()
}
