package rooms

import (
	"testing"
	"time"
)

func TestKeyLead(t *testing.T) {
	for listeners, want := range map[int]time.Duration{
		0: 2 * time.Second, 50: 3 * time.Second, 1399: 29980 * time.Millisecond, 1400: 30 * time.Second, 10000: 30 * time.Second,
	} {
		if got := keyLead(listeners); got != want {
			t.Errorf("%d listeners: %v, want %v", listeners, got, want)
		}
	}
}
