package mixer

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/confd/confd/media"
)

// stuckSource is polled until it is let go.
type stuckSource struct {
	once     sync.Once
	entered  chan struct{}
	let      chan struct{}
	returned atomic.Bool
}

func (s *stuckSource) Poll(int64, int, media.Receiver) int {
	s.once.Do(func() {
		close(s.entered)
		<-s.let
		s.returned.Store(true)
	})
	return 0
}

// When the engine closes under an ApplyWait, that returns only once nothing is touched.
func TestApplyWaitOutlastsTheLastTick(t *testing.T) {
	eng, err := New(Config{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	eng.Start()
	s := &stuckSource{entered: make(chan struct{}), let: make(chan struct{})}
	in := NewInput(s, InputConfig{})
	c := eng.NewConference(ConferenceConfig{})
	c.Apply(AddInput(in))
	<-s.entered
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	result := make(chan error)
	go func() { result <- c.ApplyWait(ctx, RemoveInput(in)) }()
	go eng.Close()
	<-eng.done
	select {
	case <-result:
		t.Fatal("returned while the source was polled")
	case <-time.After(20 * time.Millisecond): // long enough to go wrong
	}
	close(s.let)
	if err := <-result; err != ErrClosed || !s.returned.Load() {
		t.Errorf("%v, want ErrClosed", err)
	}
}
