//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Each pattern finds its figure in a recorded result of its command.
func TestPatternsFindWhatIsPrinted(t *testing.T) {
	cpu, err := os.ReadFile("../results/cpu-pcmu-200.txt")
	if err != nil {
		t.Fatal(err)
	}
	delay, err := os.ReadFile("../results/delay-pcmu.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range measurements {
		text := ""
		switch {
		case m.command[0] == "compare" && m.command[1] == "cpu":
			text = string(cpu)
		case m.command[0] == "compare" && m.command[1] == "delay":
			text = string(delay)
		default:
			continue
		}
		rows, err := m.rows(text)
		if err != nil || strings.Count(rows, "\n") != len(m.figures) {
			t.Errorf("%s: %v, %q", m.what, err, rows)
		}
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
