package store

import (
	"fmt"
	"slices"
	"sync"
	"testing"
)

func queuesOf(t testing.TB, s *Store, limit int) *Queues[thing] {
	t.Helper()
	q, err := OpenQueues(s, things, limit)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// drain empties a queue.
func drain(t testing.TB, q *Queues[thing], name string) (ns []int) {
	t.Helper()
	for {
		item, ok, err := q.Peek(name)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return ns
		}
		ns = append(ns, item.Value.N)
		if err := q.Pop(name, item.Seq); err != nil {
			t.Fatal(err)
		}
	}
}

func TestQueueKeepsItsOrder(t *testing.T) {
	path := filePath(t)
	s := openAt(t, path, Options{})
	q := queuesOf(t, s, 1000)
	for n := range 60 {
		for _, name := range []string{"a", "b"} {
			if _, err := q.Push(name, thing{N: n}); err != nil {
				t.Fatal(err)
			}
		}
	}
	closeNow(t, s)
	q = queuesOf(t, openAt(t, path, Options{}), 1000)
	names, err := q.Names()
	if err != nil || !slices.Equal(names, []string{"a", "b"}) || q.Len("a") != 60 {
		t.Errorf("%v, %v, %d items", names, err, q.Len("a"))
	}
	want := down(59, 0)
	slices.Reverse(want)
	if got := drain(t, q, "a"); !slices.Equal(got, want) {
		t.Errorf("a: %v", got)
	}
	if n, err := q.Drop("b"); n != 60 || err != nil {
		t.Errorf("dropped %d, %v", n, err)
	}
	if names, err := q.Names(); err != nil || len(names) != 0 || q.Len("a")+q.Len("b")+q.Len("") != 0 {
		t.Errorf("left: %v, %v", names, err)
	}
}

func TestQueueIsBounded(t *testing.T) {
	q := queuesOf(t, openAt(t, "", Options{}), 3)
	for n := range 3 {
		if _, err := q.Push("a", thing{N: n}); err != nil {
			t.Fatal(err)
		}
	}
	_, err := q.Push("a", thing{})
	wantKind(t, err, ErrFull)
	if _, err := q.Push("b", thing{}); err != nil {
		t.Errorf("another queue: %v", err)
	}
	if got := drain(t, q, "a"); !slices.Equal(got, []int{0, 1, 2}) {
		t.Errorf("%v", got)
	}
}

// A stale Pop hits nothing, even if the queue has begun anew meanwhile.
func TestNumbersAreNotGivenAgain(t *testing.T) {
	q := queuesOf(t, openAt(t, "", Options{}), 3)
	first, err := q.Push("a", thing{N: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := q.Drop("a"); err != nil {
		t.Fatal(err)
	}
	second, err := q.Push("a", thing{N: 2})
	if err != nil || second <= first {
		t.Fatalf("number %d after %d, %v", second, first, err)
	}
	if err := q.Pop("a", first); err != nil {
		t.Error(err)
	}
	if got := drain(t, q, "a"); !slices.Equal(got, []int{2}) {
		t.Errorf("%v", got)
	}
}

func TestNamesOfQueuesAreChecked(t *testing.T) {
	q := queuesOf(t, openAt(t, "", Options{}), 3)
	_, push := q.Push("", thing{})
	_, _, peek := q.Peek("")
	_, drop := q.Drop("")
	for _, err := range []error{push, peek, drop, q.Pop("", 1)} {
		wantKind(t, err, ErrInvalid)
	}
}

// One transaction takes many pushes; a refused one does not spoil the others.
func TestQueueWithManyWriters(t *testing.T) {
	s := openAt(t, filePath(t), Options{})
	q := queuesOf(t, s, 50)
	var all sync.WaitGroup
	var mu sync.Mutex
	refused := 0
	for n := range 100 {
		all.Go(func() {
			if _, err := q.Push(fmt.Sprint("q", n%2), thing{N: n}); err != nil {
				t.Error(err)
			}
			if _, err := q.Push("narrow", thing{N: n}); err != nil {
				wantKind(t, err, ErrFull)
				mu.Lock()
				refused++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if a, b, c := q.Len("q0"), q.Len("q1"), q.Len("narrow"); a != 50 || b != 50 || c != 50 || refused != 50 {
		t.Errorf("%d, %d and %d items, %d refused; want 50 each", a, b, c, refused)
	}
}
