package bandwidth

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/confd/confd/transport/feedback"
)

func TestEstimateFindsTheLink(t *testing.T) {
	for name, c := range map[string]struct {
		link
		with func(s *scenario)
		slow time.Duration // until it has found it
	}{
		"transport-cc, 1 Mbit/s":         {link{rate: 1e6, queue: 300 * ms, delay: 25 * ms}, func(s *scenario) { s.transport = true }, 20 * time.Second},
		"transport-cc, 300 kbit/s":       {link{rate: 3e5, queue: 300 * ms, delay: 25 * ms}, func(s *scenario) { s.transport = true }, 20 * time.Second},
		"transport-cc, 4 Mbit/s":         {link{rate: 4e6, queue: 300 * ms, delay: 25 * ms}, func(s *scenario) { s.transport = true }, 20 * time.Second},
		"transport-cc, pictures":         {link{rate: 1e6, queue: 300 * ms, delay: 25 * ms}, func(s *scenario) { s.transport, s.frames = true, true }, 20 * time.Second},
		"transport-cc, jitter":           {link{rate: 1e6, queue: 300 * ms, delay: 25 * ms, jitter: 10 * ms}, func(s *scenario) { s.transport = true }, 20 * time.Second},
		"transport-cc, long":             {link{rate: 1e6, queue: 500 * ms, delay: 150 * ms}, func(s *scenario) { s.transport = true }, 20 * time.Second},
		"transport-cc, 1 % loss":         {link{rate: 1e6, queue: 300 * ms, delay: 25 * ms, loss: 0.01}, func(s *scenario) { s.transport = true }, 20 * time.Second},
		"transport-cc, short queue":      {link{rate: 1e6, queue: 40 * ms, delay: 25 * ms}, func(s *scenario) { s.transport = true }, 20 * time.Second},
		"transport-cc and reports":       {link{rate: 1e6, queue: 300 * ms, delay: 25 * ms}, func(s *scenario) { s.transport, s.reports = true, true }, 20 * time.Second},
		"reports, 1 Mbit/s":              {link{rate: 1e6, queue: 300 * ms, delay: 25 * ms}, func(s *scenario) { s.reports = true }, 30 * time.Second},
		"reports, 300 kbit/s":            {link{rate: 3e5, queue: 300 * ms, delay: 25 * ms}, func(s *scenario) { s.reports = true }, 30 * time.Second},
		"reports, 4 Mbit/s":              {link{rate: 4e6, queue: 300 * ms, delay: 25 * ms}, func(s *scenario) { s.reports = true }, 30 * time.Second},
		"reports every 5 s":              {link{rate: 1e6, queue: 300 * ms, delay: 25 * ms}, func(s *scenario) { s.reports, s.seldom = true, true }, 30 * time.Second},
		"reports, short queue":           {link{rate: 1e6, queue: 80 * ms, delay: 25 * ms}, func(s *scenario) { s.reports = true }, 30 * time.Second},
		"reports, 1 % loss":              {link{rate: 1e6, queue: 300 * ms, delay: 25 * ms, loss: 0.01}, func(s *scenario) { s.reports = true }, 30 * time.Second},
		"the receiver's, 1 Mbit/s":       {link{rate: 1e6, queue: 300 * ms, delay: 25 * ms}, func(s *scenario) { s.remb, s.reports = true, true }, 30 * time.Second},
		"the receiver's alone, 4 Mbit/s": {link{rate: 4e6, queue: 300 * ms, delay: 25 * ms}, func(s *scenario) { s.remb, s.reports = true, true }, 30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScenario(&c.link, Config{Start: 500_000})
			c.with(s)
			s.run(c.slow)
			mean, queue := s.run(60 * time.Second)
			within(t, "at first", mean, c.rate)
			t.Logf("%3.0f %% of the link, queue %v, %v", 100*mean/c.rate, queue, s.e.Reason())
			c.link.rate /= 3
			s.run(10 * time.Second)
			mean, queue = s.run(30 * time.Second)
			within(t, "after a drop to a third", mean, c.rate)
			t.Logf("%3.0f %% of a third, queue %v", 100*mean/c.link.rate, queue)
			c.link.rate *= 3
			s.run(60 * time.Second)
			mean, queue = s.run(30 * time.Second)
			within(t, "recovered", mean, c.rate)
			t.Logf("%3.0f %% again, queue %v", 100*mean/c.link.rate, queue)
		})
	}
}

func TestASourceOfLittleProvesLittle(t *testing.T) {
	for name, with := range map[string]func(s *scenario){
		"transport-cc": func(s *scenario) { s.transport = true },
		"reports":      func(s *scenario) { s.reports = true },
		"the receiver": func(s *scenario) { s.reports, s.remb = true, true },
	} {
		s := newScenario(&link{rate: 5e6, queue: 300 * ms, delay: 25 * ms}, Config{Start: 200_000})
		with(s)
		s.most = 300_000
		s.run(2 * time.Minute)
		if got := s.e.Estimate(); got < 400_000 || got > 560_000 {
			t.Errorf("%s: %d bits/s of a source of 300 kbit/s (%v)", name, got, s.e.Reason())
		}
		if name == "transport-cc" && s.e.Reason() != Sent {
			t.Errorf("%s: reason %v", name, s.e.Reason())
		}
		s.most = 3_000 // a still picture is no loss
		was := s.e.Estimate()
		s.run(20 * time.Second)
		if got := s.e.Estimate(); got != was && name != "the receiver" {
			t.Errorf("%s: a still picture moves %d to %d", name, was, got)
		}
	}
}

// An estimate that begins far too high comes down with the first feedback.
func TestTooMuchIsFeltAtOnce(t *testing.T) {
	for name, with := range map[string]func(s *scenario){
		"transport-cc": func(s *scenario) { s.transport = true },
		"reports":      func(s *scenario) { s.reports = true },
		"the receiver": func(s *scenario) { s.reports, s.remb = true, true },
	} {
		for _, rate := range []float64{300e3, 600e3, 1e6} {
			s := newScenario(&link{rate: rate, queue: 300 * ms, delay: 25 * ms}, Config{Start: 5e6})
			s.frames, s.most = true, 1.2e6
			with(s)
			s.run(6 * time.Second)
			mean, _ := s.run(10 * time.Second)
			within(t, name, mean, rate)
		}
	}
}

// Others' traffic in the same queue leaves what is left.
func TestOthersShareTheLink(t *testing.T) {
	for name, with := range map[string]func(s *scenario){
		"transport-cc": func(s *scenario) { s.transport = true },
		"reports":      func(s *scenario) { s.reports = true },
	} {
		l := &link{rate: 2e6, queue: 300 * ms, delay: 25 * ms}
		s := newScenario(l, Config{})
		with(s)
		s.run(30 * time.Second)
		l.cross = 1e6
		s.run(15 * time.Second)
		mean, _ := s.run(30 * time.Second)
		within(t, name, mean, 1e6)
	}
}

func TestManyPathsOfRandom(t *testing.T) {
	random := rand.New(rand.NewPCG(8, 9))
	for n := range 30 {
		l := &link{
			rate: 200e3 + random.Float64()*5e6, queue: 80*ms + time.Duration(random.Int64N(int64(400*ms))),
			delay: 5*ms + time.Duration(random.Int64N(int64(120*ms))), jitter: time.Duration(random.Int64N(int64(8 * ms))),
			loss: random.Float64() * 0.01,
		}
		s := newScenario(l, Config{})
		s.transport, s.frames = n%2 == 0, n%3 == 0
		s.reports = !s.transport
		s.run(time.Minute)
		mean, queue := s.run(time.Minute)
		if mean < 0.6*l.rate || mean > 1.06*l.rate {
			t.Errorf("%+v, transport-cc %v: %.0f %% of the link, queue %v", *l, s.transport, 100*mean/l.rate, queue)
		}
	}
}

// Loss of up to 10 % that has nothing to do with what is sent is put up with; more is not.
func TestLossThatLessDoesNotCure(t *testing.T) {
	for _, c := range []struct {
		loss      float64
		low, high float64
	}{{0.05, 0.7, 1.05}, {0.2, 0, 0.3}} {
		for _, transport := range []bool{true, false} {
			s := newScenario(&link{rate: 4e6, queue: 300 * ms, delay: 25 * ms, loss: c.loss}, Config{Start: 3_600_000})
			s.transport, s.reports = transport, !transport
			s.run(time.Minute)
			mean, _ := s.run(2 * time.Minute)
			if mean < c.low*4e6 || mean > c.high*4e6 || mean < DefaultFloor-1 {
				t.Errorf("%.0f %% loss, transport-cc %v: %.0f bits/s", 100*c.loss, transport, mean)
			}
		}
	}
}

func TestCeilings(t *testing.T) {
	const now = int64(time.Hour)
	e := New(Config{Floor: 100_000, Ceiling: 2_000_000, Start: 1_500_000})
	want := func(bits uint64, why Reason) {
		t.Helper()
		if e.Estimate() != bits || e.Reason() != why {
			t.Errorf("%d (%v), want %d (%v)", e.Estimate(), e.Reason(), bits, why)
		}
	}
	want(1_500_000, Starting)
	e.SetCeiling(now, 800_000)
	want(800_000, Ceiling)
	e.TMMBR(now, 600_000)
	want(600_000, Ceiling)
	e.REMB(now, 400_000)
	want(400_000, Receiver)
	e.REMB(now, 0)
	want(100_000, Receiver)
	e.TMMBR(now, 0)
	want(100_000, Ceiling)
	e.SetCeiling(now, 1)
	want(100_000, Ceiling)
	e = New(Config{Floor: 3_000_000, Ceiling: 2_000_000})
	want(3_000_000, Starting)
	if New(Config{}).Estimate() != DefaultStart {
		t.Error("not the default start")
	}
}

func TestTheReceiversWordExpires(t *testing.T) {
	now := int64(time.Hour)
	e := New(Config{})
	e.REMB(now, 300_000)
	for _, c := range []struct {
		after int64
		why   Reason
	}{{rembTime - 1, Receiver}, {1, Rising}} {
		now += c.after
		e.Report(now, 0, 50*ms)
		if e.Reason() != c.why {
			t.Errorf("%d (%v), want %v", e.Estimate(), e.Reason(), c.why)
		}
	}
}

// It falls at once, and rises by half in a second.
func TestTheEstimateRisesSmoothly(t *testing.T) {
	now := int64(time.Hour)
	e := New(Config{})
	e.REMB(now, 200_000)
	last := e.Estimate()
	for range 100 {
		now += second / 10
		e.REMB(now, 5_000_000)
		if got := e.Estimate(); got < last || float64(got) > 1.05*float64(last) {
			t.Fatalf("from %d to %d in 100 ms", last, got)
		}
		last = e.Estimate()
	}
	if last != DefaultStart { // the loss-based part knows of no more
		t.Errorf("%d in the end (%v)", last, e.Reason())
	}
	if e.REMB(now, 100_000); e.Estimate() != 100_000 {
		t.Errorf("falls to %d", e.Estimate())
	}
}

// When transport-cc ends, receiver reports do.
func TestFeedbackThatEnds(t *testing.T) {
	s := newScenario(&link{rate: 1e6, queue: 300 * ms, delay: 25 * ms}, Config{})
	s.transport, s.reports = true, true
	s.run(30 * time.Second)
	s.transport = false
	s.run(30 * time.Second)
	mean, _ := s.run(30 * time.Second)
	within(t, "with reports alone", mean, 1e6)
	s.transport, s.flight = true, nil
	s.run(20 * time.Second)
	mean, _ = s.run(30 * time.Second)
	within(t, "with transport-cc again", mean, 1e6)
	s.transport, s.reports = false, false
	s.run(time.Second)
	was := s.e.Estimate()
	if s.run(30 * time.Second); s.e.Estimate() != was {
		t.Errorf("without any, %d becomes %d", was, s.e.Estimate())
	}
}

func TestNonsenseIsBounded(t *testing.T) {
	nonsense := []int64{0, 1, -1, math.MaxInt64, math.MinInt64, 1 << 40, -1 << 40}
	random := rand.New(rand.NewPCG(1, 9))
	pick := func() int64 { return nonsense[random.IntN(len(nonsense))] }
	now := int64(time.Hour)
	e := New(Config{Floor: 60_000, Ceiling: 3_000_000})
	list := make([]feedback.Arrival, 50)
	for range 20_000 {
		now += random.Int64N(second / 20)
		e.Sent(now, random.IntN(3000)-100)
		switch random.IntN(6) {
		case 0:
			e.REMB(now, uint64(pick()))
		case 1:
			e.TMMBR(now, uint64(pick()))
		case 2:
			e.Report(now, uint8(pick()), time.Duration(pick()))
		case 3:
			e.SetCeiling(now, uint64(pick()))
		default:
			for i := range list {
				list[i] = feedback.Arrival{Sequence: uint16(random.Uint32()), Arrived: random.IntN(2) == 0, Size: int(pick()), SentAt: now + pick(), At: pick()}
			}
			e.TransportCC(now, list)
		}
		if got := e.Estimate(); got < 60_000 || got > 3_000_000 {
			t.Fatalf("%d bits/s (%v)", got, e.Reason())
		}
		if e.RoundTrip() < 0 || int64(e.RoundTrip()) > maxTrip {
			t.Fatalf("round trip %v", e.RoundTrip())
		}
	}
	// And it serves a sane peer afterwards.
	e.SetCeiling(now, 0)
	e.TMMBR(now, 5_000_000)
	s := newScenario(&link{rate: 1e6, queue: 300 * ms, delay: 25 * ms}, Config{})
	s.e, s.now, s.transport = e, (now/second+3)*second, true
	s.run(2 * time.Minute)
	mean, _ := s.run(time.Minute)
	within(t, "afterwards", mean, 1e6)
}

// What transport-cc tells badly changes nothing.
func TestArrivalsThatSayNothing(t *testing.T) {
	now := int64(time.Hour)
	e := New(Config{})
	tell := func(count int, a feedback.Arrival) {
		list := make([]feedback.Arrival, count)
		for i := range list {
			list[i] = a
			list[i].Sequence = a.Sequence + uint16(i)
		}
		now += 2*second - 1
		e.Sent(now-second/2, 100_000)
		e.TransportCC(now, list)
	}
	tell(100, feedback.Arrival{Sequence: 1}) // forgotten
	tell(100, feedback.Arrival{Sequence: 1})
	for i := range uint16(10) { // too few to tell a share of
		tell(1, feedback.Arrival{Sequence: 1000 + i, SentAt: now})
	}
	if e.loss.cut != 0 || e.Estimate() < DefaultStart || e.Stats().Stale != 0 {
		t.Errorf("%d (%v) %+v", e.Estimate(), e.Reason(), e.Stats())
	}
	tell(10, feedback.Arrival{Sequence: 1000, SentAt: now}) // told already
	if e.Stats().Stale != 10 {
		t.Errorf("%+v", e.Stats())
	}
	now += silence // the other side began anew
	tell(10, feedback.Arrival{Sequence: 500, SentAt: now, Arrived: true})
	if e.Stats().Stale != 10 {
		t.Errorf("after a silence %+v", e.Stats())
	}
}

// While transport-cc tells of the delay, a round trip that grows, behind others' queue, does
// not count.
func TestTransportCCIsTheBetterSource(t *testing.T) {
	for _, transport := range []bool{true, false} {
		s := newScenario(&link{rate: 5e6, queue: 300 * ms, delay: 25 * ms}, Config{})
		s.transport, s.most = transport, 1e6
		s.run(5 * time.Second)
		s.e.Report(s.now, 0, 50*ms)
		s.run(time.Second)
		s.e.Report(s.now, 0, 500*ms)
		s.run(time.Second)
		s.e.Report(s.now, 0, 500*ms)
		if got := s.e.loss.cut != 0; got == transport {
			t.Errorf("transport-cc %v: cut %v", transport, got)
		}
	}
}

func TestLossOfWhatWasNotSentCutsNothing(t *testing.T) {
	e := New(Config{})
	e.Report(int64(time.Hour), 128, 50*ms)
	if e.Estimate() != DefaultStart {
		t.Errorf("%d", e.Estimate())
	}
}

// Reports of a peer on the same busy machine, as recorded: one that waited to be read shows a
// round trip that the path never had. Only one that lasts is a queue.
func TestAReportThatIsLateProvesNoQueue(t *testing.T) {
	const source = 330_000 // bits/s
	e, now := New(Config{Start: 5_000_000}), second
	report := func(at, trip int64) { // milliseconds
		for at = second + at*millisecond; now < at; now += 20 * millisecond {
			e.Sent(now, source/8/50)
		}
		e.Report(at, 0, time.Duration(trip)*time.Millisecond)
	}
	for _, r := range [][2]int64{
		{93, 12}, {921, 1}, {945, 24}, {1654, 14}, {1920, 1}, {2506, 25}, {2921, 1}, {3172, 11}, {3937, 217}, {3937, 43}, {4419, 75}, {4552, 23},
		{4919, 1}, {5100, 18}, {5920, 1}, {6299, 18}, {13773, 58}, {13995, 41}, {14416, 72}, {15179, 376}, {15179, 58}, {15410, 129}, {15922, 50},
	} {
		report(r[0], r[1])
		if got := e.Estimate(); got < source*5/4 {
			t.Fatalf("after %d ms a round trip of %d ms leaves %d bits/s of a source of %d", r[0], r[1], got, source)
		}
	}
	report(17000, 376)
	report(17700, 376)
	if got := e.Estimate(); got < source*5/4 {
		t.Errorf("0.7 s of a longer round trip leave %d bits/s", got)
	}
	report(17800, 376)
	if got := e.Estimate(); got > source {
		t.Errorf("a queue that lasts leaves %d bits/s", got)
	}
}

// A source that stands still sends a few packets, of which one that is lost is a large share.
func TestAHandfulOfPacketsProvesNoLoss(t *testing.T) {
	e, now := New(Config{}), second
	run := func(packets int, lost uint8) { // in half a second
		for range packets {
			now += second / 2 / int64(packets)
			e.Sent(now, 1000)
		}
		e.Report(now, lost, 0)
	}
	for range 10 {
		run(20, 0)
	}
	was := e.Estimate()
	for range 3 {
		run(3, 85)
	}
	if got := e.Estimate(); got < was {
		t.Errorf("three packets of nine moved %d to %d bits/s", was, got)
	}
	for range 3 {
		run(20, 85)
	}
	if got := e.Estimate(); got > 300_000 {
		t.Errorf("a third of what is sent is lost, and the estimate is %d bits/s", got)
	}
}

// However often feedback comes, it moves the estimate by what time has passed.
func TestFloods(t *testing.T) {
	now := int64(time.Hour)
	start := func() *Estimator {
		e := New(Config{})
		for range 20 {
			now += second / 20
			e.Sent(now, 1_000_000/8/20)
		}
		e.Report(now, 0, 0)
		return e
	}
	e := start()
	for range 10_000 {
		now += 10_000
		e.Report(now, 255, 0)
	}
	if e.loss.cut == 0 || e.loss.bitrate != DefaultFloor { // to what arrives: nothing
		t.Errorf("loss of all: %v", e.loss.bitrate)
	}
	e = start()
	for range 10_000 {
		now += 10_000
		e.Report(now, 64, 0)
	}
	if got := e.Estimate(); got < 800_000 || got > 900_000 {
		t.Errorf("loss of a quarter, again and again: %d", got)
	}
	e = start()
	e.REMB(now, 100_000)
	for range 10_000 {
		now += 10_000
		e.REMB(now, 1e9)
		e.Report(now, 0, ms)
	}
	if got := e.Estimate(); got > 105_000 {
		t.Errorf("ample, again and again: %d", got)
	}
}

// A queue that never loses anything is not filled for all that.
func TestALongQueueIsNotFilled(t *testing.T) {
	for _, transport := range []bool{true, false} {
		s := newScenario(&link{rate: 1e6, queue: 5 * time.Second, delay: 25 * ms}, Config{Start: 500_000})
		s.transport, s.reports = transport, !transport
		s.run(30 * time.Second)
		if mean, queue := s.run(time.Minute); queue > 200*ms || mean < 0.7e6 {
			t.Errorf("transport-cc %v: a queue of %v, %.0f bits/s", transport, queue, mean)
		}
	}
}

func TestFeedbackDoesNotAllocate(t *testing.T) {
	e := New(Config{})
	now := int64(time.Hour)
	list := make([]feedback.Arrival, 20)
	var sequence uint16
	if n := testing.AllocsPerRun(1000, func() {
		for i := range list {
			now += 5 * millisecond
			sequence++
			e.Sent(now, 1200)
			list[i] = feedback.Arrival{Sequence: sequence, Arrived: i != 3, Size: 1200, SentAt: now, At: now + 30*millisecond}
		}
		e.TransportCC(now, list)
		e.Report(now, 3, 40*ms)
		e.REMB(now, 900_000)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestReasonsHaveNames(t *testing.T) {
	for r := Starting; r <= Rising; r++ {
		if s := r.String(); s == "" || s == "unknown" {
			t.Errorf("%d: %q", r, s)
		}
	}
	if s := Reason(200).String(); s != "unknown" {
		t.Errorf("%q", s)
	}
}

func BenchmarkTransportCC(b *testing.B) {
	e := New(Config{})
	now := int64(time.Hour)
	list := make([]feedback.Arrival, 20)
	var sequence uint16
	b.ReportAllocs()
	for b.Loop() {
		for i := range list {
			now += 5 * millisecond
			sequence++
			list[i] = feedback.Arrival{Sequence: sequence, Arrived: true, Size: 1200, SentAt: now, At: now + 30*millisecond}
		}
		e.TransportCC(now, list)
	}
}
