//go:build linux

package mixing

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"github.com/confd/confd/bench/measure"
	"github.com/confd/confd/bench/wire"
)

// Cost is what something takes, and what its floor does, nanoseconds per tick.
type Cost struct {
	NS      float64 `json:"ns"`
	FloorNS float64 `json:"floor_ns"`
}

// Ratio is how many times its floor it takes.
func (c Cost) Ratio() float64 { return c.NS / c.FloorNS }

func (c Cost) plus(o Cost) Cost { return Cost{c.NS + o.NS, c.FloorNS + o.FloorNS} }

// Result is what a case costs.
type Result struct {
	Kernel, Tick, Transport, Whole Cost
}

// Measure measures a case for about so long, beside the time that it takes to settle, which
// grows with the participants to some seconds with thousands that speak Opus. The error says
// what of the case is out of range, which sockets could not be had, or that ctx ended.
func Measure(ctx context.Context, c Case, d time.Duration) (r Result, err error) {
	if err := c.Check(); err != nil {
		return r, err
	}
	runtime.LockOSThread() // processor time is this thread's
	defer runtime.UnlockOSThread()
	r.Kernel = NewKernel(c.Rate()*int(c.period()/time.Millisecond)/1000, c.Talkers).Measure()
	if r.Tick, err = MeasureTick(ctx, c, d/2); err != nil {
		return r, err
	}
	if r.Transport, err = MeasureTransport(ctx, c, d/2); err != nil {
		return r, err
	}
	r.Whole = r.Tick.plus(r.Transport)
	return r, nil
}

// MeasureTick measures the tick without a network. The goroutine is locked to its thread.
func MeasureTick(ctx context.Context, c Case, d time.Duration) (Cost, error) {
	room, err := NewRoom(c)
	if err != nil {
		return Cost{}, err
	}
	calls, err := NewCalls(c)
	if err != nil {
		return Cost{}, err
	}
	if err := calls.Check(); err != nil {
		return Cost{}, fmt.Errorf("mixing: bare codec calls: %w", err)
	}
	runtime.GC() // what settling left behind
	return Alternate(ctx, d, room.Tick, calls.Run)
}

// Alternate runs a and b in turns of at least 200 µs until d is over, at least three of each,
// and returns what the middle turns took of the thread's time per run. The goroutine is locked to its
// thread. The error is that of ctx.
func Alternate(ctx context.Context, d time.Duration, a, b func()) (Cost, error) {
	var took [2][]float64
	reps := [2]int{fitTurn(a), fitTurn(b)}
	for end := time.Now().Add(d); time.Now().Before(end) || len(took[0]) < 3; {
		if err := ctx.Err(); err != nil {
			return Cost{}, err
		}
		for i, f := range []func(){a, b} {
			took[i] = append(took[i], turn(f, reps[i]))
		}
	}
	return Cost{measure.Median(took[0]), measure.Median(took[1])}, nil
}

func fitTurn(f func()) int {
	const enough = 200e3
	n := 1
	for turn(f, n)*float64(n) < enough {
		n *= 2
	}
	return n
}

// turn returns how many nanoseconds of this thread's time one of n runs takes.
func turn(f func(), n int) float64 {
	before := threadTime()
	for range n {
		f()
	}
	return float64(threadTime()-before) / float64(n)
}

// threadTime is the processor time that this thread has used, nanoseconds.
func threadTime() int64 {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t) // every Linux has it
	return t.Nano()
}

// warmTicks are until a leg knows that its peer is steady.
const warmTicks = 20

// MeasureTransport measures the legs in ticks of their real length. The goroutine is locked
// to its thread.
func MeasureTransport(ctx context.Context, c Case, d time.Duration) (Cost, error) {
	w, err := NewWires(c)
	if err != nil {
		return Cost{}, err
	}
	defer w.Close()
	var took [2][]float64
	ticks := max(int(d/c.period()), 3)
	for i, due := 0, wire.Monotonic(); i < warmTicks+ticks; i++ {
		due = max(due+int64(c.period()), wire.Monotonic())
		wire.SleepUntil(due)
		if err := ctx.Err(); err != nil {
			return Cost{}, err
		}
		w.Speak()
		runs := []func(){w.Legs, w.Bare}
		for j := range runs {
			at := (i + j) % 2 // who goes first finds colder caches
			if t := turn(runs[at], 1); i >= warmTicks {
				took[at] = append(took[at], t)
			}
		}
		w.Listen()
	}
	if want := (warmTicks + ticks) * c.Participants; w.taken < want*99/100 {
		return Cost{}, fmt.Errorf("mixing: the legs read %d packets of %d", w.taken, want)
	}
	return Cost{measure.Median(took[0]), measure.Median(took[1])}, nil
}
