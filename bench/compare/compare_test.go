//go:build linux

package main

import (
	"context"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/bench/callers"
)

// TestMain lets the program that is tested start itself as a floor.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == floorCommand {
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
		"delay": {"delay -rooms 2", `(?m)^floor: added delay median \d+\.\d\d ms, 99th percentile \d+\.\d\d ms, ` +
			`most \d+\.\d\d ms of [1-9]`},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			args := strings.Fields(c.args + " -rounds 1 -for 1s -settle 100ms")
			if err := run(context.Background(), args, &out); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(out.String(), "heard -127") {
				t.Errorf("nothing was heard\n%s", out.String())
			}
			if !regexp.MustCompile(c.want).MatchString(out.String()) {
				t.Errorf("no %s in\n%s", c.want, out.String())
			}
		})
	}
}

func TestCommandLineSaysWhatIsWrong(t *testing.T) {
	for args, want := range map[string]string{
		"":                      "cpu",
		"gpu":                   `"gpu"`,
		"cpu now":               `"now"`,
		"cpu -codec g722":       "pcmu or opus",
		"cpu -decode none":      `"none"`,
		"cpu -rounds 0":         "-rounds",
		"late":                  "-confd",
		"late -confd x -busy 0": "-busy",
		"cpu -rooms 0":          "-rooms",
		"cpu -rooms 3":          "the same number in each",
		"delay -for 10ms":       "-for",
		"cpu -confd /absent":    "start confd",
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
	two[0].results = []result{{Report: callers.Report{Delays: []time.Duration{3e6, 1e6}}}, {Report: callers.Report{Delays: []time.Duration{2e6}}}}
	if got := o.summary(two[:1]); !strings.HasPrefix(got,
		"floor: added delay median 2.00 ms, 99th percentile 3.00 ms, most 3.00 ms of 3 marks\n") {
		t.Errorf("summary %s", got)
	}
}

func TestHealthNamesWhatIsWrong(t *testing.T) {
	if got := health(callers.Report{}); got != "no packet lost; load late 0.0 ms" {
		t.Errorf("nothing wrong: %s", got)
	}
	r := callers.Report{Starved: 2, Missed: 1, Late: time.Millisecond}
	r.Lost = 3
	if got, want := health(r), "3 lost, 2 callers starved, 1 marks missed; load late 1.0 ms"; got != want {
		t.Errorf("health %s, want %s", got, want)
	}
}
