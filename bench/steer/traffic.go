//go:build linux

package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/confd/confd/bench/wire"
)

// traffic is requests at a constant rate, whether or not those before have been answered,
// and watchers of events. The zero value has none.
type traffic struct {
	client *client
	rate   int
	deck   *deck
	places chan struct{} // one for each request under way

	mu     sync.Mutex
	counts report
	began  time.Time
}

// report is what became of the requests that ended in a window.
type report struct {
	window  time.Duration
	done    map[string][]time.Duration // by kind, from when they were due until they were answered
	failed  int
	failure error // the first
	events  int   // that all watchers read
}

// requestTimeout is when a request has failed.
const requestTimeout = 5 * time.Second

var errUnderWay = fmt.Errorf("it was not sent: %d were under way", maxUnderWay)

func newTraffic(c *client, rate int, d *deck) *traffic {
	return &traffic{client: c, rate: rate, deck: d, places: make(chan struct{}, maxUnderWay)}
}

// run sends and watches until ctx ends, and returns when nothing is under way any more.
func (t *traffic) run(ctx context.Context, watchers int) {
	var all sync.WaitGroup
	defer all.Wait()
	for range watchers {
		all.Go(func() {
			if err := t.client.watch(ctx, t.event); err != nil {
				t.fail("watch", err)
			}
		})
	}
	start, period := wire.Monotonic(), int64(time.Second)/int64(t.rate)
	for n := int64(0); ctx.Err() == nil; n++ {
		due := start + n*period
		wire.SleepUntil(due)
		r := t.deck.deal()
		select {
		case t.places <- struct{}{}:
			all.Go(func() {
				defer func() { <-t.places }()
				t.send(r, due)
			})
		default:
			t.fail(r.kind, errUnderWay)
		}
	}
}

func (t *traffic) send(r request, due int64) {
	ctx, cancel := context.WithTimeout(context.Background(), requestTimeout)
	defer cancel()
	if err := t.client.do(ctx, r, discard); err != nil {
		t.fail(r.kind, err)
		return
	}
	if r.answered != nil {
		r.answered()
	}
	took := time.Duration(wire.Monotonic() - due)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts.done != nil {
		t.counts.done[r.kind] = append(t.counts.done[r.kind], took)
	}
}

func (t *traffic) fail(kind string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts.failed++
	if t.counts.failure == nil {
		t.counts.failure = fmt.Errorf("%s: %w", kind, err)
	}
}

func (t *traffic) event() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts.events++
}

// begin starts a window. What failed before stays counted.
func (t *traffic) begin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts.done, t.counts.events = make(map[string][]time.Duration), 0
	t.began = time.Now()
}

// report returns the window since begin.
func (t *traffic) report() report {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.counts
	r.window = time.Since(t.began)
	t.counts.done = nil
	return r
}
