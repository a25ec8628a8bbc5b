package transport

import (
	"testing"
	"time"
)

func TestTimeline(t *testing.T) {
	type packet struct {
		at   int64 // ms
		rate uint32
		want uint32 // since the first
	}
	for _, c := range []struct {
		name    string
		packets []packet
	}{
		{"steady", []packet{{0, 8000, 0}, {20, 8000, 160}, {40, 8000, 320}}},
		{"silence suppressed", []packet{{0, 8000, 0}, {20, 8000, 160}, {1000, 8000, 8000}}},
		{"starts late", []packet{{7_000_000, 48000, 0}, {7_000_020, 48000, 960}}},
		{"change of rate", []packet{{0, 8000, 0}, {20, 8000, 160}, {40, 48000, 320}, {60, 48000, 1280}, {80, 8000, 2240}, {100, 8000, 2400}}},
		{"hours without a packet", []packet{{0, 48000, 0}, {100 * 3600_000, 48000, uint32((100 * 3600 * 48000) % (1 << 32))}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := Timeline{base: 0xffffff00} // wraps on the way
			for _, p := range c.packets {
				ts, ok := l.At(p.at*ms, p.rate)
				if !ok || ts-0xffffff00 != p.want {
					t.Errorf("at %d ms: %d (%v), want %d", p.at, ts-0xffffff00, ok, p.want)
				}
			}
		})
	}
}

// TestTimelineDoesNotDrift: packet times that are no whole number of units leave no error.
func TestTimelineDoesNotDrift(t *testing.T) {
	var l Timeline
	step := int64(20*time.Millisecond) + 7
	for i := range int64(1_000_000) {
		ts, _ := l.At(i*step, 44100)
		if want := uint32(units(i*step, 44100)); ts-want+1 > 2 {
			t.Fatalf("packet %d: %d, want %d", i, ts, want)
		}
	}
}

func TestTimelineSurvivesTimeRunningBack(t *testing.T) {
	var l Timeline
	l.At(1000*ms, 8000)
	l.At(1020*ms, 8000)
	ts, ok := l.At(5*ms, 8000)
	if ok || ts != 320 {
		t.Errorf("timestamp %d (%v), want one packet on, and a complaint", ts, ok)
	}
	if ts, ok = l.At(25*ms, 8000); !ok || ts != 480 {
		t.Errorf("timestamp %d (%v), want 480", ts, ok)
	}
}
