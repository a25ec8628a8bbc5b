//go:build linux

package main

import (
	"context"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/bench/load/fleet"
	"github.com/confd/confd/bench/measure"
)

// TestMain lets the program that is tested start itself as a floor or a forwarder.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == floorCommand || os.Args[1] == forwarderCommand) {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestFloorAlone(t *testing.T) {
	for name, c := range map[string]struct{ args, want string }{
		"PCMU":  {"cpu -callers 10", `(?m)^floor: \d+\.\d{4} % of a core per caller`},
		"rooms": {"cpu -callers 12 -rooms 4", `(?m)^floor: \d+\.\d{4} % of a core per caller`},
		"Opus":  {"cpu -callers 5 -codec opus -decode talkers", `(?m)^floor: \d+\.\d{4} % of a core per caller`},
		"video": {"delay -rooms 1 -video 3", `(?m)^floor: added delay median \d+\.\d ms`},
		"delay": {"delay -rooms 2", `(?m)^floor: added delay median \d+\.\d ms, 99th percentile \d+\.\d ms, ` +
			`most \d+\.\d ms of [1-9]\d* times`},
	} {
		t.Run(name, func(t *testing.T) {
			out := measured(t, c.args+" -rounds 1 -for 1s -settle 100ms")
			if !regexp.MustCompile(c.want).MatchString(out) {
				t.Errorf("no %s in\n%s", c.want, out)
			}
		})
	}
}

// Rounds whose callers were late are made again where delay is measured, and not for ever.
func TestDelayIsMeasuredWhenCallersAreOnTime(t *testing.T) {
	for _, c := range []struct {
		delay bool
		late  []time.Duration
		want  int // rounds
	}{
		{true, []time.Duration{maxLate}, 1},
		{true, []time.Duration{maxLate + 1, time.Second, 0}, 3},
		{true, slices.Repeat([]time.Duration{time.Second}, mostAgain+1), mostAgain + 1},
		{false, []time.Duration{time.Second}, 1},
	} {
		o, rounds := options{delay: c.delay}, 0
		var out strings.Builder
		r, err := o.calm(&out, head(2, "floor"), func() (result, error) {
			rounds++
			return result{late: c.late[rounds-1]}, nil
		})
		if err != nil || rounds != c.want || r.late != c.late[len(c.late)-1] {
			t.Errorf("delay %v, late %v: %d rounds, the last late by %v, %v", c.delay, c.late, rounds, r.late, err)
		}
		if strings.Count(out.String(), "round 3  floor  again, since callers were late by ") != rounds-1 {
			t.Errorf("%d rounds, and was told %q", rounds, out.String())
		}
	}
}

// measured returns the output of a measurement in which something was heard. A second in which this
// machine did other things is measured again.
func measured(t *testing.T, args string) string {
	t.Helper()
	var out strings.Builder
	for range 4 {
		out.Reset()
		if err := run(context.Background(), strings.Fields(args), &out); err != nil {
			t.Fatal(err)
		}
		if regexp.MustCompile(`\[[1-9]\d* % heard;`).MatchString(out.String()) {
			return out.String()
		}
	}
	t.Errorf("what was said was not heard\n%s", out.String())
	return out.String()
}

func TestCommandLineSaysWhatIsWrong(t *testing.T) {
	for args, want := range map[string]string{
		"":                        "cpu",
		"gpu":                     `"gpu"`,
		"cpu now":                 `"now"`,
		"cpu -codec g722":         "pcmu or opus",
		"cpu -decode none":        `"none"`,
		"cpu -rounds 0":           "-rounds",
		"late":                    "-confd",
		"late -confd x -busy 0":   "-busy",
		"delay -video 2001":       "-video",
		"late -confd x -video -1": "-video",
		"late -confd x -video 1 -video-bitrate 1": "-video-bitrate",
		"late -confd x -beside me":                "-beside me",
		"cpu -rooms 0":                            "-rooms",
		"cpu -rooms 3":                            "the same number in each",
		"cpu -talkers 201":                        "-talkers 201",
		"delay -for 999ms":                        "-for",
		"cpu -confd /absent":                      "start confd",
	} {
		err := run(context.Background(), strings.Fields(args+map[bool]string{true: " -rounds 1 -for 1s -settle 0s -callers 4"}[strings.Contains(args, "confd")]), new(strings.Builder))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one that names %s", args, err, want)
		}
	}
}

func TestSummary(t *testing.T) {
	o := &options{}
	two := []contender{
		{name: "floor", results: []result{{cpu: 0.0003}, {cpu: 0.0002}, {cpu: 0.0004}}},
		{name: "confd", results: []result{{cpu: 0.0009}, {cpu: 0.0006}, {cpu: 0.0005}}},
	}
	want := "floor: 0.0300 % of a core per caller (6.00 µs per tick), rounds from 0.0200 to 0.0400 %\n" +
		"confd: 0.0600 % of a core per caller (12.00 µs per tick), rounds from 0.0500 to 0.0900 %\n" +
		"ratio: 2.00\n"
	if got := o.summary(two); got != want {
		t.Errorf("summary\n%swant\n%s", got, want)
	}
	o.delay = true
	two[0].results = []result{{delays: fleet.Delays{20: 1, 30: 1}}, {delays: fleet.Delays{25: 1}}}
	if got := o.summary(two[:1]); !strings.HasPrefix(got,
		"floor: added delay median 2.5 ms, 99th percentile 3.0 ms, most 3.0 ms of 3 times\n") {
		t.Errorf("summary %s", got)
	}
}

// TestSidesSummary: what ticks were late beside each side, of what a bare thread was.
func TestSidesSummary(t *testing.T) {
	late := func(below, all float64) punctuality {
		return punctuality{late: measure.Histogram{{Edge: 0.001, Below: below}, {Edge: 0.002, Below: all}}, bare: []time.Duration{1e6, 4e6}}
	}
	sides := []*side{{name: sideAlone, late: late(100, 100)}, {name: sideConfd, late: late(0, 100)}}
	var out strings.Builder
	summarize(sides, &out)
	for _, want := range []string{
		`alone +0.500 +0.990 +1.0 +1.000 +4.000 +4.0 +0.25\n`,
		`confd +1.500 +1.990 +2.0 +1.000 +4.000 +4.0 +0.50\n`,
		`with video in confd: ticks late median 1.500 ms`,
		`budget: 99th percentile at most 4.500 ms`,
	} {
		if !regexp.MustCompile(want).MatchString(out.String()) {
			t.Errorf("no %s in\n%s", want, out.String())
		}
	}
}
