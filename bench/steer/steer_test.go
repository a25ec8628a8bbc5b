//go:build linux

package main

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/bench/measure"
	"github.com/confd/confd/internal/testkit/program"
	testwait "github.com/confd/confd/internal/testkit/wait"
)

func TestSmallRun(t *testing.T) {
	var out strings.Builder
	args := "-callers 4 -talkers 1 -rate 50 -watchers 2 -pairs 1 -for 1s -settle 100ms -confd " + program.Confd(t)
	if err := run(context.Background(), strings.Fields(args), &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`(?m)^ 1 quiet   ticks late: median 0\.\d*[1-9]\d* ms, .* of [1-9]\d* over 1 ms$`,
		`(?m)^ 2 loaded  ticks late: median 0\.\d*[1-9]\d* ms, .* of [1-9]\d* over 1 ms$`,
		`(?m)^ +requests: [1-9]\d* per second, 0 failed, median \d*\.?\d*[1-9]\d* ms, .*; [1-9]\d* events per second read$`,
		`(?m)^rise of the 99th percentile: -?\d`,
		`(?m)^get participant +[1-9]`,
	} {
		if !regexp.MustCompile(want).MatchString(out.String()) {
			t.Errorf("no %s in\n%s", want, out.String())
		}
	}
}

func TestCommandLineSaysWhatIsWrong(t *testing.T) {
	for args, want := range map[string]string{
		"":                        "-confd",
		"-confd x now":            `"now"`,
		"-confd x -rate 0":        "-rate",
		"-confd x -callers 0":     "-callers",
		"-confd x -watchers -1":   "-watchers",
		"-confd x -for 999ms":     "-for",
		"-confd /absent":          "start confd",
		"-confd x -talkers 201":   "-talkers 201",
		"-confd /bin/false":       "confd ended",
		"-confd x -nothing-known": "nothing-known",
	} {
		err := run(context.Background(), strings.Fields(args), new(strings.Builder))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one that names %s", args, err, want)
		}
	}
}

func TestDeckDealsItsSharesAndDeletesWhatIsThere(t *testing.T) {
	d := newDeck("r", []string{"a", "b"}, 1)
	kinds, there := make(map[string]int), []string(nil)
	for range 10 * len(d.cards) {
		r := d.deal()
		kinds[r.kind]++
		switch r.kind {
		case "create room":
			there = append(there, "/v1/rooms/"+regexp.MustCompile(`steer-\d+`).FindString(r.body))
			r.answered()
		case "delete room":
			i := slices.Index(there, r.path)
			if i < 0 {
				t.Fatalf("%s is not there", r.path)
			}
			there = slices.Delete(there, i, i+1)
		}
	}
	if n := kinds["create room"] + kinds["delete room"]; n != 200 || kinds["create room"]-kinds["delete room"] != len(there) || len(there) > 20 {
		t.Errorf("%d made or deleted, want 200; %d are left", n, len(there))
	}
	for kind, want := range map[string]int{"list participants": 200, "get participant": 500, "patch participant": 400, "get metrics": 10} {
		if kinds[kind] != want {
			t.Errorf("%s: %d of 2000, want %d", kind, kinds[kind], want)
		}
	}
}

// serve returns a client of a server that answers with answer.
func serve(t *testing.T, answer http.HandlerFunc) *client {
	t.Helper()
	s := httptest.NewServer(answer)
	t.Cleanup(s.Close)
	return newClient(strings.TrimPrefix(s.URL, "http://"))
}

func (t *traffic) now() (done, failed int, failure error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, kind := range t.counts.done {
		done += len(kind)
	}
	return done, t.counts.failed, t.counts.failure
}

func TestTrafficCountsWhatFails(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "PATCH" {
			http.Error(w, "no such field", http.StatusUnprocessableEntity)
		}
	})
	load := newTraffic(c, 500, newDeck("r", []string{"a"}, 1))
	load.begin()
	ctx, stop := context.WithCancel(context.Background())
	ran := make(chan struct{})
	go func() { load.run(ctx, 0); close(ran) }()
	testwait.For(t, "steps, and failures", func() bool { done, failed, _ := load.now(); return done > 20 && failed > 5 })
	stop()
	<-ran
	r := load.report()
	if r.failure == nil || !strings.Contains(r.failure.Error(), "422") || !strings.Contains(r.failure.Error(), "no such field") {
		t.Errorf("failure %v, want one that quotes the answer", r.failure)
	}
	if len(r.done["get participant"]) == 0 || len(r.done["patch room"]) > 0 {
		t.Errorf("done: %v", r.done)
	}
}

// Who does not answer does not slow the requests down; those past a bound are told.
func TestTrafficDoesNotWaitForAnswers(t *testing.T) {
	release := make(chan struct{})
	c := serve(t, func(http.ResponseWriter, *http.Request) { <-release })
	load := newTraffic(c, 5000, newDeck("r", []string{"a"}, 1))
	load.begin()
	ctx, stop := context.WithCancel(context.Background())
	ran := make(chan struct{})
	go func() { load.run(ctx, 0); close(ran) }()
	testwait.For(t, "a failure", func() bool { _, failed, _ := load.now(); return failed > 0 })
	stop()
	close(release)
	<-ran
	done, _, failure := load.now()
	if done < maxUnderWay || failure == nil || !strings.Contains(failure.Error(), "512 were under way") {
		t.Errorf("%d done, failure %v; want %d or, once they are answered, a few more, and that one was not sent", done, failure, maxUnderWay)
	}
}

func TestWatch(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "retry: 1000\n\nid: 1\nevent: snapshot\ndata: %s\n\n:\n\nid: 2\nevent: digit\ndata: {}\n\n", strings.Repeat("event: ", 10000))
	})
	n := 0
	err := c.watch(context.Background(), func() { n++ })
	if n != 2 || err == nil || !strings.Contains(err.Error(), "an event stream ended") {
		t.Errorf("%d events and %v, want 2 and the end", n, err)
	}
}

func TestSummary(t *testing.T) {
	at := func(edges ...float64) (h measure.Histogram) {
		for i, n := range []float64{0, 98, 99, 100} {
			h = append(h, measure.Bucket{Edge: edges[i], Below: n})
		}
		return h
	}
	quiet := phase{late: at(0.001, 0.002, 0.003, 0.004)}
	loaded := phase{loaded: true, late: at(0.002, 0.003, 0.0035, 0.004), traffic: report{
		window: time.Second, events: 7, done: map[string][]time.Duration{"get room": {3e6, 1e6, 2e6}}}}
	want := "rise of the 99th percentile: 0.500 ms, at most 1.500 ms; pairs from 0.500 to 0.500 ms\n" +
		"budget: it rises by less than 0.5 ms\n\n" +
		"get room                3 requests, median   2.000 ms, 99th percentile   3.000 ms\n"
	if got := summary([]phase{quiet, loaded}); !strings.HasSuffix(got, want) {
		t.Errorf("summary\n%swant at its end\n%s", got, want)
	}
	if got := loaded.traffic.String(); got != "requests: 3 per second, 0 failed, median 2.000 ms, 99th percentile 3.000 ms, most 3.000 ms; 7 events per second read" {
		t.Errorf("requests: %s", got)
	}
	loaded.late = at(0.002, 0.003, 0.0035, math.Inf(1))
	loaded.late[2].Below = 98
	if got := summary([]phase{quiet, loaded}); !strings.Contains(got, "at most any ms") {
		t.Errorf("a rise without a bound: %s", got)
	}
}
