package api

import (
	"context"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/confd/confd/rooms"
)

// fakeDialer lets a test play the far end.
type fakeDialer struct {
	calls  chan *fakeCall
	refuse error
}

type fakeCall struct {
	rooms.DialRequest
	rooms.Progress
	cancelled chan rooms.Reason
}

func (d *fakeDialer) Dial(_ context.Context, q rooms.DialRequest, p rooms.Progress) (rooms.Outgoing, error) {
	if d.refuse != nil {
		return nil, d.refuse
	}
	c := &fakeCall{q, p, make(chan rooms.Reason, 1)}
	d.calls <- c
	return c, nil
}

func (c *fakeCall) Cancel(why rooms.Reason) { c.cancelled <- why }

// fakeStore forgets, fails, or waits.
type fakeStore struct {
	fail error
	wait chan struct{} // if it is not nil, until it is closed
	busy chan struct{} // is closed then
}

func (s *fakeStore) change() error {
	if s.wait != nil {
		close(s.busy)
		<-s.wait
	}
	return s.fail
}

func (s *fakeStore) SaveRoom(rooms.Definition) error { return s.change() }
func (s *fakeStore) DeleteRoom(rooms.Name) error     { return s.change() }

// refusal is an error of a part of the server.
func refusal(code rooms.ErrorCode) error {
	return &rooms.Error{Code: code, Op: "test", Message: "the part says " + string(code)}
}

// fakeWebhooks keeps subscriptions in memory.
type fakeWebhooks struct {
	mu   sync.Mutex
	all  []Webhook
	dead []DeadLetter
	fail error // of every verb
}

// find returns the place of a subscription, and leaves the fakes locked.
func (f *fakeWebhooks) find(id string) (i int, unlock func(), err error) {
	f.mu.Lock()
	i = slices.IndexFunc(f.all, func(w Webhook) bool { return w.ID == id })
	if err = f.fail; err == nil && i < 0 {
		err = refusal(rooms.NotFound)
	}
	return i, f.mu.Unlock, err
}

func (f *fakeWebhooks) Create(w Webhook) (Webhook, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !strings.HasPrefix(w.URL, "https:") {
		return w, &rooms.Error{Code: rooms.Invalid, Op: "webhook", Field: "url", Message: "url: it is not https"}
	}
	w.ID, w.Version, w.Secret = "wh_1", 1, "whsec_x"
	f.all = append(f.all, w)
	return w, f.fail
}

func (f *fakeWebhooks) List() []Webhook {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.all)
}

func (f *fakeWebhooks) Get(id string) (w Webhook, err error) {
	i, unlock, err := f.find(id)
	defer unlock()
	if err == nil {
		w = f.all[i]
		w.Secret = ""
	}
	return w, err
}

func (f *fakeWebhooks) Update(id string, change func(*Webhook) error, v *uint64) (Webhook, error) {
	i, unlock, err := f.find(id)
	defer unlock()
	if err != nil {
		return Webhook{}, err
	}
	if v != nil && *v != f.all[i].Version {
		return Webhook{}, refusal(rooms.Conflict)
	}
	f.all[i].Version++
	return f.all[i], change(&f.all[i])
}

func (f *fakeWebhooks) Delete(id string, v *uint64) error {
	i, unlock, err := f.find(id)
	defer unlock()
	switch {
	case err != nil:
		return err
	case v != nil && *v != f.all[i].Version:
		return refusal(rooms.Conflict)
	}
	f.all = slices.Delete(f.all, i, i+1)
	return nil
}

func (f *fakeWebhooks) Test(_ context.Context, id string) (WebhookTest, error) {
	_, unlock, err := f.find(id)
	defer unlock()
	return WebhookTest{Delivered: true, Status: 200}, err
}

func (f *fakeWebhooks) DeadLetters(id string) ([]DeadLetter, error) {
	_, unlock, err := f.find(id)
	defer unlock()
	return slices.Clone(f.dead), err
}

func (f *fakeWebhooks) Redeliver(id, letter string) error { return f.letter(id, letter) }
func (f *fakeWebhooks) Discard(id, letter string) error   { return f.letter(id, letter) }

func (f *fakeWebhooks) letter(id, letter string) error {
	_, unlock, err := f.find(id)
	defer unlock()
	if err == nil && !slices.ContainsFunc(f.dead, func(d DeadLetter) bool { return d.ID == letter }) {
		err = refusal(rooms.NotFound)
	}
	return err
}

// fakeSounds has one file and plays nothing.
type fakeSounds struct {
	registry *rooms.Registry
	playing  []rooms.AnnouncementSnapshot
	saved    []byte
	fail     error // of what is changed
}

func (f *fakeSounds) List() ([]Sound, error) { return []Sound{{Name: "a.wav", Duration: 1}}, nil }
func (f *fakeSounds) MaxSize() int64         { return 1000 }

func (f *fakeSounds) Save(_ context.Context, name string, r io.Reader) (s Sound, err error) {
	if f.fail != nil {
		return s, f.fail
	}
	f.saved, err = io.ReadAll(r)
	return Sound{Name: name, Size: int64(len(f.saved))}, err
}

func (f *fakeSounds) Delete(name string) error {
	if f.fail == nil && name != "a.wav" {
		return refusal(rooms.NotFound)
	}
	return f.fail
}

func (f *fakeSounds) Play(_ context.Context, room rooms.Name, q PlayRequest) (a rooms.AnnouncementSnapshot, err error) {
	switch r, err := f.registry.Get(room); {
	case err != nil:
		return a, err
	case f.fail != nil:
		return a, f.fail
	case r.Count == 0:
		return a, refusal(rooms.Conflict)
	}
	a = rooms.AnnouncementSnapshot{ID: "a1", Name: q.File, To: q.To, Started: time.Unix(1, 0)}
	f.playing = append(f.playing, a)
	return a, nil
}

func (f *fakeSounds) Playing(room rooms.Name) ([]rooms.AnnouncementSnapshot, error) {
	_, err := f.registry.Get(room)
	return f.playing, err
}

func (f *fakeSounds) Stop(_ context.Context, room rooms.Name, id string) error {
	i := slices.IndexFunc(f.playing, func(a rooms.AnnouncementSnapshot) bool { return a.ID == id })
	switch {
	case f.fail != nil:
		return f.fail
	case i < 0:
		return refusal(rooms.NotFound)
	}
	f.playing = slices.Delete(f.playing, i, i+1)
	return nil
}

// fakeCalls has one call and one conference, and remembers what it was asked.
type fakeCalls struct {
	asked RecordQuery
	fail  error
}

var (
	aCall = rooms.CallRecord{
		ID: "c1", Room: "a", Rooms: []rooms.Name{"lobby", "a"}, Conference: "k1", Outcome: rooms.OutcomeAnswered,
		Info:     rooms.Info{URI: "sip:anna@example.com", Direction: rooms.Inbound},
		Answered: time.Unix(10, 0), Ended: time.Unix(12, 0),
	}
	aConference = rooms.ConferenceRecord{ID: "k1", Room: "a", Opened: time.Unix(10, 0), Ended: time.Unix(12, 0)}
)

func (f *fakeCalls) look(q RecordQuery) error {
	f.asked = q
	if q.After == "bad" {
		return &rooms.Error{Code: rooms.Invalid, Op: "calls", Field: "after", Message: "after: it is no cursor"}
	}
	return f.fail
}

func (f *fakeCalls) Calls(q RecordQuery) ([]rooms.CallRecord, string, error) {
	if err := f.look(q); err != nil || !q.TakesCall(aCall) {
		return nil, "", err
	}
	return []rooms.CallRecord{aCall}, "more", nil
}

func (f *fakeCalls) Conferences(q RecordQuery) ([]rooms.ConferenceRecord, string, error) {
	if err := f.look(q); err != nil || !q.TakesConference(aConference) {
		return nil, "", err
	}
	return []rooms.ConferenceRecord{aConference}, "", nil
}

func (f *fakeCalls) Call(id string) (rooms.CallRecord, error) {
	return aCall, f.found(id == aCall.ID)
}

func (f *fakeCalls) Conference(id string) (rooms.ConferenceRecord, error) {
	return aConference, f.found(id == aConference.ID)
}

func (f *fakeCalls) found(is bool) error {
	if f.fail == nil && !is {
		return refusal(rooms.NotFound)
	}
	return f.fail
}
