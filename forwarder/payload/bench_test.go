package payload

import (
	"testing"

	"github.com/confd/confd/media"
)

func benchmark(b *testing.B, do func(g golden, p []byte)) {
	for _, g := range goldens {
		b.Run(g.file, func(b *testing.B) {
			var all []packet
			for _, picture := range g.read(b) {
				all = append(all, picture...)
			}
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				do(g, all[n].payload)
				if n++; n == len(all) {
					n = 0
				}
			}
		})
	}
}

// BenchmarkRead reads the packets of real encoders: an operation is one packet.
func BenchmarkRead(b *testing.B) {
	var i Info
	benchmark(b, func(g golden, p []byte) {
		if err := Read(g.codec, p, nil, &i); err != nil {
			b.Fatal(err)
		}
	})
}

// BenchmarkRewrite writes the numbers of a packet anew: of those that have any.
func BenchmarkRewrite(b *testing.B) {
	head := make([]byte, 0, MaxHead)
	n := Numbers{PictureID: 1}
	benchmark(b, func(g golden, p []byte) {
		if g.codec == media.VP8 || g.codec == media.VP9 {
			head, _ = Rewrite(g.codec, head[:0], p, &n)
		}
	})
}
