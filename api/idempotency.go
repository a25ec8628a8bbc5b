package api

import (
	"bytes"
	"container/list"
	"crypto/sha256"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
)

// Limits of what is kept to answer repeated requests.
const (
	replayTime    = 24 * time.Hour
	replayAnswers = 10000
	replayBytes   = 16 << 20
	maxReplayKey  = 255
)

// replays keeps the answers to requests that had an Idempotency-Key. What failed changed
// nothing and is not kept: it may be tried again. The zero value is ready.
type replays struct {
	mu    sync.Mutex
	by    map[string]*replay
	order list.List // of *replay, the oldest first; those under way are not in it
	bytes int
	now   func() time.Time // time.Now if nil
}

type replay struct {
	id     string
	print  [sha256.Size]byte // of the request
	done   chan struct{}     // closed when it is answered
	at     time.Time
	header http.Header // nil if there is nothing to repeat
	status int
	body   []byte
	place  *list.Element
}

// once answers a request with an Idempotency-Key once, and then repeats the answer.
func (s *Server) once(ctx huma.Context, next func(huma.Context)) {
	r, w := humachi.Unwrap(ctx)
	key := r.Header.Get("Idempotency-Key")
	if key == "" || len(key) > maxReplayKey {
		next(ctx)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxJSON+1))
	if err != nil {
		WriteProblem(w, problemOfError(unreadable(err)))
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	id := strings.Join([]string{callerOf(r.Context()).id, r.URL.RequestURI(), key}, "\n")
	print := sha256.Sum256(append([]byte(r.Header.Get("Content-Type")+"\n"), body...))
	for {
		e, first := s.replays.begin(id, print)
		if first {
			s.replays.run(e, w, func(w http.ResponseWriter) { next(humachi.NewContext(ctx.Operation(), r, w)) })
			return
		}
		if e.print != print {
			p := problem(http.StatusUnprocessableEntity, codeReused, "this Idempotency-Key was sent with another body; each request wants a key of its own")
			p.Field = "Idempotency-Key"
			WriteProblem(w, p)
			return
		}
		select {
		case <-e.done:
		case <-r.Context().Done():
			return
		}
		if e.repeat(w) {
			return
		}
	}
}

// begin returns what is known of a request, and whether the caller is the first to make it.
func (c *replays) begin(id string, print [sha256.Size]byte) (e *replay, first bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.expire()
	if e := c.by[id]; e != nil {
		return e, false
	}
	if c.by == nil {
		c.by = make(map[string]*replay)
	}
	e = &replay{id: id, print: print, done: make(chan struct{})}
	c.by[id] = e
	return e, true
}

// run has a request answered, and keeps the answer if it worked.
func (c *replays) run(e *replay, w http.ResponseWriter, answer func(http.ResponseWriter)) {
	tee := &recorder{ResponseWriter: w}
	worked := false
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if !worked {
			delete(c.by, e.id)
			close(e.done)
			return
		}
		e.at, e.header, e.status, e.body = c.clock(), w.Header().Clone(), tee.status, tee.body.Bytes()
		e.place = c.order.PushBack(e)
		c.bytes += e.size()
		close(e.done)
		c.expire()
	}()
	answer(tee)
	worked = tee.status >= 200 && tee.status < 300
}

// expire forgets what is too old or too much; c.mu is held.
func (c *replays) expire() {
	for front := c.order.Front(); front != nil; front = c.order.Front() {
		e := front.Value.(*replay)
		if c.order.Len() <= replayAnswers && c.bytes <= replayBytes && c.clock().Sub(e.at) < replayTime {
			return
		}
		c.order.Remove(front)
		c.bytes -= e.size()
		delete(c.by, e.id)
	}
}

func (c *replays) clock() time.Time {
	if c.now != nil {
		return c.now()
	}
	return time.Now()
}

// size is about what e takes up.
func (e *replay) size() int { return len(e.id) + len(e.body) + 1024 }

// repeat gives an answer again, if there is one.
func (e *replay) repeat(w http.ResponseWriter) bool {
	if e.header == nil {
		return false
	}
	for name, values := range e.header {
		w.Header()[name] = values
	}
	w.Header().Set("Idempotency-Replayed", "true")
	w.WriteHeader(e.status)
	_, _ = w.Write(e.body)
	return true
}

// recorder notes an answer while it is written.
type recorder struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	r.body.Write(p)
	return r.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
