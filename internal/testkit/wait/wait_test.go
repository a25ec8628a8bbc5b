package wait

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// failing is a test that keeps why it was ended.
type failing struct {
	testing.TB
	why string
}

func (f *failing) Helper() {}

func (f *failing) Fatalf(format string, args ...any) {
	f.why = fmt.Sprintf(format, args...)
	panic(f)
}

// ended runs something in a bubble, where time costs none, and returns why the test was ended.
func ended(t *testing.T, run func(t testing.TB)) (why string) {
	f := &failing{TB: t}
	synctest.Test(t, func(*testing.T) {
		defer func() { _ = recover() }()
		run(f)
	})
	return f.why
}

func TestForReturnsAtOnceWhenSo(t *testing.T) {
	looks := 0
	why := ended(t, func(f testing.TB) {
		begin := time.Now()
		For(f, "the third look", func() bool { looks++; return looks == 3 })
		if took := time.Since(begin); took != first+2*first {
			t.Errorf("it took %v", took)
		}
	})
	if looks != 3 || why != "" {
		t.Errorf("%d looks, %q", looks, why)
	}
}

func TestForEnds(t *testing.T) {
	n := 0
	why := ended(t, func(f testing.TB) {
		For(f, "rain", func() bool { n++; return false }, func() any { return "sun" }, func() any { return 7 })
	})
	if why != "rain: not within 1m0s: never; sun; 7" || n < int(Limit/longest) {
		t.Errorf("after %d looks: %q", n, why)
	}
}

func TestWithinTellsTheError(t *testing.T) {
	why := ended(t, func(f testing.TB) {
		Within(f, time.Second, "dinner", func() error { return errors.New("not yet cooked") })
	})
	if why != "dinner: not within 1s: not yet cooked" {
		t.Error(why)
	}
}
