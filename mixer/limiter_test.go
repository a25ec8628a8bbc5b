package mixer

import "testing"

// The gain is down before a peak in mid-frame comes, and goes there by steps of a fifth.
func TestLimiterForesees(t *testing.T) {
	const block = 20
	src := make([]int32, blocks*block)
	for i := range src {
		src[i] = 10000
		if i >= 12*block {
			src[i] = 10 * ceiling
		}
	}
	dst := make([]int16, len(src))
	var l limiter
	l.process(dst, src)
	for b := 8; b < 12; b++ {
		now, before := int(dst[(b+1)*block-1]), int(dst[b*block-1])
		if now*100 < before*78 || now >= before {
			t.Errorf("at the end of block %d %d, of the one before %d", b, now, before)
		}
	}
	for i := 12 * block; i < len(dst); i++ {
		if dst[i] > ceiling+1 || dst[i] < ceiling*2/3 {
			t.Fatalf("sample %d is %d, want no more than %d, and not much less", i, dst[i], ceiling)
		}
	}
}
