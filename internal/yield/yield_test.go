package yield

import (
	"runtime"
	"testing"
)

// TestNow: who waits for the processor runs.
func TestNow(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	ran := 0
	for range 3 {
		go func() { ran++ }()
	}
	for i := 0; ran < 3 && i < 1000; i++ {
		Now()
	}
	if ran != 3 {
		t.Errorf("%d of 3 ran", ran)
	}
}
