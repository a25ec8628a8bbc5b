//go:build linux

package forwarding

import (
	"context"
	"net/netip"
	"os/exec"
	"runtime"
	"time"

	"github.com/confd/confd/bench/measure"
)

// Show is a load of pictures for who measures something else beside it: the same cameras and
// screens whoever forwards. Each camera sends a key frame a second, since it listens to nobody.
type Show struct {
	*bout
	c Case
}

// Seen is what came of a show in a time.
type Seen struct {
	Due, Packets uint64
	Late50       time.Duration // a picture, as Cost has it
	Late99       time.Duration
}

// NewShow opens the sockets of a case, which is not secure. Serve or Aim say who forwards.
func NewShow(c Case) (*Show, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	b, err := newLoad(c)
	if err != nil {
		return nil, err
	}
	b.cameras.keys = PictureRate
	return &Show{b, c}, nil
}

// Cameras returns the addresses that pictures come from.
func (s *Show) Cameras() []netip.AddrPort { return s.cameras.locals() }

// Screens returns the addresses that pictures go to: those of the first camera's first.
func (s *Show) Screens() []netip.AddrPort { return s.sinks.locals() }

// Serve has a process, which cmd starts and which runs the function Serve, forward by a way.
func (s *Show) Serve(w Way, cmd *exec.Cmd) error { return s.serve(s.c, w, cmd) }

// Aim has the cameras send to a server that knows cameras and screens already.
func (s *Show) Aim(at []netip.AddrPort) error { return s.cameras.aim(at) }

// Play shows pictures until ctx ends, on a thread of its own, and returns what came of those
// since the time began, monotonic ns of wire.Monotonic.
func (s *Show) Play(ctx context.Context, began int64) Seen {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var sent uint64
	counts := false
	s.sinks.begin(true)
	s.play(func(due int64) bool {
		if !counts && due >= began {
			counts, sent = true, s.cameras.sent
			s.sinks.begin(false)
		}
		return ctx.Err() == nil
	})
	if !counts {
		return Seen{}
	}
	return Seen{
		Due: (s.cameras.sent - sent) * uint64(s.c.Receivers), Packets: s.sinks.packets,
		Late50: measure.Quantile(s.sinks.late, 0.5), Late99: measure.Quantile(s.sinks.late, 0.99),
	}
}

// Close ends the process, if there is one, and frees the sockets. Play has ended.
func (s *Show) Close() error { return s.close() }
