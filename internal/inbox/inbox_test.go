package inbox

import (
	"slices"
	"sync"
	"testing"
)

func TestInboxKeepsTheOrder(t *testing.T) {
	var b Inbox[int]
	if !b.Empty() || b.Take(nil) != nil {
		t.Error("a new inbox is not empty")
	}
	for i := range 3 {
		b.Add(i)
	}
	if got := b.Take([]int{9, 8}); !slices.Equal(got, []int{9, 8, 0, 1, 2}) || !b.Empty() {
		t.Errorf("took %v, want what was added behind what was there", got)
	}
}

func TestInboxLosesNothing(t *testing.T) {
	const writers, each = 4, 5000
	var b Inbox[[2]int]
	var adding sync.WaitGroup
	for w := range writers {
		adding.Go(func() {
			for i := range each {
				b.Add([2]int{w, i})
			}
		})
	}
	done := make(chan struct{})
	go func() { adding.Wait(); close(done) }()
	var next [writers]int
	check := func() {
		for _, e := range b.Take(nil) {
			if e[1] != next[e[0]] {
				t.Errorf("writer %d: got its %d, want its %d", e[0], e[1], next[e[0]])
			}
			next[e[0]]++
		}
	}
	for over := false; !over; {
		select {
		case <-done:
			over = true
		default:
		}
		check()
	}
	for w, n := range next {
		if n != each {
			t.Errorf("writer %d: %d of %d", w, n, each)
		}
	}
}
