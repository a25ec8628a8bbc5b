//go:build linux

package bench

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"github.com/confd/confd/bench/callers"
	"github.com/confd/confd/bench/coding"
	"github.com/confd/confd/bench/floor"
	"github.com/confd/confd/media"
)

// BenchmarkFloor paces the floor and its callers as in earnest (an operation is one tick
// of 20 ms) and reports the processor time of a tick per caller, and how it stands to the
// bare system and codec calls that alternate with it. The ratio must stay within 1.25.
func BenchmarkFloor(b *testing.B) {
	opus := coding.Opus{Application: "voip", Complexity: 5, Bitrate: 32000}
	for _, c := range []struct {
		name    string
		callers int
		config  floor.Config
	}{
		{"PCMU", 200, floor.Config{Codec: media.PCMU}},
		{"Opus/decode=all", 100, floor.Config{Codec: media.Opus, Opus: opus, DecodeAll: true}},
		{"Opus/decode=talkers", 200, floor.Config{Codec: media.Opus, Opus: opus}},
	} {
		c.config.Talkers, c.config.Check = 3, true
		b.Run(fmt.Sprintf("%s/callers=%d", c.name, c.callers), func(b *testing.B) {
			benchmarkFloor(b, c.config, c.callers)
		})
	}
}

func benchmarkFloor(b *testing.B, config floor.Config, legs int) {
	load, err := callers.New(callers.Config{
		Callers: legs, Talkers: config.Talkers, Codec: config.Codec, Opus: config.Opus, Seed: 1,
	})
	if err != nil {
		b.Fatal(err)
	}
	defer load.Close()
	m, err := floor.New(config, load.Locals())
	if err != nil {
		b.Fatal(err)
	}
	defer m.Close()
	for i := range legs {
		if err := load.Connect(i, m.Local(i), config.PayloadType()); err != nil {
			b.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		load.Run(ctx)
	}()
	runtime.GC()
	b.ResetTimer()
	check := m.RunTicks(b.N).Check
	b.StopTimer()
	cancel()
	<-ended
	if check.Ticks > 0 && check.Bares > 0 {
		perCaller := float64(legs) * 1e3
		b.ReportMetric(float64(check.InTick)/float64(check.Ticks)/perCaller, "µs/caller")
		b.ReportMetric(float64(check.InBare)/float64(check.Bares)/perCaller, "bare-µs/caller")
		b.ReportMetric(check.Ratio(), "ratio")
	}
}
