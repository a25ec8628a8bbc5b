//go:build linux

package load

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/confd/confd/bench/load/calls"
	"github.com/confd/confd/bench/load/fleet"
)

// seat is what one caller has of its call.
type seat struct {
	mu   sync.Mutex
	call *calls.Call // nil before it is answered, and once it has ended
	peer fleet.Peer
	view calls.VideoAnswer
	at   time.Time // it was answered
	lost error     // why the call failed or ended
}

// join places the calls of callers from to to, each when it is due, and returns when all
// were answered or have failed. When ctx ends no more are placed.
func (r *run) join(ctx context.Context, from, to int) {
	began := time.Now()
	for i := from; i < to; i++ {
		wait(ctx, time.Until(began.Add(time.Duration(float64(i-from)/r.o.Rate*float64(time.Second)))))
		if ctx.Err() != nil {
			break
		}
		r.placed.Add(1)
		go func() {
			defer r.placed.Done()
			r.place(ctx, i)
		}()
	}
	r.placed.Wait()
}

// place makes caller i's call.
func (r *run) place(ctx context.Context, i int) {
	room, _ := r.o.room(i)
	r.ledger.try()
	call, err := r.agent.Call(ctx, r.o.target(room), r.offer(i))
	if err != nil {
		r.seats[i].lose(err)
		r.ledger.fail(err)
		return
	}
	r.ledger.answer(call.Setup.Answered)
	r.seats[i].take(call)
	call.OnEnd(func(e calls.End) { r.ended(i, e) })
	call.OnChange(func(a calls.Answer) {
		r.connect(i, a)
		r.show(i, a.Video)
	})
	r.connect(i, call.Answer())
	r.show(i, call.Answer().Video)
	if r.o.PIN == "" {
		return
	}
	if err := r.fleet.Digits(i, r.o.PIN); err != nil {
		r.drop(i, &calls.Failure{Cause: calls.Protocol, Reason: "the PIN", Err: err})
	}
}

// connect has caller i's media go where the server wants it, if that is elsewhere than before.
func (r *run) connect(i int, a calls.Answer) {
	s := &r.seats[i]
	peer := fleet.Peer{Media: a.Media, PayloadType: a.PayloadType, Event: a.Event}
	s.mu.Lock()
	same := s.peer == peer || s.call == nil
	s.peer = peer
	s.mu.Unlock()
	if same || a.Media.Addr().IsUnspecified() { // on hold
		return
	}
	if err := r.fleet.Connect(i, peer); err != nil {
		r.drop(i, &calls.Failure{Cause: calls.Protocol, Reason: "media", Err: err})
	}
}

// ended is told that caller i's call is over.
func (r *run) ended(i int, e calls.End) {
	if e.Far {
		r.drop(i, &calls.Failure{Cause: e.Cause, Reason: e.Reason})
	}
}

// drop counts caller i's call, if it has one, among those that failed.
func (r *run) drop(i int, err error) {
	if r.seats[i].lose(err) {
		r.fleet.Disconnect(i)
		if r.crew != nil {
			r.crew.Disconnect(i)
		}
		r.ledger.drop(err)
	}
}

func (s *seat) take(c *calls.Call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.call, s.at = c, time.Now()
}

// lose notes why there is no call, and tells whether there was one.
func (s *seat) lose(err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	had := s.call != nil
	s.call, s.lost = nil, err
	return had
}

// deadAfter is how long after the answer media has to have come.
const deadAfter = 2 * time.Second

// dead tells whether the caller has a call to which no media has come.
func (s *seat) dead(f *fleet.Fleet, i int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.call != nil && time.Since(s.at) >= deadAfter && !f.Heard(i)
}

// leaving is how many calls are ended per second at least.
const leaving = 200

// leave ends all calls. A server that does not answer a BYE is told in the report.
func (r *run) leave() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	r.watch.stage("hanging up")
	if err := r.agent.HangUp(ctx, max(r.o.Rate, leaving)); err != nil {
		r.watch.note(fmt.Sprintf("hanging up: %v", err))
	}
}
