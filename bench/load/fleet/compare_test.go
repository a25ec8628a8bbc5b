//go:build linux

package fleet

import (
	"math/rand/v2"
	"testing"
)

// pair is a reference and one who is compared with it.
type pair struct {
	guide  guide
	mine   comparison
	counts Counts
}

// feed gives both the payloads of n packets; f says what is changed, 0 being lost.
func (p *pair) feed(n int, offset uint32, f func(k int, reference, own uint64) (uint64, uint64)) {
	dice := rand.New(rand.NewPCG(7, 7))
	for k := range n {
		hash := dice.Uint64() | 1
		if k%50 < 10 {
			hash = 5 // silence
		}
		a, b := f(k, hash, hash)
		if a != 0 {
			p.guide.note(uint32(k)+70000, a)
		}
		if k == 0 {
			p.mine.begin(offset)
		}
		if b != 0 {
			p.mine.note(&p.guide, uint32(k)+offset, b, &p.counts)
		}
	}
}

func same(_ int, a, b uint64) (uint64, uint64) { return a, b }

func TestComparison(t *testing.T) {
	for name, c := range map[string]struct {
		f           func(k int, a, b uint64) (uint64, uint64)
		match, diff [2]int // least and most of 1000
	}{
		"same":           {same, [2]int{960, 1000}, [2]int{}},
		"other":          {func(_ int, a, b uint64) (uint64, uint64) { return a, b + 2 }, [2]int{0, 0}, [2]int{700, 900}},
		"lost by one":    {func(k int, a, b uint64) (uint64, uint64) { return a, b * uint64(min(1, k%10)) }, [2]int{860, 900}, [2]int{}},
		"lost by other":  {func(k int, a, b uint64) (uint64, uint64) { return a * uint64(min(1, k%10)), b }, [2]int{860, 900}, [2]int{}},
		"one differs":    {func(k int, a, b uint64) (uint64, uint64) { return a, b + 2*uint64(k%100/99) }, [2]int{850, 990}, [2]int{9, 10}},
		"half differs":   {func(k int, a, b uint64) (uint64, uint64) { return a, b + 2*uint64(k/500) }, [2]int{480, 500}, [2]int{380, 520}},
		"only silence":   {func(k int, a, b uint64) (uint64, uint64) { return 5, 5 }, [2]int{}, [2]int{}},
		"nothing to see": {func(k int, a, b uint64) (uint64, uint64) { return 0, b }, [2]int{}, [2]int{}},
	} {
		for _, offset := range []uint32{70000, 1, 90000, ^uint32(0) - 300} {
			p := &pair{}
			p.feed(1000, offset, c.f)
			if m := p.counts.Matched; m < c.match[0] || m > c.match[1] {
				t.Errorf("%s, %d: %d match, want %v", name, offset, m, c.match)
			}
			if d := p.counts.Differing; d < c.diff[0] || d > c.diff[1] {
				t.Errorf("%s, %d: %d differ, want %v", name, offset, d, c.diff)
			}
		}
	}
}

// Another reference, and a break of the stream, are found out and followed.
func TestComparisonFollows(t *testing.T) {
	p := &pair{}
	p.feed(500, 100, same)
	p.guide = guide{}
	p.feed(500, 4000, same)
	if p.counts.Matched < 900 || p.counts.Differing > 0 {
		t.Errorf("%d match, %d differ", p.counts.Matched, p.counts.Differing)
	}
	if !p.counts.alike() || (&Counts{}).alike() || (&Counts{Matched: 99, Differing: 10}).alike() || !(&Counts{Matched: 100, Differing: 10}).alike() {
		t.Error("who is alike is told wrongly")
	}
}

func BenchmarkCompare(b *testing.B) {
	p := &pair{}
	payload := make([]byte, 160)
	k := uint32(0)
	for b.Loop() {
		payload[0], payload[1] = byte(k), byte(k>>8)
		h := hashOf(payload)
		p.guide.note(k, h)
		p.mine.note(&p.guide, k, h, &p.counts)
		k++
	}
}
