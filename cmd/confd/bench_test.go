//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// runLocal runs a command line that needs no server.
func runLocal(args string) (status int, stdout, stderr string) {
	var out, err buffer
	m := &Main{Args: strings.Fields(args), Stdout: &out, Stderr: &err}
	status = m.Run(context.Background())
	return status, out.String(), err.String()
}

// What cannot be is refused before anything is measured.
func TestBenchFlags(t *testing.T) {
	for args, want := range map[string]string{
		"bench forward more":                      "unexpected argument more",
		"bench forward --case 1":                  "right is such as 1x500",
		"bench forward --case 1x500x2":            "right is such as 1x500",
		"bench forward --case 0x5":                "0 senders: right is 1 to 50",
		"bench forward --case 51x5":               "51 senders",
		"bench forward --case 1x2001":             "2001 receivers: right is 1 to 2000",
		"bench forward --case 3x1500":             "right is 4000 at most",
		"bench forward --bitrate 49999":           "49999 bit/s: right is 50000 to 10000000",
		"bench forward --bitrate 10000001":        "10000001 bit/s",
		"bench forward --srtp maybe":              "srtp",
		"bench forward --rounds 0":                "right is 1 to 1000",
		"bench forward --rounds 1001":             "right is 1 to 1000",
		"bench forward --slice 99ms":              "right is 100ms to 1s",
		"bench forward --slice 1001ms":            "right is 100ms to 1s",
		"bench multicast --hosts 0":               "right is 1 to 197",
		"bench multicast --hosts 198":             "right is 1 to 197",
		"bench multicast --hosts x":               "hosts",
		"bench multicast --for 999ms":             "right is 1s to 10m0s",
		"bench multicast --for 10m1s":             "right is 1s to 10m0s",
		"bench multicast --settle=-1s":            "right is 0 to 10m0s",
		"bench multicast --codec g722":            "codec",
		"bench multicast --crowd -1":              "-1",
		"bench multicast --crowd 100001":          "right is 0 to 100000",
		"bench mix more":                          "unexpected argument more",
		"bench mix --participants 0":              "0 participants: right is 1 to 2000",
		"bench mix --participants 2001":           "2001 participants",
		"bench mix --participants x":              "participants",
		"bench mix --talkers 0":                   "0 talkers: right is 1 to 50",
		"bench mix --talkers 51":                  "51 talkers",
		"bench mix --talkers 4 --participants 3":  "as many participants as talkers",
		"bench mix --codec speex":                 `codec "speex": right is one of pcmu`,
		"bench mix --codec pcmu+":                 `codec "": right is`,
		"bench mix --rate 16000":                  "pcmu has 8000 samples per second and no other",
		"bench mix --rate 11025 --codec opus":     "11025",
		"bench mix --rate 48000 --codec l16":      "1920 bytes",
		"bench mix --packet-time 30ms":            "packets of 30ms: right is 10ms or 20ms",
		"bench mix --for 9ms":                     "right is 10ms to 10m0s",
		"bench mix --for 10m1s":                   "right is 10ms to 10m0s",
		"bench mix --for 10ms --plot /nowhere/at": "--plot: open /nowhere/at",
	} {
		status, stdout, stderr := runLocal(args)
		if wantStatus := map[bool]int{true: 1, false: 2}[strings.Contains(args, "--plot")]; status != wantStatus || stdout != "" || !strings.Contains(stderr, want) {
			t.Errorf("%s: status %d, printed %q, said %q, want …%q…", args, status, stdout, stderr, want)
		}
	}
}

// A tiny run of all that there is gives figures, a plot, and the same in words.
func TestBenchMix(t *testing.T) {
	drawing := filepath.Join(t.TempDir(), "plot.svg")
	status, stdout, stderr := runLocal("bench --participants 2,4 --talkers 1,3 --codec pcmu,opus+l16 --rate=0 --for 10ms --json --plot " + drawing)
	if status != 0 {
		t.Fatalf("status %d: %s", status, stderr)
	}
	var r benchReport
	if err := json.Unmarshal([]byte(stdout), &r); err != nil {
		t.Fatalf("%v: %s", err, stdout)
	}
	if r.Schema != 1 || r.Subject != "mix" || r.Machine == "" || r.Scheduling == "" || len(r.Cases) != 6 {
		t.Errorf("%+v", r)
	}
	for _, c := range r.Cases {
		for _, cost := range []benchCost{c.Kernel, c.Tick, c.Transport, c.Whole} {
			if !(cost.NS > 0) || !(cost.FloorNS > 0) || !(cost.Ratio > 0) || math.IsInf(cost.Ratio, 0) {
				t.Errorf("%s, %d, %d: %+v", c.Codec, c.Participants, c.Talkers, cost)
			}
		}
	}
	if c := r.Cases[5]; c.Codec != "opus+l16" || c.Participants != 4 || c.Talkers != 3 || c.RateHz != 48000 || c.PacketTimeMS != 20 {
		t.Errorf("the last is %+v", c)
	}
	svg, err := os.ReadFile(drawing)
	if err != nil {
		t.Fatal(err)
	}
	parsePlot(t, svg)
	for _, want := range []string{"opus+l16, 3 talking", "pcmu, 1 talking", "its floor", "participants"} {
		if !bytes.Contains(svg, []byte(want)) {
			t.Errorf("%q is not in the plot", want)
		}
	}
}

func parsePlot(t *testing.T, svg []byte) {
	t.Helper()
	for d := xml.NewDecoder(bytes.NewReader(svg)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("%v in %s", err, svg)
		}
	}
}

func TestBenchMixInWords(t *testing.T) {
	status, stdout, stderr := runLocal("bench mix --participants 2,4 --talkers 3 --codec pcmu --packet-time 10ms --for 10ms")
	if status != 0 {
		t.Fatalf("status %d: %s", status, stderr)
	}
	at := -1
	for _, want := range []string{"left out: 3 talkers among 2\n", "machine: ", "scheduling: ", "RATIO\npcmu ", " kernel ", " tick ", " transport ", " whole ", "stolen from the machine meanwhile: "} {
		i := strings.Index(stdout, want)
		if i <= at {
			t.Errorf("%q is not there, or not in its place:\n%s", want, stdout)
		}
		at = i
	}
}

func TestBenchEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var out, err buffer
	m := &Main{Args: []string{"bench", "--participants", "2", "--talkers", "1"}, Stdout: &out, Stderr: &err}
	if status := m.Run(ctx); status != 1 || !strings.Contains(err.String(), "2 participants, 1 talkers: context canceled") {
		t.Errorf("status %d: %s", status, err.String())
	}
}
