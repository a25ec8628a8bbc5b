// Package wait waits for what becomes so without telling anybody: a counter, a metric, the state
// of another program. Where there is an event to receive, receive that instead.
package wait

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

// Limit is how long For waits: far longer than anything takes on a machine that others keep busy.
const Limit = 60 * time.Second

// What lies between two looks: more and more, so that looking costs little.
const (
	first   = time.Millisecond
	longest = 16 * time.Millisecond
)

var errNotYet = errors.New("never")

// For returns as soon as is tells true, and ends the test after Limit. It may only be called by
// the test's goroutine. What show returns is told then, to say what there is instead.
func For(t testing.TB, what string, is func() bool, show ...func() any) {
	t.Helper()
	Within(t, Limit, what, func() error {
		if is() {
			return nil
		}
		return errNotYet
	}, show...)
}

// Within returns as soon as f succeeds, and ends the test with f's error after a limit of its own.
func Within(t testing.TB, limit time.Duration, what string, f func() error, show ...func() any) {
	t.Helper()
	pause := first
	for deadline := time.Now().Add(limit); ; pause = min(2*pause, longest) {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v: %v%s", what, limit, err, told(show))
		}
		time.Sleep(pause)
	}
}

func told(show []func() any) (all string) {
	for _, f := range show {
		all += fmt.Sprintf("; %+v", f())
	}
	return all
}
