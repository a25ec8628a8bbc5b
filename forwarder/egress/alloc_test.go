package egress

import (
	"fmt"
	"testing"

	"github.com/confd/confd/forwarder/ingress"
	"github.com/confd/confd/internal/testkit/pictures"
	"github.com/confd/confd/media"
	"github.com/confd/confd/transport"
)

// counter is a Sender that only counts.
type counter int

func (c *counter) SendVideo(_ int64, out []transport.VideoOut) int {
	*c += counter(len(out))
	return len(out)
}

// one makes a stream that two pictures of five packets have come of: the first a key frame.
func one(t testing.TB) *ingress.Stream {
	t.Helper()
	c := layered(media.VP8, 1, 1)
	c.Bytes = 5700
	camera := pictures.New(c)
	s, err := ingress.New(ingress.Config{Codec: c.Codec})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for i, p := range camera.Next(false) {
			s.Put(&transport.VideoPacket{Arrival: 1e15 + int64(i), Timestamp: p.Timestamp, Sequence: p.Sequence, Marker: p.Marker, Payload: p.Payload})
		}
	}
	return s
}

// frameOf returns the first of the pictures of a stream that is a key frame or not.
func frameOf(s *ingress.Stream, key bool) *ingress.Frame {
	f := s.Next()
	for f.Key != key {
		f = s.Next()
	}
	return f
}

// audience makes subscriptions of one worker that are shown a stream, and have its key frame.
func audience(size int, s *ingress.Stream, to Sender) (all []*Subscription) {
	key := frameOf(s, true)
	w := new(Workspace)
	for range size {
		one := New(Config{Codec: media.VP8, Workspace: w})
		one.Show([]*ingress.Stream{s}, 1e15)
		one.Offer(key, 1e15, to)
		one.Flush(1e15+second, to)
		all = append(all, one)
	}
	return all
}

func TestNothingAllocates(t *testing.T) {
	var to counter
	s := one(t)
	sub := audience(1, s, &to)[0]
	f := frameOf(s, false)
	if f.Count != 5 {
		t.Fatalf("a picture of %d packets", f.Count)
	}
	nack := lost(t, 0, 1, 2)
	now := int64(1e15)
	before := to
	n := testing.AllocsPerRun(500, func() {
		f.Number = sub.number + 1
		now += frame
		sub.Offer(f, now, &to)
		sub.Flush(now, &to)
		sub.NACK(nack, now, &to)
		sub.Wants(now)
		sub.Stats(now)
		sub.SetEstimate(uint64(now))
		sub.Show([]*ingress.Stream{s, nil}[:1], now)
	})
	if n != 0 || to == before {
		t.Errorf("%v allocations for %d packets", n, to-before)
	}
}

func BenchmarkOffer(b *testing.B) {
	for _, size := range []int{1, 500} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			var to counter
			s := one(b)
			all := audience(size, s, &to)
			f := frameOf(s, false)
			now := int64(1e15)
			to = 0
			b.ReportAllocs()
			for b.Loop() {
				f.Number++
				now += frame
				for _, one := range all {
					one.number = f.Number - 1
					one.Offer(f, now, &to)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(to), "ns/packet")
		})
	}
}
