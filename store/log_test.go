package store

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

func appendAll(t testing.TB, s *Store, l *Log[thing], ns ...int) {
	t.Helper()
	for _, n := range ns {
		if err := l.Append(at(n), fmt.Sprint("id", n), thing{N: n}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
}

// readAll reads a log page by page, with something happening after each.
func readAll(t testing.TB, l *Log[thing], q Query[thing], between func()) (ns []int) {
	t.Helper()
	for {
		p, err := l.Page(q)
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Records) > q.Limit {
			t.Fatalf("%d records on a page of %d", len(p.Records), q.Limit)
		}
		for _, r := range p.Records {
			if !r.Time.Equal(at(r.Value.N)) || r.ID != fmt.Sprint("id", r.Value.N) {
				t.Errorf("record %+v", r)
			}
			ns = append(ns, r.Value.N)
		}
		if p.Next == "" {
			return ns
		}
		q.After = p.Next
		if between != nil {
			between()
		}
	}
}

func down(from, to int) (ns []int) {
	for n := from; n >= to; n-- {
		ns = append(ns, n)
	}
	return ns
}

func TestPagesAreNewestFirst(t *testing.T) {
	eachPath(t, func(t *testing.T, path string) {
		s := openAt(t, path, Options{})
		l := logOf(t, s, LogOptions{})
		if p, err := l.Page(Query[thing]{Limit: 1}); err != nil || len(p.Records) != 0 || p.Next != "" {
			t.Errorf("an empty log: %+v, %v", p, err)
		}
		order := rand.Perm(700)
		appendAll(t, s, l, order...)
		for _, limit := range []int{1, 7, 255, 256, 257, 699, 700, 701, MaxPage} {
			if got := readAll(t, l, Query[thing]{Limit: limit}, nil); !slices.Equal(got, down(699, 0)) {
				t.Errorf("limit %d: %d records, first %v", limit, len(got), got[:min(3, len(got))])
			}
		}
		if l.Len() != 700 {
			t.Errorf("Len is %d", l.Len())
		}
	})
}

func TestLastPageHasNoNext(t *testing.T) {
	s := openAt(t, "", Options{})
	l := logOf(t, s, LogOptions{})
	appendAll(t, s, l, down(511, 0)...)
	for _, c := range []struct {
		limit int
		next  bool
	}{{511, true}, {512, false}, {513, false}} {
		if p, err := l.Page(Query[thing]{Limit: c.limit}); err != nil || (p.Next != "") != c.next {
			t.Errorf("limit %d: next %q, %v", c.limit, p.Next, err)
		}
	}
}

// What comes and goes while somebody turns pages neither repeats nor hides the rest.
func TestPagesAreStable(t *testing.T) {
	s := openAt(t, "", Options{})
	l := logOf(t, s, LogOptions{})
	appendAll(t, s, l, down(99, 0)...)
	next := 100
	got := readAll(t, l, Query[thing]{Limit: 7}, func() {
		appendAll(t, s, l, next)
		next++
	})
	if !slices.Equal(got, down(99, 0)) {
		t.Errorf("with appends: %v", got)
	}
	got = readAll(t, l, Query[thing]{Limit: 30}, func() {
		if _, err := l.Prune(at(40)); err != nil {
			t.Error(err)
		}
	})
	if !slices.Equal(got, down(next-1, 40)) {
		t.Errorf("with pruning: %v", got)
	}
}

// The record that a cursor speaks of may be gone.
func TestCursorOutlivesItsRecord(t *testing.T) {
	s := openAt(t, "", Options{})
	l := logOf(t, s, LogOptions{})
	appendAll(t, s, l, 1, 2, 3)
	p, err := l.Page(Query[thing]{Limit: 2})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Prune(at(3)); err != nil {
		t.Fatal(err)
	}
	if p, err = l.Page(Query[thing]{Limit: 2, After: p.Next}); err != nil || len(p.Records) != 0 || p.Next != "" {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestFilterAndTimes(t *testing.T) {
	s := openAt(t, "", Options{})
	l := logOf(t, s, LogOptions{})
	appendAll(t, s, l, down(999, 0)...)
	even := func(v thing) bool { return v.N%100 == 0 }
	if got := readAll(t, l, Query[thing]{Limit: 3, Match: even}, nil); !slices.Equal(got, []int{900, 800, 700, 600, 500, 400, 300, 200, 100, 0}) {
		t.Errorf("filtered: %v", got)
	}
	if got := readAll(t, l, Query[thing]{Limit: 4, From: at(300), To: at(311)}, nil); !slices.Equal(got, down(310, 300)) {
		t.Errorf("by time: %v", got)
	}
	if got := readAll(t, l, Query[thing]{Limit: 4, From: at(9), To: at(9)}, nil); len(got) != 0 {
		t.Errorf("no time at all: %v", got)
	}
}

// A filter that nothing passes costs a bounded amount a page, and still comes to an end.
func TestPageIsBoundedInWork(t *testing.T) {
	s := openAt(t, "", Options{QueueLen: 2*maxScan + 1})
	l := logOf(t, s, LogOptions{})
	appendAll(t, s, l, down(2*maxScan, 0)...)
	looked := 0
	q := Query[thing]{Limit: 1, Match: func(thing) bool { looked++; return false }}
	for pages := 1; ; pages++ {
		before := looked
		p, err := l.Page(q)
		if err != nil || len(p.Records) != 0 || looked-before > maxScan {
			t.Fatalf("%+v, %v, looked at %d", p, err, looked-before)
		}
		if q.After = p.Next; p.Next == "" {
			if pages != 3 || looked != 2*maxScan+1 {
				t.Errorf("%d pages, looked at %d", pages, looked)
			}
			return
		}
	}
}

func TestQueriesAreChecked(t *testing.T) {
	l := logOf(t, openAt(t, "", Options{}), LogOptions{})
	year := func(y int) time.Time { return time.Date(y, 1, 1, 0, 0, 0, 0, time.UTC) }
	for _, q := range []Query[thing]{
		{}, {Limit: MaxPage + 1}, {Limit: 1, After: "?"}, {Limit: 1, After: "AQ"}, {Limit: 1, After: strings.Repeat("A", 9999)},
		{Limit: 1, From: year(1500)}, {Limit: 1, To: year(2400)}, {Limit: 1, After: makeCursor(recordKey(epoch, "x")) + "\n"},
	} {
		_, err := l.Page(q)
		wantKind(t, err, ErrInvalid)
	}
	wantKind(t, l.Append(year(2400), "x", thing{}), ErrInvalid)
	wantKind(t, l.Append(epoch, "", thing{}), ErrInvalid)
	_, err := l.Prune(year(1500))
	wantKind(t, err, ErrInvalid)
}

func TestTimesBefore1970SortToo(t *testing.T) {
	s := openAt(t, "", Options{})
	l := logOf(t, s, LogOptions{})
	times := []time.Time{minTime, time.Unix(-1, 0), time.Unix(0, 0), epoch, maxTime}
	for i, x := range times {
		if err := l.Append(x, "x", thing{N: i}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	p, err := l.Page(Query[thing]{Limit: 10})
	if err != nil || len(p.Records) != len(times) {
		t.Fatalf("%+v, %v", p, err)
	}
	for i, r := range p.Records {
		if want := len(times) - 1 - i; r.Value.N != want || !r.Time.Equal(times[want]) {
			t.Errorf("record %d: %+v", i, r)
		}
	}
}

func TestPrune(t *testing.T) {
	s := openAt(t, "", Options{})
	l := logOf(t, s, LogOptions{})
	appendAll(t, s, l, down(2499, 0)...)
	for _, c := range []struct{ before, want, left int }{{0, 0, 2500}, {1, 1, 2499}, {2400, 2399, 100}, {2400, 0, 100}, {9999, 100, 0}} {
		if n, err := l.Prune(at(c.before)); err != nil || n != c.want || l.Len() != c.left {
			t.Errorf("before %d: removed %d, left %d, %v; want %d and %d", c.before, n, l.Len(), err, c.want, c.left)
		}
	}
}

func TestKeepBoundsALog(t *testing.T) {
	s := openAt(t, "", Options{})
	l := logOf(t, s, LogOptions{Keep: 10})
	appendAll(t, s, l, 5, 1, 2, 3, 4)
	appendAll(t, s, l, down(29, 6)...)
	appendAll(t, s, l, 29, 29) // replaced, not added
	if got := readAll(t, l, Query[thing]{Limit: 100}, nil); !slices.Equal(got, down(29, 20)) {
		t.Errorf("kept %v, want the newest ten", got)
	}
}
