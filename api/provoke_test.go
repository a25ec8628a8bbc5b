package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/multicast"
	"github.com/confd/confd/rooms"
)

// scene is a server where every operation has something to work on.
type scene struct {
	*bench
	in     rooms.Name // which room the paths mean
	id     string     // of the participant in it
	key    string     // the id of one
	groups *multicast.Host
}

func newScene(t testing.TB, asleep bool) *scene {
	t.Helper()
	groups := newGroups(t)
	b, start := newStillBench(t, func(c *Config, rc *rooms.Config) {
		c.NotReady = func() []Reason { return nil }
		rc.MaxRooms, rc.MaxPerRoom, rc.Groups = 3, 100, groups
	})
	if !asleep {
		start()
	}
	b.want(201, "POST", "/v1/rooms", `{"id":"a","multicast":{"srtp":true}}`, nil)
	b.want(201, "POST", "/v1/rooms", `{"id":"b","multicast":{"group":"239.255.1.1"}}`, nil)
	b.want(201, "POST", "/v1/webhooks", `{"url":"https://app.example/x"}`, nil)
	b.hooks.dead = []DeadLetter{{ID: "dl_1"}}
	var key AccessKey
	b.want(201, "POST", "/v1/keys", bodies["create-key"], &key)
	s := &scene{b, "a", b.join("a", "anna").ID(), key.ID, groups}
	b.want(201, "POST", "/v1/rooms/a/announcements", `{"file":"a.wav"}`, nil)
	return s
}

// request is an operation that is asked for.
type request struct {
	id, method, path, body string
}

// bodies are good ones, of those operations that take one.
var bodies = map[string]string{
	"create-room": `{}`, "patch-room": `{"locked":true}`,
	"dial-participant": `{"to":"sip:x@example.com"}`, "patch-participant": `{"muted":true}`, "move-participant": `{"room":"b"}`,
	"play": `{"file":"a.wav"}`, "upload-sound": "sound", "create-webhook": `{"url":"https://app.example/y"}`, "patch-webhook": `{"disabled":true}`,
	"create-key": `{"name":"wallboard","scope":"read"}`, "drain": `{"timeout":60}`, "patch-log": `{"level":"debug"}`,
}

// ids name what is there, by the beginning of the path.
func (s *scene) ids(path string) *strings.Replacer {
	id := "wh_1"
	switch {
	case strings.Contains(path, "/participants/"):
		id = s.id
	case strings.Contains(path, "/announcements/"):
		id = "a1"
	case strings.HasPrefix(path, "/v1/keys/"):
		id = s.key
	case strings.HasPrefix(path, "/v1/calls/"):
		id = "c1"
	case strings.HasPrefix(path, "/v1/conferences/"):
		id = "k1"
	}
	return strings.NewReplacer("{room}", string(s.in), "{id}", id, "{letter}", "dl_1", "{name}", "a.wav")
}

// make asks as it is right, but for the headers.
func (s *scene) make(q request, headers ...string) *httptest.ResponseRecorder {
	return s.with(q, strings.NewReader(q.body), headers...)
}

// with asks with another body.
func (s *scene) with(q request, body io.Reader, headers ...string) *httptest.ResponseRecorder {
	r := s.request(q.method, s.ids(q.path).Replace(q.path), body, headers...)
	ctx := s.t.Context()
	if strings.HasPrefix(q.id, "watch") { // the answer ends with the request
		ctx = ended(s.t, 0)
	}
	return s.ask(r.WithContext(ctx))
}

// impatient asks for a client that waits for a moment.
func (s *scene) impatient(q request) *httptest.ResponseRecorder {
	r := s.request(q.method, s.ids(q.path).Replace(q.path), strings.NewReader(q.body))
	return s.ask(r.WithContext(ended(s.t, time.Millisecond)))
}

// ended returns a context that ends after so long.
func ended(t testing.TB, after time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), after)
	t.Cleanup(cancel)
	return ctx
}

type provoke func(*scene, request) *httptest.ResponseRecorder

// anywhere provokes a problem in whatever operation has it.
var anywhere = map[string]provoke{
	"unauthorized": func(s *scene, q request) *httptest.ResponseRecorder {
		return s.make(q, "Authorization", "Bearer wrong")
	},
	"forbidden": func(s *scene, q request) *httptest.ResponseRecorder {
		r := s.request(q.method, s.ids(q.path).Replace(q.path), strings.NewReader(q.body))
		r.Host = "evil.example"
		return s.ask(r)
	},
	"invalid": func(s *scene, q request) *httptest.ResponseRecorder {
		q.path += "?nonsense=1"
		return s.make(q)
	},
	"malformed": func(s *scene, q request) *httptest.ResponseRecorder {
		return s.with(q, io.MultiReader(strings.NewReader("{"), brokenBody{}))
	},
	"unsupported_media_type": func(s *scene, q request) *httptest.ResponseRecorder {
		return s.make(q, "Content-Type", "text/plain")
	},
	"too_large": func(s *scene, q request) *httptest.ResponseRecorder {
		q.body = `{"name":"` + strings.Repeat("x", 70000) + `"}`
		return s.make(q)
	},
	"request_timeout": func(s *scene, q request) *httptest.ResponseRecorder { return s.with(q, brokenBody{late: true}) },
	"not_found": func(s *scene, q request) *httptest.ResponseRecorder {
		q.path = regexp.MustCompile(`\{\w+\}`).ReplaceAllString(q.path, "none") // and of none nothing is there
		return s.make(q)
	},
	"precondition_failed": func(s *scene, q request) *httptest.ResponseRecorder { return s.make(q, "If-Match", `"7"`) },
	"idempotency_key_reused": func(s *scene, q request) *httptest.ResponseRecorder {
		if w := s.make(q, "Idempotency-Key", "k"); w.Code >= 400 {
			s.t.Fatalf("%s: %d %s", q.id, w.Code, w.Body)
		}
		q.body = " " + q.body
		return s.make(q, "Idempotency-Key", "k")
	},
	"timed_out": func(s *scene, q request) *httptest.ResponseRecorder { return s.impatient(q) }, // no tick comes
	"internal": func(s *scene, q request) *httptest.ResponseRecorder {
		s.store.fail = errors.New("the secret disk is gone")
		s.hooks.fail, s.records.fail, s.keys.broken = s.store.fail, s.store.fail, s.store.fail
		return s.make(q)
	},
	"draining": func(s *scene, q request) *httptest.ResponseRecorder {
		s.want(200, "POST", "/v1/drain", `{}`, nil)
		s.hooks.fail = refusal(rooms.Draining)
		return s.make(q)
	},
	"full": func(s *scene, q request) *httptest.ResponseRecorder {
		s.hooks.fail, s.sounds.fail = refusal(rooms.Full), refusal(rooms.Full)
		return s.make(q)
	},
}

// special provokes what is another thing in one operation than in others.
var special = map[string]provoke{
	"ready not_ready": func(s *scene, q request) *httptest.ResponseRecorder {
		s.config.NotReady = func() []Reason { return []Reason{{"draining", "x"}} }
		return s.make(q)
	},
	"watch overloaded":      overwatched,
	"watch-room overloaded": overwatched,
	"create-room exists": func(s *scene, q request) *httptest.ResponseRecorder {
		q.body = `{"id":"A"}`
		return s.make(q)
	},
	"create-room full": func(s *scene, q request) *httptest.ResponseRecorder {
		s.want(201, "POST", "/v1/rooms", `{}`, nil)
		return s.make(q)
	},
	"create-key full": func(s *scene, q request) *httptest.ResponseRecorder {
		for s.config.Keys.Len() < maxKeys {
			if _, err := s.config.Keys.Create(KeyCreate{Name: "x", Scope: "read"}); err != nil {
				s.t.Fatal(err)
			}
		}
		return s.make(q)
	},
	"create-room conflict": takenGroup,
	"patch-room conflict":  takenGroup,
	"patch-room full": func(s *scene, q request) *httptest.ResponseRecorder {
		q.body = `{"multicast":{"mode":"ssm","family":6}}` // of which there is none
		return s.make(q)
	},
	"patch-room draining": func(s *scene, q request) *httptest.ResponseRecorder {
		s.groups.Close()
		q.body = `{"multicast":{"ttl":2}}`
		return s.make(q)
	},
	"rekey-multicast conflict": func(s *scene, q request) *httptest.ResponseRecorder {
		s.want(200, "PATCH", "/v1/rooms/a", `{"multicast":{"srtp":false}}`, nil)
		return s.make(q)
	},
	"patch-participant conflict": func(s *scene, q request) *httptest.ResponseRecorder {
		p, err := s.registry.Join(s.t.Context(), rooms.JoinRequest{Room: "a", Trusted: true, Media: phone(), Call: stubborn{}})
		if err != nil {
			s.t.Fatal(err)
		}
		s.id, q.body = p.ID(), `{"delivery":"multicast"}`
		return s.make(q, "If-Match", "*")
	},
	"create-room timed_out": slowStore,
	"patch-room timed_out":  slowStore,
	"dial-participant full": func(s *scene, q request) *httptest.ResponseRecorder {
		s.want(200, "PATCH", "/v1/rooms/a", `{"max_participants":1}`, nil)
		return s.make(q)
	},
	"dial-participant overloaded": func(s *scene, q request) *httptest.ResponseRecorder {
		s.dialer.refuse = refusal(rooms.Overloaded)
		return s.make(q)
	},
	"move-participant full": func(s *scene, q request) *httptest.ResponseRecorder {
		s.join("b", "ben")
		s.want(200, "PATCH", "/v1/rooms/b", `{"max_participants":1}`, nil)
		return s.make(q)
	},
	"move-participant conflict": func(s *scene, q request) *httptest.ResponseRecorder {
		var p Participant
		s.want(201, "POST", "/v1/rooms/a/participants", bodies["dial-participant"], &p)
		s.id = p.ID
		return s.make(q)
	},
	"patch-participant full": func(s *scene, q request) *httptest.ResponseRecorder {
		last := s.id
		for range rooms.MaxMixes - 1 {
			p := s.join("a", "choosy")
			s.want(200, "PATCH", "/v1/rooms/a/participants/"+p.ID(), fmt.Sprintf(`{"hears":[%q]}`, last), nil)
			last = p.ID()
		}
		q.body = fmt.Sprintf(`{"hears":[%q]}`, last)
		return s.make(q)
	},
	"play conflict": func(s *scene, q request) *httptest.ResponseRecorder {
		s.in = "b"
		return s.make(q)
	},
	"stop-announcement timed_out": func(s *scene, q request) *httptest.ResponseRecorder {
		s.sounds.fail = refusal(rooms.TimedOut)
		return s.make(q)
	},
	"patch-webhook conflict": func(s *scene, q request) *httptest.ResponseRecorder {
		s.hooks.fail = refusal(rooms.Conflict)
		return s.make(q)
	},
	"redeliver conflict": func(s *scene, q request) *httptest.ResponseRecorder {
		s.hooks.fail = refusal(rooms.Conflict)
		return s.make(q)
	},
	"test-webhook timed_out": func(s *scene, q request) *httptest.ResponseRecorder {
		s.hooks.fail = fmt.Errorf("ping: %w", ended(s.t, 0).Err())
		return s.make(q)
	},
}

// stubborn is a phone that stays on unicast.
type stubborn struct{}

func (stubborn) End(rooms.Reason)                    {}
func (stubborn) Deliver(context.Context, bool) error { return errors.New("488 Not Acceptable Here") }

func takenGroup(s *scene, q request) *httptest.ResponseRecorder {
	q.body = `{"multicast":{"group":"239.255.1.1"}}`
	return s.make(q)
}

func overwatched(s *scene, q request) *httptest.ResponseRecorder {
	s.watchers.Store(maxWatchers)
	return s.make(q)
}

// slowStore has another change of the room wait for the disk.
func slowStore(s *scene, q request) *httptest.ResponseRecorder {
	s.store.wait, s.store.busy = make(chan struct{}), make(chan struct{})
	other := make(chan *httptest.ResponseRecorder)
	go func() { other <- s.do("PATCH", "/v1/rooms/a", `{"locked":true}`) }()
	<-s.store.busy
	if q.id == "create-room" {
		q.body = `{"id":"a"}`
	}
	w := s.impatient(q)
	close(s.store.wait)
	if first := <-other; first.Code != 200 {
		s.t.Errorf("the other change: %d %s", first.Code, first.Body)
	}
	return w
}

// Every problem that an operation documents comes about, and what comes about is documented;
// so it is wherever else a test asks for something, see [bench.documented].
func TestEveryDocumentedProblem(t *testing.T) {
	unnamed, provoked := maps.Clone(special), make(map[string]bool)
	for path, item := range readDocument(t, newBench(t, nil)).Paths {
		for method, op := range item {
			q := request{op.OperationID, strings.ToUpper(method), path, bodies[op.OperationID]}
			problems := op.Responses["default"].Problems
			for code := range problems {
				provoked[code] = true
				delete(unnamed, q.id+" "+code)
			}
			t.Run(q.id, func(t *testing.T) {
				t.Parallel()
				shared := newScene(t, false)
				for code, status := range problems {
					s := shared
					if !slices.Contains(harmless, code) {
						s = newScene(t, code == "timed_out")
					}
					testProblem(t, s, q, code, status)
				}
				if w := shared.make(q); w.Code >= 400 {
					t.Errorf("as it should be: %d %s", w.Code, w.Body)
				}
			})
		}
	}
	if len(unnamed) > 0 {
		t.Errorf("these come about, and the document does not name them: %v", slices.Sorted(maps.Keys(unnamed)))
	}
	// Of no operation, but of paths and methods that there are not.
	b := newBench(t, nil)
	wantProblem(t, b.do("GET", "/v1/none", ""), 404, "not_found")
	wantProblem(t, b.do("PUT", "/v1/rooms", ""), 405, "method_not_allowed")
	provoked["method_not_allowed"] = true
	if all := slices.Sorted(maps.Keys(statusOf)); !slices.Equal(all, slices.Sorted(maps.Keys(provoked))) {
		t.Errorf("there are %v, and provoked are %v", all, slices.Sorted(maps.Keys(provoked)))
	}
}

// harmless are those after which a scene is as before.
var harmless = []string{"unauthorized", "forbidden", "invalid", "malformed", "unsupported_media_type", "too_large", "request_timeout", "not_found", "precondition_failed"}

func testProblem(t *testing.T, s *scene, q request, code string, status int) {
	t.Helper()
	happen := special[q.id+" "+code]
	if happen == nil {
		happen = anywhere[code]
	}
	if happen == nil {
		t.Fatalf("%s is documented, and no test provokes it", code)
	}
	w := happen(s, q)
	p := wantProblem(t, w, status, code)
	if p.Detail == "" || strings.Contains(p.Detail, "secret") {
		t.Errorf("%s: detail %q", code, p.Detail)
	}
	if (w.Header().Get("Retry-After") != "") != (status == 503) {
		t.Errorf("%s: Retry-After %q", code, w.Header().Get("Retry-After"))
	}
}

// brokenBody is a body that breaks off, at once or when its time is over.
type brokenBody struct{ late bool }

func (b brokenBody) Read([]byte) (int, error) { return 0, bodyError(b) }

type bodyError struct{ late bool }

func (bodyError) Error() string   { return "broken" }
func (e bodyError) Timeout() bool { return e.late }
func (bodyError) Temporary() bool { return false }
