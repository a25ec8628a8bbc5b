//go:build linux

package measure

import "testing"

func TestSteal(t *testing.T) {
	before, err := parseSteal("cpu  10 0 20 60 0 0 0 10 5 5")
	if err != nil || before != (Steal{Stolen: 10, Idle: 60, All: 100}) {
		t.Fatalf("%+v, %v", before, err)
	}
	after, err := parseSteal("cpu  10 0 20 110 10 5 5 40 5 5")
	if err != nil || after.PercentSince(before) != 30 {
		t.Errorf("%v %%, %v; want 30", after.PercentSince(before), err)
	}
	if b := after.BusySince(before); b != 0.4 {
		t.Errorf("%v busy, want 0.4", b)
	}
	if b := before.BusySince(before); b != 0 {
		t.Errorf("%v busy in no time", b)
	}
	if p := before.PercentSince(before); p != 0 {
		t.Errorf("%v %% in no time", p)
	}
	for _, line := range []string{"", "cpu0 1 2 3 4 5 6 7 8", "cpu 1 2 3 4 5 6 7", "cpu 1 2 3 4 5 6 7 x"} {
		if _, err := parseSteal(line); err == nil {
			t.Errorf("%q was taken", line)
		}
	}
	if now, err := StealSoFar(); err != nil || now.All == 0 {
		t.Errorf("this machine: %+v, %v", now, err)
	}
}
