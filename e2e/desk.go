package e2e

import (
	"net/http"
	"testing"
	"time"

	"github.com/confd/confd/client"
)

// desk steers a server with the client that is generated from its document. What is refused
// or fails ends the test.
type desk struct {
	*client.ClientWithResponses
	t *testing.T
}

// desk returns one with a key, "" for none.
func (c *confd) desk(t *testing.T, key string) desk {
	t.Helper()
	h := &http.Client{Transport: &http.Transport{
		DialContext: c.place.DialContext, MaxIdleConnsPerHost: 32, IdleConnTimeout: time.Second,
	}}
	t.Cleanup(h.CloseIdleConnections)
	api, err := client.New("http://"+c.http, key, client.WithHTTPClient(h))
	if err != nil {
		t.Fatal(err)
	}
	return desk{api, t}
}

// must ends the test unless what was asked for was done.
func (d desk) must(a client.Answer, err error) {
	d.t.Helper()
	if err := client.Check(a, err); err != nil {
		d.t.Fatalf("%s: %v", client.CodeOf(err), err)
	}
}

// refused fails the test unless the problem has the code.
func (d desk) refused(code string) func(client.Answer, error) {
	d.t.Helper()
	return func(a client.Answer, err error) {
		d.t.Helper()
		if got := client.CodeOf(client.Check(a, err)); got != code {
			d.t.Errorf("the problem is %q (%v), want %q", got, client.Check(a, err), code)
		}
	}
}

func (d desk) create(r client.RoomCreate) *client.Room {
	d.t.Helper()
	a, err := d.CreateRoomWithResponse(d.t.Context(), nil, r)
	d.must(a, err)
	return a.JSON201
}

// room makes one with an id and no more.
func (d desk) room(id string) *client.Room {
	d.t.Helper()
	return d.create(client.RoomCreate{ID: client.Set(id)})
}

func (d desk) set(room string, f client.RoomFields) *client.Room {
	d.t.Helper()
	a, err := d.PatchRoomWithResponse(d.t.Context(), room, nil, f)
	d.must(a, err)
	return a.JSON200
}

func (d desk) delete(room, why string) {
	d.t.Helper()
	d.must(d.DeleteRoomWithResponse(d.t.Context(), room, &client.DeleteRoomParams{Reason: &why}))
}

// rooms returns all rooms.
func (d desk) rooms() []client.Room {
	d.t.Helper()
	a, err := d.ListRoomsWithResponse(d.t.Context(), &client.ListRoomsParams{Limit: new(int64(500))})
	d.must(a, err)
	return a.JSON200.Rooms
}

// list returns who is in a room.
func (d desk) list(room string) []client.Participant {
	d.t.Helper()
	a, err := d.ListParticipantsWithResponse(d.t.Context(), room, &client.ListParticipantsParams{Limit: new(int64(500))})
	d.must(a, err)
	return a.JSON200.Participants
}

func (d desk) patch(p *client.Participant, f client.ParticipantFields) *client.Participant {
	d.t.Helper()
	a, err := d.PatchParticipantWithResponse(d.t.Context(), p.Room, p.ID, nil, f)
	d.must(a, err)
	return a.JSON200
}

// remove sends somebody away, or cancels a call.
func (d desk) remove(p *client.Participant, why string) {
	d.t.Helper()
	d.must(d.RemoveParticipantWithResponse(d.t.Context(), p.Room, p.ID, &client.RemoveParticipantParams{Reason: &why}))
}

func (d desk) move(p *client.Participant, to string) *client.Participant {
	d.t.Helper()
	a, err := d.MoveParticipantWithResponse(d.t.Context(), p.Room, p.ID, client.Move{Room: to})
	d.must(a, err)
	return a.JSON200
}

func (d desk) dial(room string, q client.Dial) *client.Participant {
	d.t.Helper()
	a, err := d.DialParticipantWithResponse(d.t.Context(), room, nil, q)
	d.must(a, err)
	if p := a.JSON201; p.Direction != client.ParticipantDirectionOutbound || p.State != client.ParticipantStateCalling && p.State != client.ParticipantStateRinging {
		d.t.Errorf("a call out is %s and %s at first", p.Direction, p.State)
	}
	return a.JSON201
}

func (d desk) play(room string, p client.Play) *client.Announcement {
	d.t.Helper()
	a, err := d.PlayWithResponse(d.t.Context(), room, nil, p)
	d.must(a, err)
	return a.JSON201
}
