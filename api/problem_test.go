package api

import (
	"strings"
	"testing"
)

// A problem names the field at fault and what would be right.
func TestProblemsNameTheField(t *testing.T) {
	b := newBench(t, nil)
	b.want(201, "POST", "/v1/rooms", `{"id":"a"}`, nil)
	for _, c := range []struct {
		method, path, body string
		status             int
		field, location    string
		says               string
	}{
		{"POST", "/v1/rooms", `{"talkers":65}`, 422, "talkers", "body.talkers", "<= 64"},
		{"POST", "/v1/rooms", `{"talkers":"x"}`, 422, "talkers", "body.talkers", "integer"},
		{"POST", "/v1/rooms", `{"talkers":1.5}`, 422, "talkers", "body.talkers", "integer"},
		{"POST", "/v1/rooms", `{"talker":1}`, 422, "talker", "body.talker", "talkers"},
		{"POST", "/v1/rooms", `{"admission":"all"}`, 422, "admission", "body.admission", "anyone, private, invited"},
		{"POST", "/v1/rooms", `{"sample_rate":44100}`, 422, "sample_rate", "body.sample_rate", "48000"},
		{"POST", "/v1/rooms", `{"empty_timeout":-1}`, 422, "empty_timeout", "body.empty_timeout", ">= 0"},
		{"POST", "/v1/rooms", `{"metadata":[]}`, 422, "metadata", "body.metadata", "object"},
		{"POST", "/v1/rooms", `{"metadata":{"a":"` + strings.Repeat("x", 4096) + `"}}`, 422, "metadata", "body.metadata", "4096"},
		{"POST", "/v1/rooms", `{"max_participants":51}`, 422, "max_participants", "body.max_participants", "50"},
		{"POST", "/v1/rooms", `{"id":"a b"}`, 422, "id", "body.id", "a-z"},
		{"POST", "/v1/rooms", `{"id":"a%20"}`, 422, "id", "body.id", "a-z"},
		{"POST", "/v1/rooms", `{"id":""}`, 422, "id", "body.id", "length"},
		{"POST", "/v1/rooms", `[]`, 422, "", "body", "object"},
		{"POST", "/v1/rooms", ``, 400, "", "", "{}"},
		{"POST", "/v1/rooms", `{"name":"a\nb"}`, 422, "name", "body.name", "control"},
		{"GET", "/v1/rooms?limit=0", ``, 422, "limit", "query.limit", ">= 1"},
		{"GET", "/v1/rooms?limit=501", ``, 422, "limit", "query.limit", "<= 500"},
		{"GET", "/v1/rooms?limit=x", ``, 422, "limit", "query.limit", "integer"},
		{"GET", "/v1/rooms?limits=1", ``, 422, "limits", "query.limits", "limit"},
		{"GET", "/v1/rooms/a%20b", ``, 422, "room", "path.room", "a-z"},
		{"GET", "/v1/rooms/" + strings.Repeat("x", 65), ``, 422, "room", "path.room", "64"},
		{"GET", "/v1/rooms/a/participants?after=zz", ``, 422, "after", "query.after", "next"},
		{"POST", "/v1/rooms/a/participants", `{}`, 422, "", "body", "to"},
		{"POST", "/v1/rooms/a/participants", `{"to":"sip:x@h","timeout":0.5}`, 422, "timeout", "body.timeout", ">= 1"},
		{"POST", "/v1/rooms/a/participants", `{"to":"sip:x@h","hears":["!"]}`, 422, "hears", "body.hears", "group:NAME"},
		{"POST", "/v1/rooms/a/participants", `{"to":"sip:x@h","input_gain":21}`, 422, "input_gain", "body.input_gain", "<= 20"},
		{"GET", "/v1/events?after=x", ``, 422, "after", "query.after", "number"},
		{"GET", "/v1/events?kinds=nonsense", ``, 422, "kinds", "query.kinds", "participant.joined"},
		{"GET", "/v1/calls?after=bad", ``, 422, "after", "query.after", "next"},
		{"POST", "/v1/webhooks", `{}`, 422, "url", "body.url", "https"},
		{"POST", "/v1/webhooks", `{"url":"ftp://x"}`, 422, "url", "body.url", "https"},
		{"DELETE", "/v1/rooms/a?reason=a%0Ab", ``, 422, "reason", "query.reason", "control characters"},
		{"DELETE", "/v1/rooms/a?reason=a%FF", ``, 422, "reason", "query.reason", "UTF-8"},
		{"POST", "/v1/drain", `{"reason":"\u007f"}`, 422, "reason", "body.reason", "control characters"},
		{"GET", "/v1/calls?room=a%20b", ``, 422, "room", "query.room", "a-z"},
		{"PATCH", "/v1/log", `{"level":"loud"}`, 422, "level", "body.level", "debug"},
	} {
		w := b.do(c.method, c.path, c.body)
		code := map[int]string{400: "malformed", 422: "invalid"}[c.status]
		p := wantProblem(t, w, c.status, code)
		location := ""
		if len(p.Errors) > 0 {
			location = p.Errors[0].Location
		}
		if p.Field != c.field || location != c.location || !strings.Contains(p.Detail, c.says) || strings.Contains(p.Detail, "Go ") {
			t.Errorf("%s %s %.60s: %+v, want field %q at %q, and %q", c.method, c.path, c.body, p, c.field, c.location, c.says)
		}
	}
}
