package mixer

import (
	"testing"
	"time"
)

// A key is told of although timestamps leapt back since the one before; a packet that comes
// late is no key of its own.
func TestDigitsAfterTimestampsLeap(t *testing.T) {
	b := newBed(t, Config{})
	var keys []byte
	b.conf.cfg.Events = func(e Event) {
		if e.Kind == DigitStarted {
			keys = append(keys, e.Digit)
		}
	}
	p := b.phone(narrow(t), -20, 440, network{phase: 5e6}).join()
	press := func(ts uint32, code byte) {
		p.event(ts, 160, code, false)
		p.event(ts, 320, code, true)
		b.run(200 * time.Millisecond)
	}
	b.run(time.Second)
	press(p.ts, 5)
	press(p.ts+320, 6)
	press(p.ts-1600, 5)
	b.run(5 * time.Second)
	p.ts -= 1000000
	press(p.ts, 7)
	if string(keys) != "567" {
		t.Errorf("keys %q, want 567", keys)
	}
}
