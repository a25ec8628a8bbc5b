package api

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/confd/confd/media"
	"github.com/confd/confd/mixer"
	"github.com/confd/confd/rooms"
)

// bench is a server on a real registry whose mixer runs.
type bench struct {
	*Server
	t        testing.TB
	registry *rooms.Registry
	dialer   *fakeDialer
	level    *slog.LevelVar
	hooks    *fakeWebhooks
	sounds   *fakeSounds
	records  *fakeCalls
}

func newBench(t testing.TB, change func(*Config, *rooms.Config)) *bench {
	t.Helper()
	engine, err := mixer.New(mixer.Config{Workers: 1, Period: 10 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	engine.Start()
	quiet := slog.New(slog.DiscardHandler)
	b := &bench{t: t, dialer: &fakeDialer{calls: make(chan *fakeCall, 16)}, level: new(slog.LevelVar),
		hooks: &fakeWebhooks{}, sounds: &fakeSounds{}, records: &fakeCalls{}}
	rc := rooms.Config{Engine: engine, Open: rooms.OpenAnyone, Logger: quiet, MaxPerRoom: 50, MaxRooms: 100}
	c := Config{Engine: engine, Logger: quiet, Keys: newRing(t, nil, nil), LogLevel: b.level, Calls: b.records, Webhooks: b.hooks, Sounds: b.sounds, Announcer: b.sounds}
	if change != nil {
		change(&c, &rc)
	}
	b.registry = rooms.New(rc)
	b.registry.SetDialer(b.dialer)
	c.Registry = b.registry
	if b.Server, err = New(c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		b.registry.Close()
		engine.Close()
	})
	return b
}

// do asks from loopback; headers are name, value, name, value.
func (b *bench) do(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Host, r.RemoteAddr = "localhost:8080", "127.0.0.1:9"
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	b.Handler().ServeHTTP(w, r)
	return w
}

// want asks, and wants a status; the answer's body goes into to, if it is not nil.
func (b *bench) want(status int, method, path, body string, to any, headers ...string) *httptest.ResponseRecorder {
	b.t.Helper()
	w := b.do(method, path, body, headers...)
	if w.Code != status {
		b.t.Fatalf("%s %s %s: %d %s, want %d", method, path, body, w.Code, w.Body, status)
	}
	if to != nil {
		d := json.NewDecoder(bytes.NewReader(w.Body.Bytes()))
		d.DisallowUnknownFields()
		if err := d.Decode(to); err != nil {
			b.t.Fatalf("%s %s: %v in %s", method, path, err, w.Body)
		}
	}
	return w
}

// mute is a phone that says nothing and takes everything.
type silent struct{}

func (silent) Poll(int64, int, media.Receiver) int { return 0 }
func (silent) Send(*media.Outgoing)                {}

var pcmu = media.Format{Codec: media.PCMU, ClockRate: 8000, SampleRate: 8000, Channels: 1, PacketTime: 20 * time.Millisecond}

func phone() rooms.Media {
	m := rooms.Media{Source: silent{}, Sink: silent{}, Send: mixer.OutputConfig{Format: pcmu}}
	m.Receive.Formats[0] = pcmu
	return m
}

// join has a phone call a room.
func (b *bench) join(room rooms.Name, name string) *rooms.Participant {
	b.t.Helper()
	p, err := b.registry.Join(context.Background(), rooms.JoinRequest{
		Room: room, Trusted: true, Media: phone(), Info: rooms.Info{URI: "sip:" + name + "@example.com", DisplayName: name, Direction: rooms.Inbound},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return p
}

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

// fakeWebhooks keeps subscriptions in memory.
type fakeWebhooks struct {
	mu   sync.Mutex
	all  []Webhook
	dead []DeadLetter
}

func missingHook() error {
	return &rooms.Error{Code: rooms.NotFound, Op: "webhook", Message: "there is no subscription of that id"}
}

func (f *fakeWebhooks) find(id string) (int, error) {
	for i := range f.all {
		if f.all[i].ID == id {
			return i, nil
		}
	}
	return 0, missingHook()
}

func (f *fakeWebhooks) Create(w Webhook) (Webhook, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !strings.HasPrefix(w.URL, "https:") {
		return w, &rooms.Error{Code: rooms.Invalid, Op: "webhook", Field: "url", Message: "url: it is not https"}
	}
	w.ID, w.Version, w.Secret = "wh_1", 1, "whsec_x"
	f.all = append(f.all, w)
	return w, nil
}

func (f *fakeWebhooks) List() []Webhook { return f.all }

func (f *fakeWebhooks) Get(id string) (Webhook, error) {
	i, err := f.find(id)
	if err != nil {
		return Webhook{}, err
	}
	w := f.all[i]
	w.Secret = ""
	return w, nil
}

func (f *fakeWebhooks) Update(id string, change func(*Webhook) error, v *uint64) (Webhook, error) {
	i, err := f.find(id)
	if err != nil {
		return Webhook{}, err
	}
	if v != nil && *v != f.all[i].Version {
		return Webhook{}, &rooms.Error{Code: rooms.Conflict, Op: "webhook", Message: "it is of another version"}
	}
	f.all[i].Version++
	return f.all[i], change(&f.all[i])
}

func (f *fakeWebhooks) Delete(id string, _ *uint64) error {
	i, err := f.find(id)
	if err == nil {
		f.all = append(f.all[:i], f.all[i+1:]...)
	}
	return err
}

func (f *fakeWebhooks) Test(_ context.Context, id string) (WebhookTest, error) {
	_, err := f.find(id)
	return WebhookTest{Delivered: true, Status: 200}, err
}

func (f *fakeWebhooks) DeadLetters(id string) ([]DeadLetter, error) {
	_, err := f.find(id)
	return f.dead, err
}

func (f *fakeWebhooks) Redeliver(id, letter string) error { _, err := f.find(id); return err }
func (f *fakeWebhooks) Discard(id, letter string) error   { _, err := f.find(id); return err }

// fakeSounds plays nothing.
type fakeSounds struct {
	playing []rooms.AnnouncementSnapshot
	saved   []byte
}

func (f *fakeSounds) List() ([]Sound, error) { return []Sound{{Name: "a.wav", Duration: 1}}, nil }
func (f *fakeSounds) MaxSize() int64         { return 1000 }

func (f *fakeSounds) Save(_ context.Context, name string, r io.Reader) (s Sound, err error) {
	f.saved, err = io.ReadAll(r)
	return Sound{Name: name, Size: int64(len(f.saved))}, err
}

func (f *fakeSounds) Delete(name string) error {
	if name != "a.wav" {
		return &rooms.Error{Code: rooms.NotFound, Op: "sound", Message: "there is no sound file of that name"}
	}
	return nil
}

func (f *fakeSounds) Play(_ context.Context, room rooms.Name, q PlayRequest) (rooms.AnnouncementSnapshot, error) {
	a := rooms.AnnouncementSnapshot{ID: "a1", Name: q.File, To: q.To, Started: time.Unix(1, 0)}
	f.playing = append(f.playing, a)
	return a, nil
}

func (f *fakeSounds) Playing(rooms.Name) ([]rooms.AnnouncementSnapshot, error) { return f.playing, nil }
func (f *fakeSounds) Stop(context.Context, rooms.Name, string) error           { f.playing = nil; return nil }

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
		return &rooms.Error{Code: rooms.NotFound, Op: "calls", Message: "there is no such record"}
	}
	return f.fail
}
