//go:build linux

package bench

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/confd/confd/bench/mixing"
)

const tickPeriod = 20 * time.Millisecond

// tickKinds are rooms by what their participants speak, in turn.
var tickKinds = [][]string{{"pcmu"}, {"g722"}, {"opus"}, {"l16"}, {"pcmu", "g722", "opus"}}

func tickCase(tb testing.TB, kind []string, participants, talkers int) mixing.Case {
	tb.Helper()
	c := mixing.Case{Participants: participants, Talkers: talkers}
	for _, name := range kind {
		f, err := mixing.Format(name, 0, tickPeriod)
		if err != nil {
			tb.Fatal(err)
		}
		c.Formats = append(c.Formats, f)
	}
	return c
}

// BenchmarkTick times the whole tick of a room (an operation) in steady state, without a
// network: packets come ready-made, each a little before its tick, and what the room sends
// is dropped. The listeners' phones send faint noise, as phones do. For a part of a second
// ticks then take turns with the codec calls that they cannot do without, and the processor
// time of both is reported, so that other load of the machine counts for little:
//
//	ns/participant     of the tick
//	floor-ns/op        the codec calls of a tick
//	ratio              of the tick to its codec calls
func BenchmarkTick(b *testing.B) {
	for _, kind := range tickKinds {
		for _, n := range []int{2, 10, 50, 200, 1000} {
			for _, talkers := range []int{1, 3, 8} {
				if talkers > n {
					continue
				}
				c := tickCase(b, kind, n, talkers)
				b.Run(fmt.Sprintf("codec=%s/participants=%d/talkers=%d", c.Codec(), n, talkers), func(b *testing.B) { benchmarkTick(b, c) })
			}
		}
	}
}

func benchmarkTick(b *testing.B, c mixing.Case) {
	r, err := mixing.NewRoom(c)
	if err != nil {
		b.Fatal(err)
	}
	calls, err := mixing.NewCalls(c)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		r.Tick()
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cost, err := mixing.Alternate(context.Background(), 200*time.Millisecond, r.Tick, calls.Run)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(cost.NS/float64(c.Participants), "ns/participant")
	b.ReportMetric(cost.FloorNS, "floor-ns/op")
	b.ReportMetric(cost.Ratio(), "ratio")
}

// BenchmarkTransport has the legs of a room read and send a packet each (an operation is a
// tick of 20 ms, in which they do), beside bare receives and sends of as many bytes on raw
// sockets, in processor time.
func BenchmarkTransport(b *testing.B) {
	for _, codec := range []string{"pcmu", "opus"} {
		for _, n := range []int{10, 200, 1000} {
			c := tickCase(b, []string{codec}, n, 1)
			b.Run(fmt.Sprintf("codec=%s/participants=%d", codec, n), func(b *testing.B) {
				runtime.LockOSThread()
				defer runtime.UnlockOSThread()
				cost, err := mixing.MeasureTransport(context.Background(), c, time.Duration(b.N)*tickPeriod)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(cost.NS/float64(n), "ns/participant")
				b.ReportMetric(cost.FloorNS/float64(n), "floor-ns/participant")
				b.ReportMetric(cost.Ratio(), "ratio")
			})
		}
	}
}

// TestTickAllocatesNothing in steady state, whatever the participants speak.
func TestTickAllocatesNothing(t *testing.T) {
	for _, kind := range tickKinds {
		c := tickCase(t, kind, 20, 3)
		t.Run(c.Codec(), func(t *testing.T) {
			r, err := mixing.NewRoom(c)
			if err != nil {
				t.Fatal(err)
			}
			if n := testing.AllocsPerRun(100, r.Tick); n != 0 {
				t.Errorf("%v allocations per tick, want none", n)
			}
		})
	}
}
