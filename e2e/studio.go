package e2e

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/client"
	"github.com/confd/confd/internal/testkit/camera"
	"github.com/confd/confd/internal/testkit/netsim"
	"github.com/confd/confd/internal/testkit/phone"
	"github.com/confd/confd/internal/testkit/tone"
)

// studio is a room of the test kit's phones with cameras, of one codec.
type studio struct {
	t       *testing.T
	c       *confd
	d       desk
	room    string
	options camera.Options
	loss    float64
	actors  []*actor
}

// actor is somebody in a studio.
type actor struct {
	*camera.Camera
	colour camera.Colour
	phone  *phone.Phone
	id     string // of the participant
	tone   float64
	marked int // pictures seen before those that are judged
}

// newStudio makes the room; loss is the share of packets that vanish, either way.
func newStudio(t *testing.T, o camera.Options, loss float64) *studio {
	t.Helper()
	need(t, "ffmpeg")
	needEncoder(t, o.Codec)
	place := newPlace(t)
	c := startConfd(t, place, serverOptions{})
	s := &studio{t: t, c: c, d: c.desk(t, ""), room: "studio", options: o, loss: loss}
	video := client.VideoFields{Hold: client.Set(0.3)}
	s.d.create(client.RoomCreate{ID: client.Set(s.room), Video: client.Set(video)})
	return s
}

// needEncoder skips the test if ffmpeg was built without what makes the codec.
func needEncoder(t *testing.T, c camera.Codec) {
	t.Helper()
	if !slices.Contains(strings.Fields(string(runs(t, "ffmpeg", "-v", "error", "-encoders"))), c.Encoder) {
		t.Skipf("this ffmpeg has no %s, to make %s", c.Encoder, c.Name)
	}
}

// enter has somebody call who says nothing yet.
func (s *studio) enter(colour camera.Colour) *actor {
	s.t.Helper()
	place, n := s.c.place, len(s.actors)
	bad := netsim.Impairment{Loss: s.loss, Delay: 2 * time.Millisecond}
	o := s.options
	o.Colour, o.Up, o.Down, o.Seed = colour, bad, bad, uint64(100*n+1)
	o.Network, o.Local, o.Command, o.Context = place, netip.MustParseAddr(place.ip), place.Command, s.t.Context()
	c, err := camera.New(o)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(c.Close)
	p := s.c.call(s.t, phone.Options{URI: s.c.uri(s.room), Lines: []phone.Line{c}, Up: bad, Down: bad, Seed: uint64(n + 1)})
	a := &actor{Camera: c, colour: colour, phone: p, tone: 500 + 300*float64(n)}
	a.id = newcomer(s.d, s.room, colour.Name, func(id string) bool {
		return slices.ContainsFunc(s.actors, func(o *actor) bool { return o.id == id })
	})
	s.actors = append(s.actors, a)
	return a
}

// floor has one speak, and no other, until it is the speaker.
func (s *studio) floor(who *actor) {
	s.t.Helper()
	for _, a := range s.actors {
		if a.phone.SetVoice(nil); a == who {
			a.phone.SetVoice(tone.New(a.phone.Rate(), -20, a.tone))
		}
	}
	eventually(s.t, 10*time.Second, who.colour.Name+" to be the speaker", func() error {
		if id := said(s.d.set(s.room, client.RoomFields{}).Video.Speaker); id != who.id {
			return fmt.Errorf("it is %s", id)
		}
		return nil
	})
}

// watch waits until each sees, in the order of entering, who is wanted; nil is not looked
// at. What it waits for are pictures that were filmed later than now, and several of them.
func (s *studio) watch(when string, wants ...*actor) {
	s.t.Helper()
	filmed := make([]int, len(wants))
	for i, want := range wants {
		if want != nil && !s.options.OnDemand { // else the pictures' numbers are no time
			filmed[i] = want.Stats().Pictures
		}
	}
	for i, want := range wants {
		if want == nil {
			continue
		}
		a := s.actors[i]
		eventually(s.t, 12*time.Second, a.colour.Name+"'s sight of "+want.colour.Name+" "+when, func() error {
			all := a.Frames()
			fresh := all[max(0, len(all)-5):]
			for _, f := range fresh {
				if f.Colour != want.colour || f.Number < filmed[i] {
					return fmt.Errorf("it sees %+v, %d were filmed before; its screen: %q; %+v", f, filmed[i], a.Faults(), a.Stats())
				}
			}
			if len(fresh) < 5 {
				return fmt.Errorf("it has seen %d pictures; its screen: %q", len(fresh), a.Faults())
			}
			return nil
		})
	}
}

// mark has what was seen so far, but for the newest, not be judged.
func (s *studio) mark() {
	for _, a := range s.actors {
		a.marked = len(a.Frames()) - 1
	}
}

// judge fails the test unless an actor has seen these since the mark, one after the other and
// nothing else: whole pictures of one each, from a key frame on, in their order.
func (s *studio) judge(a *actor, wants ...*actor) {
	s.t.Helper()
	frames := a.Frames()[a.marked:]
	var seen, want []string
	for _, w := range wants {
		want = append(want, w.colour.Name)
	}
	for i, f := range frames {
		switch changed := i == 0 || f.Colour != frames[i-1].Colour; {
		case f.Number < 0 || f.Colour == camera.Colour{}:
			s.t.Errorf("%s's picture %d is nobody's: %+v", a.colour.Name, i, f)
		case changed && i > 0 && !s.keyFrame(f):
			s.t.Errorf("%s sees a new picture from one on that is no key frame: %+v", a.colour.Name, f)
		case !changed && !s.follows(f, frames[i-1]):
			s.t.Errorf("%s sees %+v after %+v", a.colour.Name, f, frames[i-1])
		}
		seen = append(seen, f.Colour.Name)
	}
	if seen, want = slices.Compact(seen), slices.Compact(want); !slices.Equal(seen, want) {
		s.t.Errorf("%s has seen %v, want %v", a.colour.Name, seen, want)
	}
}

// keyFrame tells whether a picture was one.
func (s *studio) keyFrame(f camera.Frame) bool {
	if s.options.OnDemand {
		return f.Number == 0
	}
	return f.Number%camera.KeyInterval == 0
}

// follows tells whether a picture may be shown behind another of the same camera. One in
// between may have been given up at loss; then it is a key frame, with which a camera that is
// asked for one begins its film again.
func (s *studio) follows(f, before camera.Frame) bool {
	return f.Number == before.Number+1 || s.keyFrame(f) && (s.options.OnDemand || s.loss > 0 && f.Number > before.Number)
}

// close has all hang up, and fails the test if somebody was sent what could not be decoded.
func (s *studio) close() {
	s.t.Helper()
	repaired := 0
	for _, a := range s.actors {
		s.t.Logf("%s: %+v, %d pictures shown", a.colour.Name, a.Stats(), len(a.Frames()))
		if f := a.Faults(); f != nil {
			s.t.Errorf("%s's decoder: %q", a.colour.Name, f)
		}
		n := a.Stats()
		if n.Streams != 1 || n.Lost != 0 {
			s.t.Errorf("%s's stream: %+v", a.colour.Name, n)
		}
		repaired += n.Repaired
		ctx, cancel := context.WithTimeout(s.t.Context(), 10*time.Second)
		if err := a.phone.Bye(ctx); err != nil {
			s.t.Errorf("%s hangs up: %v", a.colour.Name, err)
		}
		cancel()
	}
	if (repaired > 0) != (s.loss > 0) {
		s.t.Errorf("%d packets were asked for again, at a loss of %v", repaired, s.loss)
	}
	s.c.awaitMetric(s.t, 0, "confd_forwarder_lines")
}
