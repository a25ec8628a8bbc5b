//go:build linux

package fleet

import (
	"math"
	"testing"
	"time"
)

// through sends n packets, a period apart, on a link, and returns what leaves, by its number.
func through(m Impairment, n int) (left []packet, lost int) {
	l := newLink(m, packetTime, 12345)
	for k := range n {
		at := int64(k) * int64(packetTime)
		if !l.take(packet{at: at, number: uint16(k), what: uint32(k)}) {
			lost++
		}
		for p, ok := l.next(); ok && p.at < at+int64(packetTime); p, ok = l.next() {
			left = append(left, p)
			l.pop()
		}
	}
	return left, lost
}

const manyPackets = 200000

// Packets are lost as often, and as many in a row, as asked for.
func TestLoss(t *testing.T) {
	for _, m := range []Impairment{{Loss: 0.01}, {Loss: 0.3}, {Loss: 0.05, Burst: 1}, {Loss: 0.05, Burst: 4}, {Loss: 0.2, Burst: 10}, {Loss: 0.5, Burst: 1}} {
		left, lost := through(m, manyPackets)
		bursts, last := 0, int64(-1)
		for _, p := range left {
			if int64(p.what) > last+1 {
				bursts++
			}
			last = int64(p.what)
		}
		burst := m.Burst
		if burst == 0 {
			burst = 1 / (1 - m.Loss)
		}
		share, mean := float64(lost)/manyPackets, float64(lost)/float64(bursts)
		// Four standard deviations, of as many bursts.
		within := 4 * math.Sqrt(2*burst/m.Loss/manyPackets)
		if math.Abs(share-m.Loss) > m.Loss*within || math.Abs(mean-burst) > burst*within {
			t.Errorf("%+v: share %.4f, burst %.2f", m, share, mean)
		}
	}
}

// Packets are delayed evenly and stay in order; none is lost.
func TestLinkJitter(t *testing.T) {
	for _, j := range []time.Duration{packetTime / 2, packetTime, MaxJitter} {
		left, lost := through(Impairment{Jitter: j}, manyPackets)
		most, sum, last := time.Duration(0), time.Duration(0), int64(0)
		for k, p := range left {
			if int(p.what) != k || p.at < last {
				t.Fatalf("packet %d leaves as number %d, %v after the one before", p.what, k, time.Duration(p.at-last))
			}
			last = p.at
			d := time.Duration(p.at - int64(k)*int64(packetTime))
			most, sum = max(most, d), sum+d
		}
		if waiting := int(j/packetTime) + 1; lost > 0 || len(left) < manyPackets-waiting || most > j || most < j*99/100 {
			t.Errorf("jitter %v: %d of %d left, %d lost, delayed by up to %v", j, len(left), manyPackets, lost, most)
		}
		if mean := sum / time.Duration(len(left)); j <= packetTime && (mean < j*49/100 || mean > j*51/100) {
			t.Errorf("jitter %v: delayed by %v in the mean", j, mean)
		}
	}
}

// As many packets as asked for are behind their next, by one place.
func TestLinkReorder(t *testing.T) {
	for _, share := range []float64{0.01, 0.1, 0.5} {
		left, lost := through(Impairment{Reorder: share}, manyPackets)
		swapped := 0
		for k := 1; k < len(left); k++ {
			switch step := int(left[k].what) - int(left[k-1].what); {
			case step == -1:
				swapped++
			case step != 1 && step != 2 && step != 3:
				t.Fatalf("%d leaves after %d", left[k].what, left[k-1].what)
			}
		}
		got := float64(swapped) / manyPackets
		if lost > 0 || len(left) < manyPackets-2 || math.Abs(got-share) > 4*math.Sqrt(share/manyPackets) {
			t.Errorf("%v: %v swapped, %d lost, %d left", share, got, lost, len(left))
		}
	}
}

// Equal seeds have equal fates.
func TestLinkIsDeterministic(t *testing.T) {
	m := Impairment{Loss: 0.1, Burst: 3, Jitter: 30 * time.Millisecond, Reorder: 0.05}
	a, _ := through(m, 1000)
	b, _ := through(m, 1000)
	if len(a) != len(b) {
		t.Fatalf("%d and %d left", len(a), len(b))
	}
	for i := range a {
		if a[i] != b[i] {
			t.Fatalf("packet %d is %+v and %+v", i, a[i], b[i])
		}
	}
}

func TestLinkAllocatesNothing(t *testing.T) {
	l := newLink(Impairment{Loss: 0.1, Burst: 2, Jitter: MaxJitter, Reorder: 0.2}, packetTime, 1)
	at := int64(0)
	if n := testing.AllocsPerRun(10000, func() {
		at += int64(packetTime)
		l.take(packet{at: at})
		for p, ok := l.next(); ok && p.at <= at; p, ok = l.next() {
			l.pop()
		}
	}); n != 0 {
		t.Errorf("%v allocations per packet", n)
	}
}
