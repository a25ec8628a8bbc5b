package signal

import (
	"fmt"
	"testing"
)

// BenchmarkEar takes the time that an ear needs for 20 ms of sound (an operation), decoding
// aside. At most 20 are heard at once.
func BenchmarkEar(b *testing.B) {
	for _, c := range []coding{pcmu, g722, opus} {
		for _, n := range []int{3, 8, 50, 200} {
			b.Run(fmt.Sprintf("rate=%d/talkers=%d", c.format.SampleRate, n), func(b *testing.B) { benchmarkEar(b, c, n) })
		}
	}
}

func benchmarkEar(b *testing.B, c coding, n int) {
	h := &hall{t: b, coding: c, room: newRoom(b, Options{Talkers: n, Seed: 1}), self: NoOne}
	for i := range min(n, 20) {
		h.voices = append(h.voices, h.room.Render(i, c.format.SampleRate))
	}
	pcm, frame, e := h.mix(), c.samples(packetTime), h.ear()
	e.config.Found = nil
	k := 0
	b.ReportAllocs()
	for b.Loop() {
		at := k * frame % len(pcm)
		e.Hear(pcm[at:at+frame], epoch+int64(k)*int64(packetTime))
		k++
	}
	b.ReportMetric(100*b.Elapsed().Seconds()/float64(b.N)/packetTime.Seconds(), "%core")
}
