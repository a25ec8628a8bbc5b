package e2e

import (
	"testing"
	"time"

	"github.com/confd/confd/internal/testkit/tone"
)

func TestBestSecond(t *testing.T) {
	good := tone.Make(8000, 1500*time.Millisecond, -20, 860)
	noisy := append(tone.Make(8000, time.Second, -20, 860, 1354), good...)
	e := tone.Expect{Present: []float64{860}, Absent: []float64{1354}}
	if err := bestSecond(noisy, 8000, e); err != nil {
		t.Error(err)
	}
	for name, pcm := range map[string][]int16{
		"short": good[:7000], "two tones": noisy[:8000], "silence": make([]int16, 16000),
	} {
		if bestSecond(pcm, 8000, e) == nil {
			t.Errorf("%s passes", name)
		}
	}
}

func TestUnsteady(t *testing.T) {
	pcm := tone.Make(8000, time.Second, -20, 860)
	if got := unsteadyShare(pcm, 8000); got != 0 {
		t.Errorf("a steady tone is unsteady for %.2f", got)
	}
	clear(pcm[1600:3200])
	if got := unsteadyShare(pcm, 8000); got < 0.19 || got > 0.21 {
		t.Errorf("a gap of a fifth gives %.2f", got)
	}
}

func TestSample(t *testing.T) {
	for _, c := range []struct {
		line, name, label string
		want              float64
		ok                bool
	}{
		{"confd_calls 3", "confd_calls", "", 3, true},
		{"confd_calls_total 3", "confd_calls", "", 0, false},
		{`x_total{a="1",b="2"} 7`, "x_total", `b="2"`, 7, true},
		{`x_total{a="1",b="2"} 7`, "x_total", `b="3"`, 0, false},
		{"# HELP confd_calls 5", "confd_calls", "", 0, false},
	} {
		if got, ok := sample(c.line, c.name, []string{c.label}); got != c.want || ok != c.ok {
			t.Errorf("%s of %q: %v, %v", c.name, c.line, got, ok)
		}
	}
}
