package signal

import (
	"math/rand/v2"
	"testing"
)

// The clock goes by the packets that come earliest, and follows one that drifts.
func TestClockFollowsTheEarliest(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for _, ppm := range []float64{0, 200, -200} {
		var c earClock
		for k := range int64(50 * 300) {
			due := 1e12 + float64(k)*20e6*(1+ppm*1e-6)
			if anew := c.packet(k*160, int64(due)+random.Int64N(20e6)); anew != (k == 0) {
				t.Fatalf("packet %d: begins anew %v", k, anew)
			}
			if off := float64(c.at(float64(k*160))) - due; k > 500 && (off < -3e6 || off > 8e6) {
				t.Fatalf("%v ppm, packet %d: %.1f ms off", ppm, k, off/1e6)
			}
			if back := c.sample(c.at(float64(k * 160))); back < float64(k*160)-0.01 || back > float64(k*160)+0.01 {
				t.Fatalf("sample %d comes back as %v", k*160, back)
			}
		}
	}
}

func TestClockBeginsAnew(t *testing.T) {
	var c earClock
	for k := range int64(20) {
		c.packet(k*160, 1e12+k*20e6)
	}
	const leap = int64(400e6)
	for k := int64(20); k < 30; k++ {
		if anew := c.packet(k*160, 1e12+k*20e6+leap); anew != (k == 20+maxAstray-1) {
			t.Errorf("packet %d: begins anew %v", k, anew)
		}
	}
	if off := c.at(29*160) - (1e12 + 29*20e6 + leap); off != 0 {
		t.Errorf("%d ns off", off)
	}
}

func TestArrivalIsThatOfThePacket(t *testing.T) {
	c := earClock{late: 10}
	for k := range int64(1000) {
		c.packet(k*160, 1e12+k*20e6+k%7*1e6)
	}
	for _, k := range []int64{999, 900, 800} {
		at, ok := c.arrived(float64(k*160 + 10 + 80))
		if want := 1e12 + k*20e6 + k%7*1e6 + 10e6; !ok || at != want {
			t.Errorf("packet %d: %d, %v, want %d", k, at, ok, want)
		}
	}
	if _, ok := c.arrived(100); ok {
		t.Error("a packet that is long forgotten is known")
	}
}
