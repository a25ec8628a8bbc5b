//go:build linux

package bench

import (
	"fmt"
	"net/netip"
	"runtime"
	"testing"

	"github.com/confd/confd/bench/coding"
	"github.com/confd/confd/bench/floor"
	"github.com/confd/confd/bench/load/fleet"
	"github.com/confd/confd/bench/trial"
	"github.com/confd/confd/media"
)

// BenchmarkFloor paces the floor and its callers as in earnest (an operation is one tick
// of 20 ms) and reports the processor time of a tick per caller, and how it stands to the
// bare system and codec calls that alternate with it. The ratio must stay within 1.25.
func BenchmarkFloor(b *testing.B) {
	opus := coding.Opus{Complexity: 5, Bitrate: 32000}
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
	load := trial.Load{Callers: legs, Rooms: 1, Talkers: config.Talkers}
	callers, err := load.Play(func(c *fleet.Config) {
		if config.Codec == media.Opus {
			c.Codec = trial.OpusOf(config.Opus)
		}
	})
	if err != nil {
		b.Fatal(err)
	}
	defer callers.Close()
	m, err := floor.New(config, callers.Locals())
	if err != nil {
		b.Fatal(err)
	}
	defer m.Close()
	var all []netip.AddrPort
	for i := range legs {
		all = append(all, m.Local(i))
	}
	if err := callers.Reach(all, config.PayloadType()); err != nil {
		b.Fatal(err)
	}
	runtime.GC()
	b.ResetTimer()
	check := m.RunTicks(b.N).Check
	b.StopTimer()
	if check.Ticks > 0 && check.Bares > 0 {
		perCaller := float64(legs) * 1e3
		b.ReportMetric(float64(check.InTick)/float64(check.Ticks)/perCaller, "µs/caller")
		b.ReportMetric(float64(check.InBare)/float64(check.Bares)/perCaller, "bare-µs/caller")
		b.ReportMetric(check.Ratio(), "ratio")
	}
}
