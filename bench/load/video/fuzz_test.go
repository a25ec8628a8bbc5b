package video

import (
	"testing"

	"github.com/confd/confd/media"
)

// Whatever a server sends, a watch neither fails nor sees a frame that has no mark.
func FuzzWatch(f *testing.F) {
	for _, k := range kinds {
		s, err := Prepared(k.codec, k.bitrate)
		if err != nil {
			f.Fatal(err)
		}
		p := NewPlayer(s, 7, 0)
		for range 3 {
			for n, b := range p.Next(0).Payloads {
				f.Add(uint16(n), uint32(3600), n == 0, b, k.codec == media.VP8)
			}
		}
	}
	f.Fuzz(func(t *testing.T, sequence uint16, timestamp uint32, marker bool, b []byte, vp8 bool) {
		w := NewWatch(media.H264)
		if vp8 {
			w = NewWatch(media.VP8)
		}
		for _, part := range [][]byte{b, b[:len(b)/2], b} {
			if seen := w.Packet(sequence, timestamp, marker, part); seen != nil && (!marker || seen.Packets == 0) {
				t.Errorf("%+v", seen)
			}
			sequence++
			timestamp += uint32(len(b)) % 3
		}
		c := w.Counts
		if c.Packets != 3 || c.Frames+c.Broken+c.Unmarked+c.WithoutStart > 3 {
			t.Errorf("%+v", c)
		}
	})
}
