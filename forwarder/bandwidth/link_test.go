package bandwidth

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/confd/confd/transport/feedback"
)

const ms = time.Millisecond

// link is a path with a bottleneck: a token bucket with a queue that drops what is too much,
// behind it loss, delay and jitter. Time goes in milliseconds.
type link struct {
	rate   float64       // bits/s
	queue  time.Duration // longest, at that rate
	delay  time.Duration // one way
	jitter time.Duration // at most; order is kept
	loss   float64       // share
	cross  float64       // bits/s of others
}

// scenario is a sender of an Estimator's rate over a link, with what the receiver tells.
type scenario struct {
	*link
	e      *Estimator
	random *rand.Rand
	now    int64

	transport, reports, remb bool
	seldom                   bool    // reports every 5 s, as of RFC 3550's timer, rather than every second
	frames                   bool    // sends a picture's packets at once, 30 a second, rather than evenly
	most                     float64 // of the application, bits/s; 0 is what the estimate says

	credit   float64 // bits to be sent
	backlog  float64 // bits in the bottleneck
	last     int64   // arrival of the newest packet
	sequence uint16
	flight   []feedback.Arrival // by sequence
	lost     int                // since the last report
	sent     int
	arrived  int // bytes since the last REMB
	due      []message
}

// message is feedback on its way back.
type message struct {
	at   int64
	hand func()
}

func newScenario(l *link, c Config) *scenario {
	return &scenario{link: l, e: New(c), random: rand.New(rand.NewPCG(3, 4)), now: int64(time.Hour)}
}

const packetSize = 1200

// run lets time pass and returns the estimate's mean, and the mean delay of the queue.
func (s *scenario) run(d time.Duration) (mean float64, queue time.Duration) {
	n := int(d / ms)
	for range n {
		s.step()
		mean += float64(s.e.Estimate()) / float64(n)
		queue += time.Duration(s.backlog / s.rate * 1e9 / float64(n))
	}
	return mean, queue
}

func (s *scenario) step() {
	s.now += millisecond
	s.backlog = max(s.backlog+s.cross/1000-s.rate/1000, 0)
	s.send()
	if s.transport && s.now%(50*millisecond) == 0 {
		s.tellArrivals()
	}
	if s.reports && s.now%second == 0 && (!s.seldom || s.now%(5*second) == 0) {
		s.tellLoss()
	}
	if s.remb && s.now%second == 0 {
		s.tellRate()
	}
	for len(s.due) > 0 && s.due[0].at <= s.now {
		s.due[0].hand()
		s.due = s.due[1:]
	}
}

// send sends what the estimate allows.
func (s *scenario) send() {
	target := float64(s.e.Estimate())
	if s.most > 0 {
		target = min(target, s.most)
	}
	s.credit += target / 1000
	if s.frames && s.now/millisecond%33 != 0 {
		return
	}
	for ; s.credit >= packetSize*8; s.credit -= packetSize * 8 {
		s.packet()
	}
}

func (s *scenario) packet() {
	s.e.Sent(s.now, packetSize)
	s.sequence++
	s.sent++
	a := feedback.Arrival{Sequence: s.sequence, Size: packetSize, SentAt: s.now}
	switch {
	case s.backlog+packetSize*8 > s.rate*s.queue.Seconds() || s.random.Float64() < s.loss:
		s.lost++
	default:
		s.backlog += packetSize * 8
		at := s.now + int64(s.backlog/s.rate*1e9) + int64(s.delay)
		if s.jitter > 0 {
			at += s.random.Int64N(int64(s.jitter))
		}
		s.last = max(s.last, at)
		a.Arrived, a.At = true, s.last/250_000*250_000
		s.arrived += packetSize
	}
	s.flight = append(s.flight, a)
}

// tellArrivals tells of the packets that have arrived or are overtaken by now.
func (s *scenario) tellArrivals() {
	n := 0
	for i, a := range s.flight {
		if a.Arrived && a.At <= s.now {
			n = i + 1
		}
	}
	list := append([]feedback.Arrival(nil), s.flight[:n]...)
	s.flight = s.flight[n:]
	if n > 0 {
		s.later(func() { s.e.TransportCC(s.now, list) })
	}
}

func (s *scenario) tellLoss() {
	fraction := uint8(min(255, 256*s.lost/max(s.sent, 1)))
	trip := 2*s.delay + time.Duration(s.backlog/s.rate*1e9)
	s.lost, s.sent = 0, 0
	s.later(func() { s.e.Report(s.now, fraction, trip) })
}

// tellRate is a receiver whose estimate is the link's rate, but no more than 1.5 times what
// arrives, as that of libwebrtc.
func (s *scenario) tellRate() {
	bits := uint64(min(s.rate*0.95, 12*float64(s.arrived)+10000))
	s.arrived = 0
	s.later(func() { s.e.REMB(s.now, bits) })
}

func (s *scenario) later(hand func()) {
	s.due = append(s.due, message{s.now + int64(s.delay), hand})
}

// within asserts that a mean is between 70 and 105 % of the link.
func within(t *testing.T, what string, mean, rate float64) {
	t.Helper()
	if mean < 0.70*rate || mean > 1.05*rate {
		t.Errorf("%s: %.0f bits/s, %.0f %% of the link", what, mean, 100*mean/rate)
	}
}
