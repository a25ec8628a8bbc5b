package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/bench/load"
	"github.com/confd/confd/bench/load/cameras"
	"github.com/confd/confd/bench/load/fleet"
)

// What makes no sense is told before a socket is opened, with status 2.
func TestLoadRefusesNonsense(t *testing.T) {
	for _, k := range []struct{ args, want string }{
		{"--callers 3", "--to"},
		{"--to sip:a@127.0.0.1", "--callers"},
		{"--to sip:a@127.0.0.1 --callers 0", "0 callers"},
		{"--to sip:a@127.0.0.1 --callers 9 --rate 5/m", "5/m"},
		{"--to sip:a@127.0.0.1 --callers 9 --rate 0", "rate"},
		{"--to sip:a@127.0.0.1 --callers 9 --for 0", "--for 0: want at least 2s"},
		{"--to sip:a@127.0.0.1 --callers 9 --rooms 0", "--rooms 0"},
		{"--to sip:a@127.0.0.1 --callers 9 --mixed 0", "--mixed 0"},
		{"--to sip:a@127.0.0.1 --callers 9 --ptime 0", "--ptime 0"},
		{"--to sip:a@127.0.0.1 --callers 9 --bitrate 0", "--bitrate 0"},
		{"--to sip:a@127.0.0.1 --callers 9 --answer-within 0", "--answer-within 0"},
		{"--to sip:a@127.0.0.1 --callers 9 --callers-per-port 0", "--callers-per-port 0"},
		{"--to sip:a@127.0.0.1 --callers 9 --rate -5", "-5"},
		{"--to sip:a@127.0.0.1 --callers 9 --codec g729", "g729"},
		{"--to sip:a@127.0.0.1 --callers 9 --video av1", "av1"},
		{"--to sip:a@127.0.0.1 --callers 9 --video vp8 --cameras 0", "--cameras 0: want at least 1"},
		{"--to sip:a@127.0.0.1 --callers 9 --video vp8 --cameras 10", "10 cameras in rooms of 9"},
		{"--to sip:a@127.0.0.1 --callers 9 --video vp8 --video-bitrate 301k", "301k"},
		{"--to sip:a@127.0.0.1 --callers 9 --video vp8 --max-switch 0", "--max-switch 0: want at least 100ms"},
		{"--to sip:a@127.0.0.1 --callers 9 --video vp8 --video-hold 61s", "held for 1m1s"},
		{"--to sip:a@127.0.0.1 --callers 9 --cameras 3", "with --video only"},
		{"--to sip:a@127.0.0.1 --callers 9 --local nowhere", "nowhere"},
		{"--to sip:a@127.0.0.1 --callers 9 --pid 1 --metrics http://127.0.0.1/", "one of them"},
		{"--to sip:a@127.0.0.1 --callers 9 --metrics ftp://127.0.0.1/", "ftp://"},
	} {
		var out bytes.Buffer
		m := &Main{Args: append([]string{"load"}, strings.Fields(k.args)...), Stdout: &out, Stderr: &out}
		if status := m.Run(t.Context()); status != 2 || !strings.Contains(out.String(), k.want) {
			t.Errorf("%s: status %d, said %q, want 2 and %q", k.args, status, out.String(), k.want)
		}
	}
}

// The report's file is made before any call is placed.
func TestLoadWantsItsReport(t *testing.T) {
	var out bytes.Buffer
	file := filepath.Join(t.TempDir(), "none", "report.html")
	m := &Main{Args: []string{"load", "--to", "sip:a@127.0.0.1", "--callers", "9", "--report", file}, Stdout: &out, Stderr: &out}
	if status := m.Run(t.Context()); status != 1 || !strings.Contains(out.String(), file) {
		t.Errorf("status %d, said %q", status, out.String())
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("there is a report")
	}
}

func TestLoadView(t *testing.T) {
	p := load.Progress{Stage: "measuring", Elapsed: 7 * time.Second, Callers: 40, Tried: 40, Running: 38, Failed: 2,
		Live: fleet.Live{Sent: 1900, Received: 1899, Silent: 1, Delay50: 20 * time.Millisecond, Delay99: 30 * time.Millisecond}}
	var b bytes.Buffer
	v := loadView{w: &b, width: func() int { return 20 }}
	v.draw(p)
	first := b.String()
	if seen := strings.Join(progressLines(load.Progress{Video: &cameras.Live{SentBPS: 1.2e6, Pictures: 25, Blind: 3}}), "\n"); !strings.Contains(seen, "1.2 Mbit/s sent, 0.0 received, 25 pictures/s, 0 undecodable; 3 callers without") {
		t.Errorf("video: %q", seen)
	}
	if lines := strings.Count(first, "\n"); lines != 4 || v.lines != 4 {
		t.Errorf("%d lines, of which %d are drawn over: %q", lines, v.lines, first)
	}
	for _, l := range strings.Split(strings.ReplaceAll(first, "\x1b[K", ""), "\n") {
		if len([]rune(strings.TrimPrefix(l, "\x1b[J"))) > 20 {
			t.Errorf("line %q is wider than the terminal", l)
		}
	}
	b.Reset()
	p.Notes = []string{"something happened"}
	v.draw(p)
	if got := b.String(); !strings.HasPrefix(got, "\x1b[4Asomething happened\x1b[K\n") {
		t.Errorf("the second time: %q", got)
	}
}

// Without a terminal a line comes now and then, and whenever something else begins.
func TestLoadLines(t *testing.T) {
	var b bytes.Buffer
	v := loadLines{w: &b}
	for i := range 12 {
		v.tell(load.Progress{Stage: "measuring", Elapsed: time.Duration(i) * time.Second})
	}
	v.tell(load.Progress{Stage: "hanging up", Elapsed: 12 * time.Second, Notes: []string{"a note"}})
	got := b.String()
	if strings.Count(got, "measuring") != 3 || strings.Count(got, "hanging up") != 1 || strings.Count(got, "a note") != 1 {
		t.Errorf("it said:\n%s", got)
	}
}
