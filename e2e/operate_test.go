package e2e

import (
	"context"
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/client"
	"github.com/confd/confd/internal/testkit/tone"
)

// TestDrainOverAPI: told to drain, the server takes no new calls, rooms or dial-outs, and
// says so; who is there goes on, until time is up and each is told why.
func TestDrainOverAPI(t *testing.T) {
	need(t, "baresip", "sipp")
	t.Parallel()
	place := newPlace(t)
	c := startConfd(t, place, serverOptions{})
	d := c.desk(t, "")
	s := d.watch(client.Follow{})
	d.room("last")
	tones := tone.Spread(2)
	there := startBaresip(t, place, baresipPCMU, tones[0])
	late := startBaresip(t, place, baresipPCMU, tones[0])
	c.enter(t, s, there, "last")
	speaker := c.speak(t, s, "last", tones[1], -20)

	drain := func(seconds float64) *client.DrainState {
		t.Helper()
		a, err := d.DrainWithResponse(t.Context(), nil, client.DrainRequest{Timeout: client.Set(seconds), Reason: new("maintenance")})
		d.must(a, err)
		return a.JSON200
	}
	if state := drain(60); !state.Draining || state.Participants != 2 || state.Until == nil {
		t.Errorf("draining is %+v", state)
	}
	if got := late.refused(t, c.uri("last")); !strings.HasPrefix(got, "503") {
		t.Errorf("a new call is refused with %q", got)
	}
	d.refused("draining")(d.CreateRoomWithResponse(t.Context(), nil, client.RoomCreate{}))
	d.refused("draining")(d.DialParticipantWithResponse(t.Context(), "last", nil, client.Dial{To: "sip:x@" + late.sip}))
	d.refused("not_ready")(d.ReadyWithResponse(t.Context()))
	hears(t, there, "who is there, while draining", expect(tones, tones[1]))

	drain(0.2) // the second replaces the first
	speaker.told(t, "maintenance")
	there.closed(t)
	eventually(t, 5*time.Second, "the end of draining", func() error {
		a, err := d.GetDrainWithResponse(t.Context())
		d.must(a, err)
		if a.JSON200.Participants != 0 {
			return fmt.Errorf("there are %d", a.JSON200.Participants)
		}
		return nil
	})
	s.whole()
}

// TestRestart: after a restart in the middle of calls there are the rooms that the API made,
// as they were, and the records of calls; there is no room that a call opened.
func TestRestart(t *testing.T) {
	need(t, "sipp")
	t.Parallel()
	place := newPlace(t)
	o := serverOptions{store: filepath.Join(t.TempDir(), "confd.db")}
	c := startConfd(t, place, o)
	d := c.desk(t, "")
	s := d.watch(client.Follow{})
	made := d.create(client.RoomCreate{
		ID: client.Set("kept"), Name: client.Set("Kept"), Talkers: client.Set(int64(3)), EmptyTimeout: client.Set(0.0),
		Metadata: client.Set(map[string]any{"n": 1.5}), Admission: client.Set(client.RoomCreateAdmissionPrivate),
	})
	d.room("gone")
	d.delete("gone", "")
	passing, kept := c.speak(t, s, "passing", 860, -20), c.speak(t, s, "kept", 860, -20)
	if err := c.terminate(15 * time.Second); err != nil {
		t.Fatal(err)
	}
	passing.told(t, "Server shutting down")
	kept.told(t, "Server shutting down")

	d = startConfd(t, place, o).desk(t, "")
	all := d.rooms()
	if len(all) != 1 || !all[0].Persistent || all[0].Conference != nil {
		t.Fatalf("there are %+v", all)
	}
	if got, want := fmt.Sprintf("%+v", all[0]), fmt.Sprintf("%+v", *made); got != want {
		t.Errorf("the room is\n%s, and was\n%s", got, want)
	}
	calls, err := d.ListCallsWithResponse(t.Context(), nil)
	d.must(calls, err)
	rooms := map[string]string{}
	for _, r := range calls.JSON200.Calls {
		rooms[r.ID] = r.Room
		if r.Outcome != client.CallRecordOutcomeAnswered || r.Reason.Code != "draining" || r.Duration <= 0 || r.Answered == nil {
			t.Errorf("a record is %+v", r)
		}
	}
	if len(rooms) != 2 || rooms[passing.ID] != "passing" || rooms[kept.ID] != "kept" {
		t.Errorf("there are records of %v", rooms)
	}
}

// TestKeys: a key opens what it is for and nothing else, from when it is made to when it is
// revoked.
func TestKeys(t *testing.T) {
	t.Parallel()
	c := startConfd(t, host(), serverOptions{env: []string{fmt.Sprintf("CONFD_HTTP_KEYS=boss:admin:%x", sha256.Sum256([]byte("open-sesame")))}})
	boss := c.desk(t, "open-sesame")
	boss.room("standup")
	boss.room("other")
	door := client.KeyCreate{Name: "door", Scope: client.KeyCreateScopeControl, Rooms: client.Set([]string{"standup"})}
	desks := map[string]desk{"boss": boss}
	ids := map[string]string{}
	for _, k := range []client.KeyCreate{{Name: "eye", Scope: client.KeyCreateScopeRead}, {Name: "desk", Scope: client.KeyCreateScopeControl}, door} {
		made, err := boss.CreateKeyWithResponse(t.Context(), nil, k)
		boss.must(made, err)
		desks[k.Name], ids[k.Name] = c.desk(t, *made.JSON201.Secret), made.JSON201.ID
	}
	for name, d := range desks {
		d.attempt(name)
		if rooms := d.rooms(); (len(rooms) == 1) != (name == "door") {
			t.Errorf("who has the key %s sees %d rooms", name, len(rooms))
		}
	}

	eye := desks["eye"]
	watching := eye.watch(client.Follow{})
	boss.must(boss.RevokeKeyWithResponse(t.Context(), ids["eye"]))
	eye.refused("unauthorized")(eye.ListRoomsWithResponse(t.Context(), nil))
	eventually(t, 10*time.Second, "the end of what the revoked key watches", func() error {
		if _, _, err := watching.sofar(); client.CodeOf(err) != "unauthorized" {
			return fmt.Errorf("its stream has the error %v", err)
		}
		return nil
	})
	guess := c.desk(t, "guess")
	guess.refused("unauthorized")(guess.ListRoomsWithResponse(t.Context(), nil))
}

// attempt tries what a key may be good for.
func (d desk) attempt(name string) {
	d.t.Helper()
	for _, x := range []struct {
		what string
		try  func(context.Context) (client.Answer, error)
		may  []string // keys
	}{
		{"read a room", func(ctx context.Context) (client.Answer, error) {
			return d.GetRoomWithResponse(ctx, "standup")
		}, []string{"eye", "desk", "door", "boss"}},
		{"lock a room", func(ctx context.Context) (client.Answer, error) {
			return d.PatchRoomWithResponse(ctx, "standup", nil, client.RoomFields{Locked: client.Set(true)})
		}, []string{"desk", "door", "boss"}},
		{"lock another room", func(ctx context.Context) (client.Answer, error) {
			return d.PatchRoomWithResponse(ctx, "other", nil, client.RoomFields{Locked: client.Set(true)})
		}, []string{"desk", "boss"}},
		{"read figures of the server", func(ctx context.Context) (client.Answer, error) {
			return d.GetStatsWithResponse(ctx)
		}, []string{"eye", "desk", "boss"}},
		{"change the log", func(ctx context.Context) (client.Answer, error) {
			return d.PatchLogWithResponse(ctx, client.LogPatch{Level: new(client.LogPatchLevelDebug)})
		}, []string{"boss"}},
		{"list keys", func(ctx context.Context) (client.Answer, error) {
			return d.ListKeysWithResponse(ctx, nil)
		}, []string{"boss"}},
	} {
		a, err := x.try(d.t.Context())
		err = client.Check(a, err)
		if may := slices.Contains(x.may, name); may && err != nil || !may && client.CodeOf(err) != "forbidden" {
			d.t.Errorf("who has the key %s and wants to %s: %v", name, x.what, err)
		}
	}
}
