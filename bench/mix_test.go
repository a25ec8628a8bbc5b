//go:build linux

package bench

import (
	"fmt"
	"testing"

	"github.com/confd/confd/bench/mixing"
)

// BenchmarkMix times the kernel of a room in which everybody talks: the sum of all inputs,
// and for each of them the sum less its own sound. Beside it, in turns of some microseconds,
// runs a bare copy within the first-level cache. Of both the fastest turns count, which no
// other load of the machine has stretched:
//
//	ns/participant  one addition and one removal
//	GB/s            what the kernel reads and writes, in memory operations: 10 bytes per
//	                sample, addition and removal each
//	copy-GB/s       what the copy reads and writes
//	ratio           of the kernel's time to the copy's; the kernel has vectors to widen and to add
func BenchmarkMix(b *testing.B) {
	for _, samples := range []int{160, 480, 960} {
		for _, inputs := range []int{3, 8, 100} {
			b.Run(fmt.Sprintf("samples=%d/inputs=%d", samples, inputs), func(b *testing.B) {
				k := mixing.NewKernel(samples, inputs)
				for b.Loop() {
					k.Mix()
				}
				cost := k.Measure()
				b.ReportMetric(cost.NS/float64(inputs), "ns/participant")
				b.ReportMetric(float64(k.Bytes())/cost.NS, "GB/s")
				b.ReportMetric(float64(k.Bytes())/cost.FloorNS, "copy-GB/s")
				b.ReportMetric(cost.Ratio(), "ratio")
			})
		}
	}
}
