package api

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"time"

	"github.com/confd/confd/rooms"
)

// Limits of event streams.
const (
	maxWatchers = 2048             // the default of Config.MaxWatchers
	heartbeat   = 15 * time.Second // between comments while nothing happens
	writeTime   = 10 * time.Second // for one write to a watcher that does not read
)

var eventType = reflect.TypeFor[Event]()

// stream is one watcher.
type stream struct {
	server *Server
	sub    *rooms.Subscription
	wants  func(rooms.EventKind) bool
	w      http.ResponseWriter
	ctl    *http.ResponseController
	line   []byte
}

// run writes events until the watcher goes, is too slow, or the server ends.
func (s *stream) run(ctx context.Context, w http.ResponseWriter) {
	defer s.server.watchers.Add(-1)
	defer s.sub.Close()
	s.w, s.ctl = w, http.NewResponseController(w)
	_ = s.ctl.SetReadDeadline(time.Time{}) // the limits of a request are not for streams
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // proxies are to pass each event on at once
	w.WriteHeader(http.StatusOK)
	if !s.send([]byte("retry: 1000\n\n")) {
		return
	}
	s.follow(ctx)
}

func (s *stream) follow(ctx context.Context) {
	beat := time.NewTicker(s.server.heartbeat)
	defer beat.Stop()
	for {
		select {
		case e, ok := <-s.sub.Events():
			if !ok {
				s.send([]byte(": cut off, too slow or the server ends; resume with Last-Event-ID\n\n"))
				return
			}
			if !s.send(s.gather(e)) {
				return
			}
			beat.Reset(s.server.heartbeat)
		case <-beat.C:
			if !s.send([]byte(":\n\n")) {
				return
			}
		case <-ctx.Done():
			return
		case <-s.server.closing:
			return
		}
	}
}

// gather returns the text of an event and of those that wait behind it, up to a bound.
func (s *stream) gather(e *rooms.Event) []byte {
	s.line = s.append(s.line[:0], e)
	for len(s.line) < 32<<10 {
		select {
		case next, ok := <-s.sub.Events():
			if !ok {
				return s.line // the next read finds the end again
			}
			s.line = s.append(s.line, next)
		default:
			return s.line
		}
	}
	return s.line
}

func (s *stream) append(to []byte, e *rooms.Event) []byte {
	if !s.wants(e.Kind) {
		return to
	}
	to = fmt.Appendf(to, "id: %d\nevent: %s\ndata: ", e.Seq, e.Kind)
	to = append(to, s.server.texts.of(e)...)
	return append(to, "\n\n"...)
}

// send writes and flushes, and tells whether the watcher takes it.
func (s *stream) send(text []byte) bool {
	if len(text) == 0 {
		return true
	}
	_ = s.ctl.SetWriteDeadline(time.Now().Add(s.server.writeTime))
	if _, err := s.w.Write(text); err != nil {
		return false
	}
	return s.ctl.Flush() == nil
}
