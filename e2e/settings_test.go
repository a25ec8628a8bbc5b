package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/client"
	"github.com/confd/confd/internal/testkit/tone"
)

// TestRoomSettingsLive: what a room is set to holds for who calls next and for who is in it.
func TestRoomSettingsLive(t *testing.T) {
	need(t, "baresip", "sipp")
	t.Parallel()
	place := newPlace(t)
	c := startConfd(t, place, serverOptions{})
	d := c.desk(t, "")
	s := d.watch(client.Follow{})
	d.create(client.RoomCreate{ID: client.Set("live"), Locked: client.Set(true)})
	tones := tone.Spread(3)
	first := startBaresip(t, place, baresipG722, tones[0])
	second := startBaresip(t, place, baresipPCMU, tones[1])
	turnedAway := func(who *baresip, want string) {
		t.Helper()
		if got := who.refused(t, c.uri("live")); !strings.HasPrefix(got, want) {
			t.Errorf("the call is refused with %q, want %s", got, want)
		}
	}
	turnedAway(first, "480")
	d.set("live", client.RoomFields{Locked: client.Set(false), Admission: client.Set(client.RoomFieldsAdmissionInvited)})
	turnedAway(first, "403")
	d.set("live", client.RoomFields{Admission: client.Null[client.RoomFieldsAdmission](), MaxParticipants: client.Set(int64(1))})
	one := c.enter(t, s, first, "live")
	turnedAway(second, "486")

	// A locked room still takes whom it calls itself.
	port := place.freePort(t)
	third := startSipp(t, place, sippRun{scenario: "answer.xml", port: port, room: "third", transport: "u1", calls: 1, rate: 1, freq: tones[2]})
	third.listens(t, port)
	d.set("live", client.RoomFields{Locked: client.Set(true), MaxParticipants: client.Set(int64(3))})
	called := d.dial("live", client.Dial{To: uri("third", hostPort(place.ip, port))})
	s.of("participant.joined", called.ID)
	d.set("live", client.RoomFields{Locked: client.Set(false), MutedOnEntry: client.Set(true)})
	two := c.enter(t, s, second, "live")
	if !two.Muted || one.Muted {
		t.Errorf("who came before is muted: %v, who came after: %v", one.Muted, two.Muted)
	}
	hears(t, first, "who came first", expect(tones, tones[2]))
	d.patch(two, client.ParticipantFields{Muted: client.Set(false)})
	hears(t, first, "who came first, all unmuted", expect(tones, tones[1:]...))

	for _, want := range []client.RoomFieldsSampleRate{16000, 8000} {
		d.set("live", client.RoomFields{SampleRate: client.Set(want)})
		eventually(t, 10*time.Second, "the rate of the mix", func() error {
			a, err := d.GetRoomWithResponse(t.Context(), "live")
			d.must(a, err)
			if a.JSON200.Rate != client.RoomRate(want) {
				return fmt.Errorf("it is %d, want %d", a.JSON200.Rate, want)
			}
			return nil
		})
	}
	hears(t, first, "who came first, at another rate", expect(tones, tones[1:]...))

	d.set("live", client.RoomFields{EmptyTimeout: client.Set(0.2)})
	for _, p := range []*client.Participant{one, two, called} {
		d.remove(p, "that is all")
	}
	if e := s.of("room.deleted", ""); e.Reason == nil || e.Reason.Code != "expired" {
		t.Errorf("the empty room is deleted by %+v", e.Reason)
	}
	d.refused("not_found")(d.GetRoomWithResponse(t.Context(), "live"))
	s.agrees(d)
	s.whole()
}
