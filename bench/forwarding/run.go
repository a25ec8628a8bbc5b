//go:build linux

package forwarding

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"time"

	"github.com/confd/confd/bench/measure"
	"github.com/confd/confd/bench/wire"
)

// Options say how a comparison is made.
type Options struct {
	Rounds int              // slices of each way, 1 to 1,000
	Slice  time.Duration    // 100 ms to 1 s: a source that is silent for long counts as stopped
	Ways   []Way            // in which order they take turns
	Server func() *exec.Cmd // starts a process that runs Serve on its standard input and output
}

// Result is what a case cost by each way.
type Result struct {
	Case Case
	Ways []Cost
}

// Cost is one way's.
type Cost struct {
	Way       Way
	PerPacket time.Duration // processor time, the middle of the slices
	Load      float64       // share of one processor, the middle of the slices
	Packets   uint64        // that came out, of all slices
	Missing   int64         // that should have, less what came twice
	Late50    time.Duration // a picture, from its last packet's leave to that of what is forwarded
	Late99    time.Duration
}

// PerCore is how many packets a second one processor forwards at that cost.
func (c *Cost) PerCore() float64 { return float64(time.Second) / float64(max(c.PerPacket, 1)) }

// By returns the ratio of c to other, per packet; 0 if either was not measured.
func (c *Cost) By(other *Cost) float64 {
	if c == nil || other == nil || other.PerPacket <= 0 {
		return 0
	}
	return float64(c.PerPacket) / float64(other.PerPacket)
}

// Cost returns that of a way, nil if it was not measured.
func (r *Result) Cost(w Way) *Cost {
	for i := range r.Ways {
		if r.Ways[i].Way == w {
			return &r.Ways[i]
		}
	}
	return nil
}

// Floor returns the cheapest of the floor's ways, nil if none was measured.
func (r *Result) Floor() (best *Cost) {
	for _, w := range []Way{Batched, Segmented, Sockets} {
		if c := r.Cost(w); c != nil && (best == nil || c.PerPacket < best.PerPacket) {
			best = c
		}
	}
	return best
}

// bout is one way's server under its own load.
type bout struct {
	*process
	cameras *cameras
	sinks   *sinks
	costs   []time.Duration // a packet
	loads   []float64
	late    []time.Duration
	packets uint64
	due     uint64
}

// Run puts the ways of a case under the same load in turns. The error says what failed.
func Run(ctx context.Context, c Case, o Options) (*Result, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var all []*bout
	defer func() {
		for _, b := range all {
			b.close()
		}
	}()
	for _, w := range o.Ways {
		b, err := newBout(c, w, o.Server())
		if err != nil {
			return nil, err
		}
		all = append(all, b)
	}
	for round := range o.Rounds + 1 { // the first warms everything up
		for _, b := range all {
			if err := b.slice(o.Slice, round > 0); err != nil {
				return nil, err
			}
			if err := ctx.Err(); err != nil {
				return nil, err
			}
		}
	}
	r := &Result{Case: c}
	for _, b := range all {
		r.Ways = append(r.Ways, b.cost())
	}
	return r, nil
}

func newBout(c Case, w Way, cmd *exec.Cmd) (b *bout, err error) {
	if b, err = newLoad(c); err != nil {
		return nil, err
	}
	if err = b.serve(c, w, cmd); err != nil {
		return nil, errors.Join(err, b.close())
	}
	return b, nil
}

// newLoad makes cameras and sinks that have no server yet.
func newLoad(c Case) (b *bout, err error) {
	b = &bout{}
	if b.cameras, err = newCameras(c); err == nil {
		b.sinks, err = newSinks(c, b.cameras)
	}
	if err != nil {
		return nil, errors.Join(err, b.close())
	}
	return b, nil
}

// serve has a process, which cmd starts, be the server.
func (b *bout) serve(c Case, w Way, cmd *exec.Cmd) (err error) {
	b.process, err = start(cmd, &order{Way: w, Case: c, Cameras: b.cameras.locals(), Sinks: b.sinks.locals(), Control: b.sinks.control.Local()})
	if err != nil {
		return err
	}
	return b.cameras.aim(b.ingress)
}

// slice loads the server for a while, and counts what that cost.
func (b *bout) slice(d time.Duration, counts bool) error {
	b.sinks.begin(!counts)
	sent := b.cameras.sent
	before, err := b.cpu()
	if err != nil {
		return err
	}
	end := wire.Monotonic() + int64(d)
	b.play(func(due int64) bool { return due < end })
	after, err := b.cpu()
	if err != nil || !counts {
		return err
	}
	got := &b.sinks.tally
	if got.packets == 0 {
		return fmt.Errorf("forwarding: nothing came of %s", b.way)
	}
	b.costs = append(b.costs, (after-before)/time.Duration(got.packets))
	b.loads = append(b.loads, float64(after-before)/float64(d))
	b.late = append(b.late, got.late...)
	b.packets += got.packets
	b.due += (b.cameras.sent - sent) * uint64(len(b.sinks.each)/len(b.cameras.each))
	return nil
}

// play lets cameras send and sinks take for as long as more says, which is told when the next picture
// is due.
func (b *bout) play(more func(due int64) bool) {
	step := int64(interval) / int64(len(b.cameras.each))
	due := wire.Monotonic()
	for turn := 0; more(due); turn++ {
		b.cameras.send(turn % len(b.cameras.each))
		due += step
		b.sinks.drain(due)
	}
	b.sinks.drain(due + int64(20*time.Millisecond)) // what is on its way
}

func (b *bout) cost() Cost {
	return Cost{
		Way: b.way, PerPacket: measure.Median(b.costs), Load: measure.Median(b.loads), Packets: b.packets, Missing: int64(b.due - b.packets),
		Late50: measure.Quantile(b.late, 0.5), Late99: measure.Quantile(b.late, 0.99),
	}
}

func (b *bout) close() error {
	var err error
	if b.process != nil {
		err = b.stop()
	}
	if b.sinks != nil {
		b.sinks.close()
	}
	if b.cameras != nil {
		b.cameras.close()
	}
	return errors.Join(err)
}
