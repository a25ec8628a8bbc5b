package feedback

import (
	"math/rand/v2"
	"testing"
	"time"
)

const second = int64(time.Second)

func TestInterval(t *testing.T) {
	for _, c := range []struct {
		n         int
		bandwidth float64
		want      time.Duration
	}{
		{0, 2400, 5 * time.Second}, {15, 2400, 5 * time.Second}, {16, 2400, 5333333333},
		{10000, 2400, 3333333333333}, {10, 0, -1}, {1 << 30, 1, 1e6 * time.Second},
	} {
		if got := Interval(c.n, c.bandwidth, 100, Minimum); got != c.want {
			t.Errorf("%d members with %v bit/s: %v, want %v", c.n, c.bandwidth, got, c.want)
		}
	}
}

func half() float64 { return 0.5 }

func TestTimerWaitsHalfAtFirst(t *testing.T) {
	var timer Timer
	timer.Bandwidth, timer.Random = Bandwidth{600, 1800}, half
	timer.Start(second, 1, 100)
	first := float64(timer.Next()-second) / float64(second)
	if want := 2.5 / compensation; first < want-0.001 || first > want+0.001 {
		t.Errorf("first report after %v s, want %v", first, want)
	}
	if timer.Due(timer.Next() - 1) {
		t.Error("due before its time")
	}
	now := timer.Next()
	if !timer.Due(now) {
		t.Fatal("not due in a group that has not grown")
	}
	timer.Sent(now, 100)
	if got, want := float64(timer.Next()-now)/float64(second), 5/compensation; got < want-0.001 || got > want+0.001 {
		t.Errorf("next report after %v s, want %v", got, want)
	}
}

// A group that grew puts the report off, one that shrank brings it nearer in proportion.
func TestTimerReconsiders(t *testing.T) {
	timer := Timer{Bandwidth: Bandwidth{600, 2400}, Random: half}
	timer.Start(0, 1, 100)
	due := timer.Next()
	timer.Members(due, 10000)
	if timer.Next() != due {
		t.Error("growth moves the time before it has come")
	}
	if timer.Due(due) {
		t.Fatal("due although the group grew to 10,000")
	}
	put := timer.Next()
	if want := second * 33333333 / 12183; put < want-second || put > want+second {
		t.Errorf("put off to %d s, want %d", put/second, want/second)
	}
	timer.Members(1000*second, 5000)
	if got, want := timer.Next(), 1000*second+(put-1000*second)/2; got < want-1 || got > want+1 {
		t.Errorf("in a group of half the size: %d, want %d", got, want)
	}
}

func TestTimerWithoutBandwidthNeverReports(t *testing.T) {
	timer := Timer{Bandwidth: Bandwidth{Senders: 600}}
	timer.Start(0, 1, 100)
	timer.Members(second, 1)
	if timer.Next() != Never {
		t.Errorf("reports at %d", timer.Next())
	}
	timer.Sender = true
	timer.Start(0, 1, 100)
	if timer.Next() == Never {
		t.Error("a sender with bandwidth does not report")
	}
}

func TestLeaving(t *testing.T) {
	timer := Timer{Bandwidth: Bandwidth{600, 2400}, Random: half}
	timer.Start(0, fewMembers-1, 100)
	if timer.Leave(second, 60, false); !timer.Due(second) {
		t.Error("a small group is not left at once")
	}
	timer.Start(0, fewMembers, 100)
	if timer.Leave(second, 60, true); timer.Due(second) {
		t.Error("a large group is left at once")
	}
	alone := timer.Next()
	for range 1000 {
		timer.Left(60)
	}
	if timer.Due(alone) {
		t.Error("a BYE is due although a thousand others were heard")
	}
	timer.Start(0, 10000, 100)
	timer.Leave(second, 60, false)
	if timer.Next() < 100*second {
		t.Errorf("one of 10,000 that does not hear the others leaves at %d s", timer.Next()/second)
	}
}

// Ten thousand receivers that join within one minute, hear the group's size in an RSI every
// five seconds and report by their timers: as the size becomes known they keep within their
// share, whatever they send.
func TestTenThousandKeepWithinTheirShare(t *testing.T) {
	const members, size, from = 10000, 110, 900
	random := rand.New(rand.NewPCG(3, 4))
	rr := 64000 * 0.05 * 0.75
	timers, known := make([]Timer, members), 1
	for i := range timers {
		timers[i] = Timer{Bandwidth: Bandwidth{800, rr}, Random: random.Float64}
		timers[i].Start(int64(random.Float64()*float64(60*second)), known, size)
	}
	heard, bits := make(map[int]bool), 0.0
	for now := int64(0); now < 3*3600*second; now += second {
		for i := range timers {
			m := &timers[i]
			if now%(5*second) == 0 && now > 0 {
				m.Members(now, known)
			}
			if now >= m.Next() && m.Due(now) {
				m.Sent(now, size)
				heard[i] = true
				if now > from*second {
					bits += size * 8
				}
			}
		}
		known = max(len(heard), 1)
	}
	used := bits / (3*3600 - from)
	t.Logf("%d of %d have reported; %.0f bit/s of %.0f", len(heard), members, used, rr)
	if used > rr*1.1 || used < rr*0.5 {
		t.Errorf("%.0f bit/s of reports, want about %.0f", used, rr)
	}
}
