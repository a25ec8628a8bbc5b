package store

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// crash is a process that changes a store as fast as it can and tells before each change
// "try WORKER VERB KEY NUMBER" and after it "did WORKER", until it is killed.
func crash(path string) error {
	s, err := Open(path, Options{LockWait: 10 * time.Second})
	if err != nil {
		return err
	}
	c, err := OpenCollection(s, things)
	if err != nil {
		return err
	}
	l, err := OpenLog(s, things, LogOptions{})
	if err != nil {
		return err
	}
	say("open")
	var all sync.WaitGroup
	for w := range 4 {
		all.Go(func() { work(w, func() (string, func() error) { return changeCollection(c, w) }) })
	}
	all.Go(func() { work(4, func() (string, func() error) { return changeLog(s, l) }) })
	all.Wait()
	return nil
}

func say(a ...any) { fmt.Fprint(os.Stdout, fmt.Sprintln(a...)) } // one write: lines stay whole

func work(w int, next func() (what string, do func() error)) {
	for {
		what, do := next()
		say("try", w, what)
		if err := do(); err != nil {
			say("error", err)
			return
		}
		say("did", w)
	}
}

func changeCollection(c *Collection[thing], w int) (string, func() error) {
	key, n := fmt.Sprintf("%d.%d", w, rand.IntN(20)), rand.IntN(1e9)
	if rand.IntN(3) == 0 {
		return "delete " + key + " 0", func() error { return c.Delete(key) }
	}
	text := strings.Repeat("x", rand.IntN(3000))
	return fmt.Sprintf("put %s %d", key, n), func() error { return c.Put(key, thing{n, text}) }
}

func changeLog(s *Store, l *Log[thing]) (string, func() error) {
	n := rand.IntN(1e9)
	return fmt.Sprintf("append - %d", n), func() error {
		if err := l.Append(time.Unix(int64(n), 0), "x", thing{N: n}); err != nil {
			return err
		}
		return s.Flush()
	}
}

// model is what a store should hold.
type model struct {
	docs map[string]int
	log  map[int]bool
}

func newModel() *model { return &model{docs: map[string]int{}, log: map[int]bool{}} }

func (m *model) clone() *model { return &model{maps.Clone(m.docs), maps.Clone(m.log)} }

func (m *model) apply(t *testing.T, what string) {
	var verb, key string
	var n int
	if _, err := fmt.Sscan(what, &verb, &key, &n); err != nil {
		t.Fatalf("%q: %v", what, err)
	}
	switch verb {
	case "put":
		m.docs[key] = n
	case "delete":
		delete(m.docs, key)
	case "append":
		m.log[n] = true
	}
}

// The process is killed at any moment, thirty times. What it was told to be done is there,
// and nothing else but, at most, what each of its workers had under way.
func TestKilledAtAnyMoment(t *testing.T) {
	const rounds = 30
	path, m := filePath(t), newModel()
	changes := 0
	for round := range rounds {
		if round%5 == 0 { // a new file: its creation is interrupted, too
			path, m = filePath(t), newModel()
		}
		pending, n := runAndKill(t, path, m, round%5 == 0)
		changes += n
		m = verify(t, path, m, pending)
		if t.Failed() {
			t.Fatalf("in round %d", round)
		}
	}
	if changes < 5*rounds {
		t.Errorf("only %d changes in %d rounds: the test shows little", changes, rounds)
	}
}

// runAndKill lets a process work for a moment. It applies to m what was done and returns
// what was under way, by worker.
func runAndKill(t *testing.T, path string, m *model, early bool) (pending map[string]string, done int) {
	cmd, lines := child(t, "crash", path)
	var once sync.Once
	kill := func(after int) {
		once.Do(func() {
			time.AfterFunc(time.Duration(rand.IntN(after))*time.Millisecond, func() { cmd.Process.Kill() })
		})
	}
	if early {
		kill(100)
	}
	pending = map[string]string{}
	for lines.Scan() {
		word, rest, _ := strings.Cut(lines.Text(), " ")
		worker, what, _ := strings.Cut(rest, " ")
		switch word {
		case "open":
			kill(60)
		case "try":
			pending[worker] = what
		case "did":
			m.apply(t, pending[worker])
			delete(pending, worker)
			done++
		default:
			t.Errorf("the process says %q", lines.Text())
		}
	}
	cmd.Wait()
	return pending, done
}

// verify compares the store with m, each worker's pending change done or not, and returns
// what it is from now on.
func verify(t *testing.T, path string, m *model, pending map[string]string) *model {
	s := openAt(t, path, Options{})
	defer closeNow(t, s)
	c, l := collectionOf(t, s), logOf(t, s, LogOptions{})
	got := newModel()
	got.docs = contents(t, c)
	for _, r := range pagesOf(t, l) {
		got.log[r.Value.N] = true
	}
	for w, what := range pending {
		with := m.clone()
		with.apply(t, what)
		if w == "4" && maps.Equal(got.log, with.log) || w != "4" && prefixed(got.docs, w) == prefixed(with.docs, w) {
			m = with
		}
	}
	if !maps.Equal(got.docs, m.docs) || !maps.Equal(got.log, m.log) {
		t.Errorf("the store holds\n%+v\nwant\n%+v\nwith or without %v", got, m, pending)
	}
	return m
}

// prefixed tells what a worker of the collection has, in comparable form.
func prefixed(docs map[string]int, worker string) string {
	var own []string
	for key, n := range docs {
		if strings.HasPrefix(key, worker+".") {
			own = append(own, fmt.Sprint(key, "=", n))
		}
	}
	slices.Sort(own)
	return strings.Join(own, " ")
}

func pagesOf(t *testing.T, l *Log[thing]) (all []Record[thing]) {
	for q := (Query[thing]{Limit: MaxPage}); ; {
		p, err := l.Page(q)
		if err != nil || p.Damaged > 0 {
			t.Fatalf("%v, %d damaged", err, p.Damaged)
		}
		all = append(all, p.Records...)
		if q.After = p.Next; q.After == "" {
			return all
		}
	}
}
