package api

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/confd/confd/rooms"
)

func TestRoomFromBirthToEnd(t *testing.T) {
	b := newBench(t, nil)
	var made, read Room
	w := b.want(201, "POST", "/v1/rooms", `{"id":"StandUp","name":"Daily","empty_timeout":300,"metadata":{"a":1},"admission":"anyone"}`, &made)
	if made.ID != "standup" || made.EmptyTimeout != 300 || !made.Persistent || made.Admission != "anyone" || w.Header().Get("Location") != "/v1/rooms/standup" {
		t.Errorf("%+v %v", made, w.Header())
	}
	tag := w.Header().Get("ETag")
	if r := b.want(200, "GET", "/v1/rooms/standup", "", &read); r.Header().Get("ETag") != tag || !reflect.DeepEqual(made, read) {
		t.Errorf("read %+v, made %+v", read, made)
	}
	w = b.want(200, "PATCH", "/v1/rooms/standup", `{"locked":true}`, &read, "If-Match", tag)
	if !read.Locked || read.Name != "Daily" || w.Header().Get("ETag") == tag {
		t.Errorf("%+v", read)
	}
	wantProblem(t, b.do("PATCH", "/v1/rooms/standup", `{"locked":false}`, "If-Match", tag), 412, "precondition_failed")
	wantProblem(t, b.do("DELETE", "/v1/rooms/standup", "", "If-Match", tag), 412, "precondition_failed")
	wantProblem(t, b.do("DELETE", "/v1/rooms/standup", "", "If-Match", "W/\"5\""), 412, "precondition_failed")
	b.want(200, "PATCH", "/v1/rooms/standup", `{"locked":false}`, nil, "If-Match", "*", "Content-Type", "application/merge-patch+json")
	b.want(204, "DELETE", "/v1/rooms/standup", "", nil, "If-Match", w.Header().Get("ETag")[:0]+"*")
	wantProblem(t, b.do("GET", "/v1/rooms/standup", ""), 404, "not_found")
}

// RFC 7396: what is left out stays, null resets, a value replaces.
func TestMergePatchOfRooms(t *testing.T) {
	const full = `{"id":"a","name":"d","max_participants":5,"admission":"private","locked":true,"muted_on_entry":true,"talkers":3,"sample_rate":16000,"empty_timeout":1.5,"metadata":{"k":1}}`
	for _, c := range []struct {
		patch string
		want  func(*Room)
	}{
		{`{}`, func(*Room) {}},
		{`{"name":null}`, func(r *Room) { r.Name = "" }},
		{`{"name":""}`, func(r *Room) { r.Name = "" }},
		{`{"max_participants":null}`, func(r *Room) { r.MaxParticipants = 0 }},
		{`{"admission":null}`, func(r *Room) { r.Admission = "anyone" }},
		{`{"admission":"invited"}`, func(r *Room) { r.Admission = "invited" }},
		{`{"locked":null,"muted_on_entry":null}`, func(r *Room) { r.Locked, r.MutedOnEntry = false, false }},
		{`{"talkers":null}`, func(r *Room) { r.Talkers = 0 }},
		{`{"sample_rate":null}`, func(r *Room) { r.SampleRate = 0 }},
		{`{"empty_timeout":null}`, func(r *Room) { r.EmptyTimeout = 0 }},
		{`{"empty_timeout":0.25}`, func(r *Room) { r.EmptyTimeout = 0.25 }},
		{`{"metadata":null}`, func(r *Room) { r.Metadata = object("{}") }},
		{`{"metadata":{"x":{"y":null}}}`, func(r *Room) { r.Metadata = object(`{"x":{"y":null}}`) }},
	} {
		b := newBench(t, nil)
		var want, got Room
		b.want(201, "POST", "/v1/rooms", full, &want)
		b.want(200, "PATCH", "/v1/rooms/a", c.patch, &got)
		c.want(&want)
		if c.patch == `{}` && got.Version != want.Version {
			t.Error("an empty patch makes a new version")
		}
		want.Version, want.Updated = got.Version, got.Updated
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", c.patch, got, want)
		}
	}
}

func TestMergePatchOfParticipants(t *testing.T) {
	none, group := []string{}, []string{"group:x"}
	b := newBench(t, nil)
	p := b.join("a", "anna")
	path := "/v1/rooms/a/participants/" + p.ID()
	var before Participant
	b.want(200, "GET", path, "", &before)
	if before.Stats == nil || before.Stats.Level != -127 || before.DisplayName != "anna" || before.State != "connected" {
		t.Errorf("%+v", before)
	}
	want := before
	want.Stats = nil
	for _, c := range []struct {
		patch string
		want  func(*Participant)
	}{
		{`{"muted":true,"deaf":true}`, func(p *Participant) { p.Muted, p.Deaf = true, true }},
		{`{"muted":null}`, func(p *Participant) { p.Muted = false }},
		{`{"held":true}`, func(p *Participant) { p.Held, p.State = true, "held" }},
		{`{"held":false}`, func(p *Participant) { p.Held, p.State = false, "connected" }},
		{`{"display_name":"A","role":"boss","metadata":{"x":1}}`, func(p *Participant) { p.DisplayName, p.Role, p.Metadata = "A", "boss", object(`{"x":1}`) }},
		{`{"display_name":null,"role":null}`, func(p *Participant) { p.DisplayName, p.Role = "anna", "" }},
		{`{"input_gain":-60,"output_gain":20}`, func(p *Participant) { p.InputGain, p.OutputGain = -60, 20 }},
		{`{"hears":[],"heard_by":["group:x"]}`, func(p *Participant) { p.Hears, p.HeardBy = &none, &group }},
		{`{"hears":null}`, func(p *Participant) { p.Hears = nil }},
		{`{"groups":["b","a","b"],"pinned":true}`, func(p *Participant) { p.Groups, p.Pinned = []string{"a", "b"}, true }},
		{`{"groups":null}`, func(p *Participant) { p.Groups = []string{} }},
	} {
		var got Participant
		b.want(200, "PATCH", path, c.patch, &got)
		c.want(&want)
		want.Version = got.Version
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", c.patch, got, want)
		}
	}
}

func TestDialOut(t *testing.T) {
	b := newBench(t, nil)
	b.want(201, "POST", "/v1/rooms", `{"id":"a"}`, nil)
	var made Participant
	w := b.want(201, "POST", "/v1/rooms/a/participants", `{"to":"sip:anna@h","from":"7","caller_name":"C","headers":{"X-A":"b"},"timeout":2.5,"username":"u","password":"p","muted":true,"role":"guest"}`, &made)
	c := <-b.dialer.calls
	q := c.DialRequest
	if q.To != "sip:anna@h" || q.From != "7" || q.DisplayName != "C" || q.Headers["X-A"] != "b" || q.Timeout != 2500*time.Millisecond || q.Username != "u" || q.Password != "p" || q.Room != "a" {
		t.Errorf("dialled %+v", q)
	}
	if made.State != "calling" || !made.Muted || made.Role != "guest" || made.Stats != nil || w.Header().Get("Location") != "/v1/rooms/a/participants/"+made.ID {
		t.Errorf("%+v", made)
	}
	c.Ringing(false)
	path := "/v1/rooms/a/participants/" + made.ID
	b.want(200, "GET", path, "", &made)
	if made.State != "ringing" {
		t.Errorf("state %s", made.State)
	}
	if _, err := c.Answered(rooms.Info{URI: "sip:anna@h"}, phone(), nil); err != nil {
		t.Fatal(err)
	}
	b.want(200, "GET", path, "", &made)
	if made.State != "connected" || made.Direction != "outbound" || !made.Muted {
		t.Errorf("%+v", made)
	}
	b.want(201, "POST", "/v1/rooms/a/participants", `{"to":"sip:ben@h"}`, &made)
	c = <-b.dialer.calls
	b.want(204, "DELETE", "/v1/rooms/a/participants/"+made.ID+"?reason=never+mind", "", nil)
	if why := <-c.cancelled; why.Text != "never mind" {
		t.Errorf("cancelled for %+v", why)
	}
	b.dialer.refuse = &rooms.Error{Code: rooms.Invalid, Op: "dial", Field: "to", Message: "to: it is no SIP URI"}
	p := wantProblem(t, b.do("POST", "/v1/rooms/a/participants", `{"to":"nonsense"}`), 422, "invalid")
	if p.Field != "to" || p.Errors[0].Detail != "it is no SIP URI" {
		t.Errorf("%+v", p)
	}
}

// A dial-out that nobody answers ends by itself, and its room goes on.
func TestDialOutToNowhere(t *testing.T) {
	b := newBench(t, nil)
	b.want(201, "POST", "/v1/rooms", `{"id":"a"}`, nil)
	events := b.registry.Subscribe(rooms.SubscribeOptions{Live: true})
	defer events.Close()
	var p Participant
	b.want(201, "POST", "/v1/rooms/a/participants", `{"to":"sip:nobody@192.0.2.1","timeout":1}`, &p)
	for e := range events.Events() {
		if e.Kind == rooms.ParticipantFailed {
			if f := EventOf(e).Failure; e.Participant.ID != p.ID || f.Outcome != "unanswered" {
				t.Errorf("%+v", f)
			}
			break
		}
	}
	wantProblem(t, b.do("GET", "/v1/rooms/a/participants/"+p.ID, ""), 404, "not_found")
	b.want(204, "DELETE", "/v1/rooms/a", "", nil)
}

// A patch that races with leaving takes effect, or tells that nobody is there.
func TestPatchRacesWithLeave(t *testing.T) {
	b := newBench(t, nil)
	b.want(201, "POST", "/v1/rooms", `{"id":"a"}`, nil)
	came := map[int]int{}
	for i := range 100 {
		p := b.join("a", "anna")
		path := "/v1/rooms/a/participants/" + p.ID()
		patched, gone := make(chan int), make(chan error)
		go func() { patched <- b.do("PATCH", path, `{"muted":true,"hears":[]}`).Code }()
		go func() {
			if i%2 == 0 {
				b.do("DELETE", path, "")
			}
			gone <- p.Leave(context.Background(), rooms.Reason{Code: rooms.ReasonLeft})
		}()
		if err := <-gone; err != nil {
			t.Error(err)
		}
		came[<-patched]++
	}
	if came[200]+came[404] != 100 {
		t.Errorf("statuses %v", came)
	}
	var room Room
	if b.want(200, "GET", "/v1/rooms/a", "", &room); room.ParticipantCount != 0 {
		t.Errorf("%+v", room)
	}
}

func TestPages(t *testing.T) {
	b := newBench(t, nil)
	for i := range 7 {
		b.want(201, "POST", "/v1/rooms", fmt.Sprintf(`{"id":"x%d"}`, i), nil)
		b.join("x0", fmt.Sprint(i))
	}
	b.want(201, "POST", "/v1/rooms", `{"id":"y"}`, nil)
	var names []string
	for after := ""; ; {
		var page struct {
			Rooms []Room
			Next  string
		}
		b.want(200, "GET", "/v1/rooms?id_prefix=X&limit=3&after="+after, "", &page)
		for _, r := range page.Rooms {
			names = append(names, r.ID)
		}
		if after = page.Next; after == "" {
			break
		}
	}
	if got := strings.Join(names, " "); got != "x0 x1 x2 x3 x4 x5 x6" {
		t.Errorf("rooms %s", got)
	}
	names = nil
	for after := ""; ; {
		var page struct {
			Participants []Participant
			Next         string
		}
		b.want(200, "GET", "/v1/rooms/x0/participants?limit=3&after="+after, "", &page)
		for _, p := range page.Participants {
			names = append(names, p.DisplayName)
		}
		b.want(204, "DELETE", "/v1/rooms/x0/participants/"+page.Participants[len(page.Participants)-1].ID, "", nil)
		if after = page.Next; after == "" {
			break
		}
	}
	if got := strings.Join(names, " "); got != "0 1 2 3 4 5 6" {
		t.Errorf("participants %s", got)
	}
}

func TestIdempotency(t *testing.T) {
	b := newBench(t, nil)
	var first, again Room
	w1 := b.want(201, "POST", "/v1/rooms", `{}`, &first, "Idempotency-Key", "k")
	w2 := b.want(201, "POST", "/v1/rooms", `{}`, &again, "Idempotency-Key", "k")
	if first.ID != again.ID || w2.Header().Get("Idempotency-Replayed") != "true" || w2.Header().Get("ETag") != w1.Header().Get("ETag") {
		t.Errorf("%+v, then %+v %v", first, again, w2.Header())
	}
	// What failed may be tried again.
	b.want(422, "POST", "/v1/rooms", `{"talkers":99}`, nil, "Idempotency-Key", "l")
	b.want(201, "POST", "/v1/rooms", `{"talkers":9}`, nil, "Idempotency-Key", "l")
	// At the same time: one room.
	var all sync.WaitGroup
	names := make(chan string, 20)
	for range 20 {
		all.Go(func() {
			var r Room
			_ = json.Unmarshal(b.do("POST", "/v1/rooms", `{}`, "Idempotency-Key", "m").Body.Bytes(), &r)
			names <- r.ID
		})
	}
	all.Wait()
	close(names)
	one := <-names
	for n := range names {
		if n != one || n == "" {
			t.Errorf("rooms %q and %q", one, n)
		}
	}
	// After a day it is another request.
	b.replays.now = func() time.Time { return time.Now().Add(25 * time.Hour) }
	b.want(201, "POST", "/v1/rooms", `{}`, &again, "Idempotency-Key", "k")
	if again.ID == first.ID {
		t.Error("an answer is repeated after a day")
	}
}

func TestReplaysAreBounded(t *testing.T) {
	var c replays
	for i := range replayAnswers + 10 {
		e, _ := c.begin(fmt.Sprint(i), [32]byte{})
		c.run(e, httptest.NewRecorder(), func(w http.ResponseWriter) { w.WriteHeader(http.StatusOK) })
	}
	if len(c.by) != replayAnswers || c.order.Len() != replayAnswers {
		t.Errorf("%d kept", len(c.by))
	}
}

func TestMovesAndOperation(t *testing.T) {
	b := newBench(t, nil)
	b.want(201, "POST", "/v1/rooms", `{"id":"b"}`, nil)
	p := b.join("a", "anna")
	var moved Participant
	w := b.want(200, "POST", "/v1/rooms/a/participants/"+p.ID()+"/move", `{"room":"B"}`, &moved)
	if moved.Room != "b" || moved.ID != p.ID() || w.Header().Get("Location") != "/v1/rooms/b/participants/"+p.ID() {
		t.Errorf("%+v", moved)
	}
	wantProblem(t, b.do("POST", "/v1/rooms/b/participants/"+p.ID()+"/move", `{"room":"c"}`), 404, "not_found")
	var stats Stats
	b.want(200, "GET", "/v1/stats", "", &stats)
	if stats.Participants != 1 || stats.Joined != 1 || stats.Events == 0 || stats.Draining {
		t.Errorf("%+v", stats)
	}
	var log LogSettings
	b.want(200, "PATCH", "/v1/log", `{"level":"debug"}`, &log)
	if log.Level != "debug" || b.level.Level() != slog.LevelDebug {
		t.Errorf("%+v, %v", log, b.level)
	}
	var state DrainState
	b.want(200, "POST", "/v1/drain", `{"timeout":3600}`, &state)
	if !state.Draining || state.Participants != 1 || state.Until == nil {
		t.Errorf("%+v", state)
	}
	b.want(200, "POST", "/v1/drain", `{"timeout":null}`, &state)
	b.want(200, "POST", "/v1/drain", `{"timeout":0,"reason":"bye"}`, nil)
	<-p.Done()
	b.want(200, "GET", "/v1/rooms/b", "", nil) // made over the API: it stays
}

func TestOtherResources(t *testing.T) {
	b := newBench(t, nil)
	b.join("a", "anna")
	var hook Webhook
	w := b.want(201, "POST", "/v1/webhooks", `{"url":"https://app.example/x","kinds":["room."]}`, &hook)
	if hook.Secret == "" || w.Header().Get("Location") != "/v1/webhooks/wh_1" || w.Header().Get("ETag") != `"1"` {
		t.Errorf("%+v %v", hook, w.Header())
	}
	wantProblem(t, b.do("PATCH", "/v1/webhooks/wh_1", `{"disabled":true}`, "If-Match", `"7"`), 412, "precondition_failed")
	b.want(200, "PATCH", "/v1/webhooks/wh_1", `{"disabled":true}`, nil, "If-Match", `"1"`)
	b.want(200, "POST", "/v1/webhooks/wh_1/test", "", nil)
	b.hooks.dead = []DeadLetter{{ID: "d1", Event: DeadEvent([]byte(`{"kind":"x"}`))}, {ID: "d2"}}
	var dead struct {
		DeadLetters []DeadLetter `json:"dead_letters"`
		Next        string
	}
	b.want(200, "GET", "/v1/webhooks/wh_1/dead-letters?limit=1", "", &dead)
	if len(dead.DeadLetters) != 1 || dead.Next != "d1" || string(dead.DeadLetters[0].Event) != `{"kind":"x"}` {
		t.Errorf("%+v", dead)
	}
	b.want(204, "POST", "/v1/webhooks/wh_1/dead-letters/d1/redeliver", "", nil)
	b.want(204, "DELETE", "/v1/webhooks/wh_1/dead-letters/d1", "", nil)
	b.want(204, "DELETE", "/v1/webhooks/wh_1", "", nil)
	wantProblem(t, b.do("GET", "/v1/webhooks/wh_1", ""), 404, "not_found")

	w = b.want(201, "POST", "/v1/rooms/a/announcements", `{"file":"a.wav","to":[],"loop":true}`, nil)
	at := w.Header().Get("Location")
	b.want(200, "GET", at, "", nil)
	b.want(200, "GET", "/v1/rooms/a/announcements", "", nil)
	b.want(204, "DELETE", at, "", nil)
	wantProblem(t, b.do("GET", at, ""), 404, "not_found")
	b.want(200, "PUT", "/v1/sounds/b.wav", strings.Repeat("x", 1000), nil, "Content-Type", "audio/wav")
	if len(b.sounds.saved) != 1000 {
		t.Errorf("%d bytes arrived", len(b.sounds.saved))
	}
	wantProblem(t, b.do("PUT", "/v1/sounds/b.wav", strings.Repeat("x", 1001)), 413, "too_large")
	b.want(200, "GET", "/v1/sounds", "", nil)
	b.want(204, "DELETE", "/v1/sounds/a.wav", "", nil)
}
