package rooms

import (
	"context"
	"testing"
)

func TestPlay(t *testing.T) {
	h := newHouse(t, Config{})
	q := PlayRequest{Name: "welcome", Source: deafSource{}}
	if _, err := h.Play("a", q); CodeOf(err) != NotFound {
		t.Error(err)
	}
	mustCreate(t, h, "a", Settings{})
	if _, err := h.Play("a", q); CodeOf(err) != Conflict {
		t.Error(err)
	}
	p := mustJoin(t, h, request("a"))
	for field, bad := range map[string]PlayRequest{
		"name": {Name: "\n"}, "gain": {Gain: MaxGain + 1}, "to": {To: list("?")},
	} {
		bad.Source = deafSource{}
		if _, err := h.Play("a", bad); fieldOf(err) != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	events := watch(t, h.Registry, 64).Events()
	var all []*Announcement
	for range MaxPlaying {
		a, err := h.Play("a", q)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, a)
	}
	if _, err := h.Play("a", q); CodeOf(err) != Full {
		t.Error(err)
	}
	for range 2 {
		if err := all[0].Stop(context.Background(), Reason{Code: ReasonLeft}); err != nil {
			t.Error(err)
		}
	}
	mustLeave(t, p)
	for _, a := range all {
		<-a.Done()
	}
	got := next(t, events, 2*MaxPlaying+2)
	if e := got[MaxPlaying]; e.Kind != AnnouncementEnded || e.Announcement.ID != all[0].ID() || e.Reason.Code != ReasonLeft || e.Announcement.Name != "welcome" {
		t.Errorf("%+v", e)
	}
	if e := got[MaxPlaying+2]; e.Kind != AnnouncementEnded || e.Reason.Code != ReasonEmpty {
		t.Errorf("%+v", e)
	}
	if e := got[len(got)-1]; e.Kind != RoomClosed {
		t.Errorf("%+v", e)
	}
}
