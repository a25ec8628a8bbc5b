//go:build linux

package fleet

import (
	"testing"
	"time"
)

// slot is that of a thread unless a finer grain is asked for.
const slot = int64(DefaultGrain / 2)

// Callers come out not before their time, talkers first, the others in the order in which
// they went in; what is past comes at once, what is too far at the end.
func TestWheel(t *testing.T) {
	w := wheel{slot: slot, next: 5000}
	names := map[*caller]string{}
	put := func(name string, at int64, rank int) {
		c := &caller{rank: rank}
		names[c] = name
		w.put(c, at)
	}
	put("b", 5001*slot, 1)
	put("d", 5001*slot+1, 1)
	put("c", 5001*slot-1, 1)
	put("a", 5001*slot, 0)
	put("past", 0, 1)
	put("far", 9e15, 1)
	got := ""
	for range slots {
		for _, l := range w.take() {
			for c := l.first; c != nil; c = c.after {
				got += names[c] + " "
			}
		}
		got += "."
		if len(got) > 18 {
			break
		}
	}
	if want := "past .a b c .d .."; got[:len(want)] != want {
		t.Errorf("%q, want %q", got, want)
	}
	before := w.next
	w.skip(20)
	if w.next != before+20 {
		t.Errorf("skipped %d slots, want 20", w.next-before)
	}
	w.skip(2 * slots)
	if n := w.next - 5000; n != slots-1 {
		t.Errorf("the farthest is %d slots ahead, want %d", n, slots-1)
	}
}

func TestLateness(t *testing.T) {
	var l, m lateness
	if l.quantile(0.99) != 0 {
		t.Error("nothing is late")
	}
	for i := range int64(100) {
		l.add(i * 1e6)
	}
	m.merge(&l)
	if got := m.quantile(0.5); got != 50*time.Millisecond {
		t.Errorf("half is up to %v late, want 50 ms", got)
	}
	l = lateness{}
	l.add(-5)
	if got := l.quantile(0.99); got != time.Duration(lateStep) {
		t.Errorf("%v, want %v", got, time.Duration(lateStep))
	}
}

func TestDelays(t *testing.T) {
	var d delays
	if d.counts.Quantile(0.5) != 0 || d.counts.Len() != 0 {
		t.Error("nothing is delayed")
	}
	for i := range 1000 {
		d.add(time.Duration(i) * time.Millisecond / 10)
	}
	d.add(-1)
	d.add(time.Hour)
	var all Delays
	all.Add(d.counts[:3])
	all.Add(d.counts)
	for q, want := range map[float64]time.Duration{0: 0, 0.5: 49700 * time.Microsecond, 0.99: 99000 * time.Microsecond, 1: 500 * time.Millisecond} {
		if got := all.Quantile(q); got != want {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
	if all.Len() != 1006 {
		t.Errorf("%d delays, want 1006", all.Len())
	}
}
