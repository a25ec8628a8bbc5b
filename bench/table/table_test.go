//go:build linux

package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Each pattern finds its figure in a recorded result of its kind of command.
func TestPatternsFindWhatIsPrinted(t *testing.T) {
	for _, m := range measurements {
		recorded := m.command[1]
		switch command := strings.Join(m.command, " "); {
		case strings.Contains(command, "-talkers 50"):
			recorded = "cpu-opus-50-talk"
		case recorded == "cpu":
			recorded = "cpu-opus-10x5-talk"
		case recorded == "delay":
			recorded = "delay-pcmu"
		}
		text, err := os.ReadFile("../results/" + recorded + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		rows, err := m.rows(string(text))
		if err != nil || strings.Count(rows, "\n") != len(m.figures) {
			t.Errorf("%s: %v, %q", m.what, err, rows)
		}
	}
}

// A bound can follow from the run; what failed has rows, too.
func TestBoundOfTheRunAndFailure(t *testing.T) {
	m := measurement{what: "lateness", command: []string{"x"},
		figures: []figure{{what: "p99", pattern: pattern(`late (\S+)`), limit: pattern(`at most (\S+)`), unit: " ms"}}}
	for text, want := range map[string]string{
		"late 2\nat most 2\n":   "| lateness: p99 | 2 ms | 2 ms | met |\n",
		"late 2\nat most 1.9\n": "| lateness: p99 | 2 ms | 1.9 ms | **missed** |\n",
	} {
		if got, err := m.rows(text); err != nil || got != want {
			t.Errorf("%q: %q, %v, want %q", text, got, err, want)
		}
	}
	if rows, err := m.rows("late 2\n"); err == nil {
		t.Errorf("no bound was told: %q", rows)
	}
	want := "| lateness: p99 | no / such thing | follows from the run | **not measured** |\n"
	if got := m.failed(errors.New("no | such\nthing")); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// One that fails leaves the others in the table.
func TestFailureIsARow(t *testing.T) {
	defer func(all []measurement) { measurements = all }(measurements)
	measurements = []measurement{
		{what: "bad", command: []string{"false"}, figures: ratio(1)},
		{what: "good", command: []string{"echo", "ratio: 1.00"}, figures: ratio(1)},
	}
	var out strings.Builder
	err := run(context.Background(), []string{"-programs", "/bin"}, &out, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "bad") {
		t.Errorf("error %v", err)
	}
	if s := out.String(); !strings.Contains(s, "| bad |") || !strings.Contains(s, "| good | 1 × floor | 1 × floor | met |\n") {
		t.Errorf("table %s", s)
	}
}

func TestRows(t *testing.T) {
	m := measurement{what: "cost", command: []string{"x"}, figures: ratio(1.4)}
	for text, want := range map[string]string{
		"ratio: 1.40\n":              "| cost | 1.4 × floor | 1.4 × floor | met |\n",
		"ratio: 1.41\n":              "| cost | 1.41 × floor | 1.4 × floor | **missed** |\n",
		"ratio: 2.00\nratio: 1.00\n": "| cost | 1 × floor | 1.4 × floor | met |\n",
	} {
		if got, err := m.rows(text); err != nil || got != want {
			t.Errorf("%q: %q, %v, want %q", text, got, err, want)
		}
	}
	beside := measurement{what: "cost", command: []string{"x"}, figures: ratio(0)}
	if got, err := beside.rows("ratio: 3.00\n"); err != nil || got != "| cost | 3 × floor | none |  |\n" {
		t.Errorf("without a bound: %q, %v", got, err)
	}
	if _, err := m.rows("nothing of the kind"); err == nil || !strings.Contains(err.Error(), "ratio") {
		t.Errorf("a command that prints no figure: %v", err)
	}
}

func TestTableGoesBetweenItsMarks(t *testing.T) {
	file := filepath.Join(t.TempDir(), "README.md")
	write := func(s string) {
		if err := os.WriteFile(file, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("before\n" + tableBegins + "old\n" + tableEnds + "after\n")
	if err := replace(file, "new\n"); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(file); string(got) != "before\n"+tableBegins+"new\n"+tableEnds+"after\n" {
		t.Errorf("%q", got)
	}
	write("no marks")
	if err := replace(file, "new"); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("without marks: %v", err)
	}
}
