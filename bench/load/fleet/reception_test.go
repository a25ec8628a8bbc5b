//go:build linux

package fleet

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestNumbers(t *testing.T) {
	type step struct {
		ssrc   uint32
		number uint16
		want   outcome
		over   uint32 // extended less firstNumber
	}
	for name, c := range map[string]struct {
		steps []step
		want  Counts
	}{
		"in order": {[]step{{1, 65534, begins, 65534}, {1, 65535, inOrder, 65535}, {1, 0, inOrder, 65536}}, Counts{}},
		"lost":     {[]step{{1, 5, begins, 5}, {1, 8, inOrder, 8}}, Counts{Lost: 2}},
		"overtaken": {[]step{{1, 5, begins, 5}, {1, 7, inOrder, 7}, {1, 6, late, 6}, {1, 6, again, 6}, {1, 7, again, 7}},
			Counts{Reordered: 1, Duplicated: 2}},
		"before the first":   {[]step{{1, 5, begins, 5}, {1, 4, again, 4}}, Counts{Duplicated: 1}},
		"late by the most":   {[]step{{1, 0, begins, 0}, {1, 101, inOrder, 101}, {1, 1, late, 1}}, Counts{Lost: 100, Reordered: 1}},
		"later still":        {[]step{{1, 200, begins, 200}, {1, 99, begins, 99}}, Counts{Restarts: 1}},
		"the longest gap":    {[]step{{1, 0, begins, 0}, {1, maxDropout, inOrder, maxDropout}}, Counts{Lost: maxDropout - 1}},
		"a leap":             {[]step{{1, 0, begins, 0}, {1, maxDropout + 1, begins, maxDropout + 1}}, Counts{Restarts: 1}},
		"another stream":     {[]step{{1, 0, begins, 0}, {2, 7, begins, 7}, {2, 8, inOrder, 8}}, Counts{Restarts: 1}},
		"behind the history": {[]step{{1, 0, begins, 0}, {1, 70, inOrder, 70}, {1, 6, late, 6}, {1, 7, late, 7}}, Counts{Lost: 68, Reordered: 2}},
	} {
		var r reception
		var got Counts
		for _, s := range c.steps {
			number, o := r.take(s.ssrc, s.number, &got)
			if o != s.want || number != firstNumber+s.over {
				t.Errorf("%s: %d is %d, number %d; want %d, %d", name, s.number, o, number-firstNumber, s.want, s.over)
			}
		}
		if got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

// What was received and what was lost is what was sent, whatever the network does.
func TestLossIsWhatNeverCame(t *testing.T) {
	dice := rand.New(rand.NewPCG(1, 1))
	for range 50 {
		var r reception
		var c Counts
		const n = 5000
		came := make([]bool, n)
		for k := 0; k < n; k++ {
			at := max(0, k-dice.IntN(10)) // some come again, some late
			if k == n-1 {
				at = k
			}
			if dice.IntN(10) > 0 || k == 0 || k == n-1 {
				r.take(1, uint16(at+60000), &c)
				came[at] = true
			}
		}
		want := 0
		for _, ok := range came {
			if !ok {
				want++
			}
		}
		if c.Lost != want {
			t.Fatalf("%d lost, want %d: %+v", c.Lost, want, c)
		}
	}
}

// Jitter is a sixteenth of each difference of transit times (RFC 3550 section 6.4.1).
func TestJitter(t *testing.T) {
	var r reception
	want := 0.0
	for k := range 1000 {
		off := int64(k%2) * 5e6
		r.spread(int64(k)*20e6+off, uint32(k*160)+4e9, 8000)
		if k > 0 {
			want += (40 - want) / 16
		}
	}
	if math.Abs(r.jitter-want) > 0.5 || math.Abs(want-40) > 0.1 {
		t.Errorf("jitter %.2f, want %.2f", r.jitter, want)
	}
}

func FuzzTake(f *testing.F) {
	f.Add([]byte{0x80, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 7, 7})
	f.Add([]byte{0x80, 201, 0, 1, 0, 0, 0, 2})
	c := &caller{kind: 96, event: 101, room: &room{}}
	th := &thread{clockRate: 8000}
	f.Fuzz(func(t *testing.T, datagram []byte) {
		before := c.counts
		c.take(th, datagram, 5e9, 6e9)
		now := c.counts
		if n := now.Received + now.RTCP + now.Unparsable - before.Received - before.RTCP - before.Unparsable; n != 1 {
			t.Errorf("a datagram is counted %d times", n)
		}
	})
}
