package api

import (
	"context"
	"sync"
	"time"

	"github.com/confd/confd/rooms"
)

// DrainRequest is the body that drains the server.
type DrainRequest struct {
	Timeout optional[float64] `json:"timeout,omitempty" minimum:"0" maximum:"86400" doc:"After so many seconds calls that still run are hung up; 0 is at once. Default, and null: they may go on until they end." example:"600"`
	Reason  string            `json:"reason,omitempty" maxLength:"128" pattern:"^[^\\x00-\\x1f\\x7f\ufffd]*$" patternDescription:"text without control characters or broken UTF-8" doc:"Told to phones that are hung up." example:"maintenance"`
}

// DrainState is how far draining is.
type DrainState struct {
	Draining     bool       `json:"draining" doc:"No new calls, rooms or dial-outs." example:"true"`
	Participants int        `json:"participants" minimum:"0" doc:"Who is still there; 0 is done." example:"3"`
	Until        *time.Time `json:"until,omitempty" doc:"When those that still run are hung up; absent: never." example:"2026-03-01T10:00:00Z"`
}

// DrainAnswer is how far draining is.
type DrainAnswer struct{ Body DrainState }

// drain is a request to end calls by a time.
type drain struct {
	mu    sync.Mutex
	timer *time.Timer
	until time.Time
}

func (s *Server) addDrain() {
	add(s, endpoint{method: "GET", path: "/v1/drain", id: "get-drain", tag: "server", scope: ScopeRead,
		summary: "Read how far draining is"}, s.getDrain)
	add(s, endpoint{method: "POST", path: "/v1/drain", id: "drain", tag: "server", scope: ScopeAdmin,
		summary: "Drain the server", text: "From now on there are no new calls, rooms or dial-outs, and /readyz says so. Running calls go on until they end or the timeout has passed. The process does not end, and only its restart ends draining. A second request replaces the timeout of the first."}, s.postDrain)
}

func (s *Server) getDrain(context.Context, *struct{}) (*DrainAnswer, error) {
	n := s.config.Registry.Counts()
	s.drain.mu.Lock()
	defer s.drain.mu.Unlock()
	return &DrainAnswer{DrainState{n.Draining, n.Participants, instant(s.drain.until)}}, nil
}

func (s *Server) postDrain(ctx context.Context, in *struct {
	Repeatable
	Body DrainRequest
}) (*DrainAnswer, error) {
	why := rooms.Reason{Code: rooms.ReasonDraining, Text: in.Body.Reason}
	s.config.Registry.Refuse()
	s.config.Logger.Info("draining", "timeout", in.Body.Timeout.value, "forever", !in.Body.Timeout.set || in.Body.Timeout.null)
	s.drain.mu.Lock()
	if s.drain.timer != nil {
		s.drain.timer.Stop()
		s.drain.timer, s.drain.until = nil, time.Time{}
	}
	if t := in.Body.Timeout; t.set && !t.null {
		after := duration(t.value)
		s.drain.until = time.Now().Add(after)
		s.drain.timer = time.AfterFunc(after, func() { s.hangUp(why) })
	}
	s.drain.mu.Unlock()
	return s.getDrain(ctx, nil)
}

// hangUp ends all calls; rooms that the API made stay.
func (s *Server) hangUp(why rooms.Reason) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := s.config.Registry.HangUp(ctx, why); err != nil {
		s.config.Logger.Warn("some calls did not end in time", "error", err)
	}
}

// stop forgets a drain that is to come.
func (d *drain) stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
	}
}
