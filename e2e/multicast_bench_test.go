package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestBenchMulticast: a small run of the comparison has figures of both ways, a drawing, and
// a verdict. Whether bounds are kept is for longer runs to find out.
func TestBenchMulticast(t *testing.T) {
	t.Parallel()
	newLab(t, 1) // or it is not possible
	dir := t.TempDir()
	figures, drawing := filepath.Join(dir, "figures.json"), filepath.Join(dir, "plot.svg")
	p := run(t, exec.Command(binary, "bench", "multicast", "--hosts", "3,1", "--for", "1s", "--settle", "1s", "--crowd", "200", "--json", figures, "--plot", drawing))
	err := p.wait(110 * time.Second)
	if failed, ok := err.(*exec.ExitError); err != nil && (!ok || failed.ExitCode() != 1) {
		t.Fatalf("%v: %s", err, p.out.String())
	}
	var r struct {
		Cases []struct {
			Hosts          int
			Unicast, Group struct {
				Megabits float64 `json:"mbit_per_second"`
				CPU      float64 `json:"cpu_percent"`
				Deaf     int     `json:"deaf_hosts"`
			}
		}
		Crowd struct{ Receivers, Estimate int }
		Bars  []struct{ Met bool }
	}
	text, err := os.ReadFile(figures)
	if err != nil || json.Unmarshal(text, &r) != nil || len(r.Cases) != 2 || len(r.Bars) != 5 {
		t.Fatalf("%v: %s\n%s", err, text, p.out.String())
	}
	for _, c := range r.Cases {
		if u, g := c.Unicast, c.Group; u.Deaf+g.Deaf > 0 || u.CPU <= 0 || g.CPU <= 0 || u.Megabits < 0.05*float64(c.Hosts) || g.Megabits < 0.05 || g.Megabits > 0.15 {
			t.Errorf("%+v", c)
		}
	}
	if r.Crowd.Receivers != 200 || r.Crowd.Estimate != 200 {
		t.Errorf("%+v", r.Crowd)
	}
	if svg, err := os.ReadFile(drawing); err != nil || !strings.Contains(string(svg), "</svg>") {
		t.Errorf("%v: %s", err, svg)
	}
}
