package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/confd/confd/client"
	"github.com/confd/confd/internal/testkit/camera"
)

// cinema is a room whose participants see each other.
type cinema struct {
	t       *testing.T
	place   *place // of the phones
	c       *confd
	d       desk
	room    string
	viewers []*viewer
	secure  bool // phones insist on SRTP
}

// viewer is a baresip in a cinema.
type viewer struct {
	*baresip
	colour   camera.Colour
	id       string // of the participant
	speaking bool
}

func newCinema(t *testing.T, phones *place, c *confd) *cinema {
	t.Helper()
	need(t, "baresip", "ffmpeg")
	x := &cinema{t: t, place: phones, c: c, d: c.desk(t, ""), room: "cinema"}
	x.d.room(x.room)
	return x
}

// enter has somebody call who says nothing yet.
func (x *cinema) enter(codecs string, v camera.Colour) *viewer {
	x.t.Helper()
	b := startBaresipWith(x.t, x.place, baresipPCMU, 500+float64(len(x.viewers))*300, &picture{codecs, v, x.secure})
	b.dial(x.t, x.c.uri(x.room))
	return x.seat(b, v)
}

// seat takes in a phone whose call is up.
func (x *cinema) seat(b *baresip, c camera.Colour) *viewer {
	x.t.Helper()
	b.command(x.t, "mute", "")
	v := &viewer{baresip: b, colour: c}
	v.id = newcomer(x.d, x.room, c.Name, func(id string) bool {
		return slices.ContainsFunc(x.viewers, func(o *viewer) bool { return o.id == id })
	})
	x.viewers = append(x.viewers, v)
	return v
}

// newcomer waits until somebody whom nobody knows is connected to a room, and returns the id.
func newcomer(d desk, room, name string, known func(id string) bool) (id string) {
	d.t.Helper()
	eventually(d.t, 5*time.Second, name+" in the room", func() error {
		for _, p := range d.list(room) {
			if !known(p.ID) && p.State == client.ParticipantStateConnected {
				id = p.ID
				return nil
			}
		}
		return fmt.Errorf("nobody is new")
	})
	return id
}

// floor has one speak until it is the speaker. Who is heard comes after all that was heard
// before: only then does it say something that the room tells who the speaker is.
func (x *cinema) floor(who *viewer) {
	x.t.Helper()
	x.speak(who)
	eventually(x.t, 15*time.Second, who.colour.Name+" to be the speaker", func() error {
		if err := x.talks(who); err != nil {
			return err
		}
		if id := said(x.d.set(x.room, client.RoomFields{}).Video.Speaker); id != who.id {
			return fmt.Errorf("it is %s", id)
		}
		return nil
	})
}

// speak has one speak, or with nil nobody.
func (x *cinema) speak(who *viewer) {
	x.t.Helper()
	for _, v := range x.viewers {
		if v.speaking != (v == who) {
			v.command(x.t, "mute", "") // it toggles
			v.speaking = !v.speaking
		}
	}
}

// watch waits until each viewer, in the order of entering, sees what is wanted; the zero
// colour is not looked at.
func (x *cinema) watch(when string, wants ...camera.Colour) {
	x.t.Helper()
	var all []camera.Colour
	for _, v := range x.viewers {
		all = append(all, v.colour)
	}
	for i, want := range wants {
		if want != (camera.Colour{}) {
			awaitSight(x.t, x.viewers[i].colour.Name+" "+when, x.viewers[i].baresip, want, all...)
		}
	}
}

// participant is what the API says of a viewer.
func (x *cinema) participant(v *viewer) *client.Participant {
	x.t.Helper()
	all := x.d.list(x.room)
	i := slices.IndexFunc(all, func(p client.Participant) bool { return p.ID == v.id })
	if i < 0 {
		x.t.Fatalf("%s is not in the room", v.colour.Name)
	}
	return &all[i]
}

// line waits until a viewer's video line is as it should be.
func (x *cinema) line(v *viewer, what string, right func(client.VideoLine) bool) {
	x.t.Helper()
	eventually(x.t, 10*time.Second, v.colour.Name+"'s line "+what, func() error {
		p := x.participant(v)
		if len(p.Video) != 1 || !right(p.Video[0]) {
			return fmt.Errorf("it is %+v", p.Video)
		}
		return nil
	})
}

// set changes the settings of a viewer.
func (x *cinema) set(v *viewer, f client.ParticipantFields) {
	x.t.Helper()
	x.d.patch(x.participant(v), f)
}

// close has all hang up, and fails the test if somebody was sent what cannot be decoded.
func (x *cinema) close() {
	x.t.Helper()
	for _, v := range x.viewers {
		v.hangUp(x.t)
		v.decodesAll(x.t, v.colour.Name)
	}
	x.c.awaitMetric(x.t, 0, "confd_calls")
	x.c.awaitMetric(x.t, 0, "confd_forwarder_lines")
	x.c.awaitMetric(x.t, 0, "confd_rtp_port_pairs_in_use")
}

// talks says why a viewer is not said to talk.
func (x *cinema) talks(v *viewer) error {
	if p := x.participant(v); !p.Talking {
		return fmt.Errorf("it is %+v", p)
	}
	return nil
}

// said is what the API says, "" for nothing.
func said(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
