package transport

import "testing"

// queue is a socket in fake time: polled by the rule, with reads counted.
type queue struct {
	c        cadence
	waiting  []int64 // arrivals
	lastPoll int64
	probes   int // reads that found nothing
}

// poll returns the arrivals of what it read.
func (q *queue) poll(now int64) (read []int64) {
	defer func() { q.lastPoll = now }()
	for {
		if len(q.waiting) == 0 {
			q.probes++
			q.c.drained(len(read))
			return read
		}
		a := q.waiting[0]
		q.waiting = q.waiting[1:]
		if read = append(read, a); len(read) == 1 && q.c.enough(a, q.lastPoll, true) {
			return read
		}
	}
}

func TestCadenceSparesProbesOfSteadyLeg(t *testing.T) {
	var q queue
	for i := range int64(400) {
		now := (i + 1) * 20 * ms
		q.waiting = append(q.waiting, now-7*ms)
		if n := len(q.poll(now)); n != 1 {
			t.Fatalf("poll %d read %d", i, n)
		}
	}
	if q.probes > 400/probeEvery+steadyPolls+1 {
		t.Errorf("%d empty reads in 400 polls", q.probes)
	}
}

// TestCadenceDrainsBursts: whatever came before, a burst is read whole at the next poll but
// one, at any phase.
func TestCadenceDrainsBursts(t *testing.T) {
	for steady := range int64(30) {
		for phase := int64(0); phase < 20; phase++ {
			var q queue
			now := 100 * ms
			for range steady {
				now += 20 * ms
				q.waiting = append(q.waiting, now-10*ms)
				q.poll(now)
			}
			for range 6 {
				q.waiting = append(q.waiting, now+phase*ms)
			}
			q.poll(now + 20*ms)
			q.poll(now + 40*ms)
			if len(q.waiting) != 0 {
				t.Fatalf("after %d steady polls %d packets of a burst at phase %d ms wait longer than two polls", steady, len(q.waiting), phase)
			}
		}
	}
}

// TestCadenceNeverFallsBehind: packets at the tick's edge, with jitter, at all rates. No
// packet is read later than at the second poll after its arrival.
func TestCadenceNeverFallsBehind(t *testing.T) {
	for _, period := range []int64{10 * ms, 19_990_000, 20 * ms, 20_010_000, 30 * ms, 60 * ms} {
		var q queue
		arrival, seed := int64(0), uint32(1)
		for now := 20 * ms; now < 60_000*ms; now += 20 * ms {
			for arrival < now {
				seed = seed*1664525 + 1013904223
				jitter := int64(seed>>16) % (3 * ms)
				if a := arrival + jitter; a < now {
					q.waiting = append(q.waiting, a)
				} else {
					break
				}
				arrival += period
			}
			for _, a := range q.poll(now) {
				if now-a > 45*ms {
					t.Fatalf("period %d us: a packet was read %d ms after it came", period/1000, (now-a)/ms)
				}
			}
		}
	}
}
