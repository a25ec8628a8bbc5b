package api

import (
	"context"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"github.com/confd/confd/rooms"
)

// Watch is how an event stream is asked for.
type Watch struct {
	LastEventID string `header:"Last-Event-ID" maxLength:"20" doc:"The id of the last event that you know: the stream goes on from there. Browsers send it by themselves." example:"1764000000000042"`
	After       string `query:"after" maxLength:"20" doc:"As Last-Event-ID, for who cannot set headers." example:"1764000000000042"`
	Kinds       string `query:"kinds" maxLength:"512" doc:"Only these kinds, parted by commas; one that ends in a dot stands for all that begin so. Snapshots come in any case." example:"participant.,digit"`
}

// after returns the number to go on from, 0 if there is none.
func (w *Watch) after() (uint64, error) {
	text, where := w.LastEventID, "header.Last-Event-ID"
	if text == "" {
		text, where = w.After, "query.after"
	}
	if text == "" {
		return 0, nil
	}
	seq, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, invalid(where, "%s is no id of an event, which is a whole number", clip(text))
	}
	return seq, nil
}

// kinds returns which events are wanted.
func (w *Watch) kinds() (func(rooms.EventKind) bool, error) {
	if w.Kinds == "" {
		return func(rooms.EventKind) bool { return true }, nil
	}
	wanted := map[rooms.EventKind]bool{rooms.SnapshotTaken: true}
	for one := range strings.SplitSeq(w.Kinds, ",") {
		known := false
		for _, k := range rooms.EventKinds() {
			if string(k) == one || strings.HasSuffix(one, ".") && strings.HasPrefix(string(k), one) {
				wanted[k], known = true, true
			}
		}
		if !known {
			return nil, invalid("query.kinds", "%s is no kind of event; there are %s", clip(one), kindList())
		}
	}
	return func(k rooms.EventKind) bool { return wanted[k] }, nil
}

func kindList() string {
	var names []string
	for _, k := range rooms.EventKinds() {
		names = append(names, string(k))
	}
	return strings.Join(names, ", ")
}

const streamText = `Server-sent events: each has the id seq, the kind as event, and an Event as data.

Without Last-Event-ID the first is a snapshot: all that there is, with participants, as of its id. With it, the stream goes on from there without gap or double, or with a snapshot if that is too long ago. Who does not keep up is cut off, and resumes. A comment comes every 15 seconds while nothing happens.

Kinds: snapshot, `

func (s *Server) addEvents() {
	text := streamText + kindList() + "."
	addStream(s, endpoint{method: "GET", path: "/v1/events", id: "watch", tag: "events", scope: ScopeRead,
		summary: "Watch everything", text: text, problems: []string{"overloaded"}},
		func(ctx context.Context, in *Watch) (*stream, error) { return s.watch("", in) })
	addStream(s, endpoint{method: "GET", path: "/v1/rooms/{room}/events", id: "watch-room", tag: "events", scope: ScopeRead, perRoom: true,
		summary: "Watch a room", text: "The room need not be there yet.\n\n" + text, problems: []string{"overloaded"}},
		func(ctx context.Context, in *struct {
			InRoom
			Watch
		}) (*stream, error) {
			return s.watch(in.Room.name, &in.Watch)
		})
}

// addStream makes a route whose answer goes on.
func addStream[I any](s *Server, e endpoint, open func(context.Context, *I) (*stream, error)) {
	e.takes(reflect.TypeFor[I]())
	op := e.operation()
	schema := s.doc.OpenAPI().Components.Schemas.Schema(eventType, true, "")
	op.Responses["200"] = &huma.Response{Description: "A stream of events, until the client ends it, is too slow, or the server ends",
		Content: map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{
			Type: huma.TypeString, Description: "Server-sent events, of which each data is an Event.",
			Extensions: map[string]any{"x-event-schema": schema.Ref},
		}}}}
	huma.Register(s.doc, op, func(ctx context.Context, in *I) (*huma.StreamResponse, error) {
		st, err := open(ctx, in)
		if err != nil {
			return nil, s.fault(e.id, err)
		}
		return &huma.StreamResponse{Body: func(ctx huma.Context) {
			r, w := humachi.Unwrap(ctx)
			st.run(r.Context(), w)
		}}, nil
	})
	s.describe(e)
}

// watch subscribes, if there are not too many who did.
func (s *Server) watch(room rooms.Name, in *Watch) (*stream, error) {
	after, err := in.after()
	if err != nil {
		return nil, err
	}
	kinds, err := in.kinds()
	if err != nil {
		return nil, err
	}
	if s.watchers.Add(1) > int64(s.config.MaxWatchers) {
		s.watchers.Add(-1)
		return nil, refuse(http.StatusServiceUnavailable, string(rooms.Overloaded), "%d event streams are open, as many as may be", s.config.MaxWatchers)
	}
	sub := s.config.Registry.Subscribe(rooms.SubscribeOptions{Room: room, After: after})
	return &stream{server: s, sub: sub, wants: kinds}, nil
}
