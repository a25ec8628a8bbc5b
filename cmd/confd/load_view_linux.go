package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/confd/confd/bench/load"
)

// plainEvery is how often a line is written where there is no terminal to draw on.
const plainEvery = 5 * time.Second

// watch tells how the load goes on, as far as it is asked for and can be shown.
func (c loadCommand) watch(m *Main) load.Watch {
	if c.Quiet {
		return nil
	}
	if f, ok := m.Stderr.(*os.File); ok && isTerminal(f) {
		v := &loadView{w: f, width: func() int { return widthOf(f) }}
		return v.draw
	}
	v := &loadLines{w: m.Stderr}
	return v.tell
}

func widthOf(f *os.File) int {
	s, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil || s.Col == 0 {
		return 80
	}
	return int(s.Col)
}

// loadView draws over what it drew before.
type loadView struct {
	w     io.Writer
	width func() int
	lines int // drawn
}

func (v *loadView) draw(p load.Progress) {
	var b strings.Builder
	if v.lines > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", v.lines)
	}
	for _, n := range p.Notes {
		fmt.Fprintf(&b, "%s\x1b[K\n", n)
	}
	lines := progressLines(p)
	for _, l := range lines {
		fmt.Fprintf(&b, "%s\x1b[K\n", clipped(l, v.width()))
	}
	b.WriteString("\x1b[J")
	v.lines = len(lines)
	_, _ = io.WriteString(v.w, b.String()) // a terminal that is gone needs no care
}

func clipped(line string, width int) string {
	if r := []rune(line); len(r) > width {
		return string(r[:width])
	}
	return line
}

// loadLines writes a line now and then, and at every change of what is done.
type loadLines struct {
	w     io.Writer
	stage string
	next  time.Duration
}

func (v *loadLines) tell(p load.Progress) {
	for _, n := range p.Notes {
		fmt.Fprintln(v.w, "confd load:", n)
	}
	if p.Stage == v.stage && p.Elapsed < v.next {
		return
	}
	v.stage, v.next = p.Stage, p.Elapsed+plainEvery
	fmt.Fprintln(v.w, strings.Join(progressLines(p), "; "))
}

// progressLines words how a load goes on.
func progressLines(p load.Progress) []string {
	lines := []string{
		fmt.Sprintf("%5.0f s  %s", p.Elapsed.Seconds(), p.Stage),
		fmt.Sprintf("calls  %d of %d tried, %d up, %d failed", p.Tried, p.Callers, p.Running, p.Failed),
		fmt.Sprintf("media  %.0f packets/s sent, %.0f received, %.2f %% lost; %d callers without", p.Live.Sent, p.Live.Received, p.LossPercent, p.Live.Silent),
	}
	if p.Live.Delay50 > 0 {
		lines = append(lines, fmt.Sprintf("delay  %.1f ms median, %.1f ms 99th percentile", float64(p.Live.Delay50)/1e6, float64(p.Live.Delay99)/1e6))
	}
	if v := p.Video; v != nil {
		lines = append(lines, fmt.Sprintf("video  %.1f Mbit/s sent, %.1f received, %.0f pictures/s, %d undecodable; %d callers without",
			v.SentBPS/1e6, v.ReceivedBPS/1e6, v.Pictures, v.Undecodable, v.Blind))
	}
	if p.ServerRSS > 0 {
		lines = append(lines, fmt.Sprintf("server %.0f %% of a core, %d MB", p.ServerCPU, p.ServerRSS>>20))
	}
	return lines
}
