package control

import (
	"testing"
	"time"

	"github.com/pion/rtcp"
)

func TestAudienceIsBoundedAndScaled(t *testing.T) {
	a := newAudience()
	for n, ssrc := 0, uint32(1); n < 200000; n++ {
		ssrc = ssrc*1664525 + 1013904223
		a.heard(ssrc, &rtcp.ReceptionReport{FractionLost: 9}, second)
		if n+1 == maxListeners && (a.shift != 0 || a.estimate != maxListeners) {
			t.Fatalf("at the limit: shift %d, estimate %d", a.shift, a.estimate)
		}
		if len(a.all) > maxListeners {
			t.Fatalf("%d receivers are followed", len(a.all))
		}
	}
	if a.estimate < 180000 || a.estimate > 220000 {
		t.Errorf("200000 receivers are estimated at %d, following %d", a.estimate, len(a.all))
	}
	sum := 0
	for _, l := range a.all {
		sum += 1 << l.shift
	}
	if sum != a.estimate {
		t.Errorf("estimate %d, but those followed stand for %d", a.estimate, sum)
	}
}

func TestAudienceForgetsTheSilent(t *testing.T) {
	a := newAudience()
	a.heard(1, nil, second)
	a.heard(2, nil, 3*second)
	limit := second + timeouts*int64(5*time.Second)
	if a.expire(limit, 5*time.Second); a.estimate != 2 {
		t.Errorf("%d receivers at the limit, want 2", a.estimate)
	}
	if a.expire(limit+1, 5*time.Second); a.estimate != 1 {
		t.Errorf("%d receivers past the limit, want 1", a.estimate)
	}
	if a.expire(second+int64(longestSilence)+3*second, 24*time.Hour); a.estimate != 0 {
		t.Error("a group that is said to be huge is never forgotten")
	}
	a.heard(2, nil, 3*second)
	a.shift = 3
	for range 4 {
		a.expire(4*second, 5*time.Second)
	}
	if a.shift != 0 || !a.sampled(12345) {
		t.Error("the sample does not grow again")
	}
	a.remove(2)
	if a.remove(2); a.estimate != 0 || len(a.all) != 0 {
		t.Errorf("estimate of nobody is %d", a.estimate)
	}
}

func TestAudienceTakesNegativeLoss(t *testing.T) {
	a := newAudience()
	a.heard(1, &rtcp.ReceptionReport{TotalLost: 1<<24 - 5}, second) // more came than was sent
	if a.summarise(); a.mostLost != 0 || len(a.loss) != 1 {
		t.Errorf("%d lost of %d", a.mostLost, len(a.loss))
	}
}

func TestPercentiles(t *testing.T) {
	if p := percentiles(nil, 1); p != (Percentiles{}) {
		t.Errorf("of nothing: %+v", p)
	}
	if p := percentiles([]uint32{7}, 2); p != (Percentiles{14, 14, 14}) {
		t.Errorf("of one: %+v", p)
	}
	var all []uint32
	for v := range uint32(100) {
		all = append(all, v+1)
	}
	if p := percentiles(all, 1); p != (Percentiles{50, 90, 99}) {
		t.Errorf("of 1 to 100: %+v", p)
	}
}
