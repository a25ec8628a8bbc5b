package api

import (
	"testing"
	"time"

	"github.com/confd/confd/rooms"
)

// Whatever leaves a record out does so alone.
func TestRecordsAreFiltered(t *testing.T) {
	b := newBench(t, nil)
	for path, want := range map[string]int{
		"/v1/calls":                                       1,
		"/v1/calls?room=A":                                1,
		"/v1/calls?room=lobby":                            1,
		"/v1/calls?room=b":                                0,
		"/v1/calls?conference=k1":                         1,
		"/v1/calls?conference=k2":                         0,
		"/v1/calls?direction=inbound":                     1,
		"/v1/calls?direction=outbound":                    0,
		"/v1/calls?outcome=answered":                      1,
		"/v1/calls?outcome=busy":                          0,
		"/v1/calls?uri=sip:anna@example.com":              1,
		"/v1/calls?uri=sip:ann@example.com":               0,
		"/v1/conferences":                                 1,
		"/v1/conferences?room=a":                          1,
		"/v1/conferences?room=lobby":                      0,
		"/v1/calls?room=a&outcome=answered&conference=k1": 1,
	} {
		var page struct {
			Calls       []CallRecord
			Conferences []ConferenceRecord
			Next        string
		}
		b.want(200, "GET", path, "", &page)
		if got := len(page.Calls) + len(page.Conferences); got != want {
			t.Errorf("%s: %d records, want %d", path, got, want)
		}
	}
	b.want(200, "GET", "/v1/calls?limit=3&after=q&from=2026-01-02T03:04:05Z", "", nil)
	if q := b.records.asked; q.Limit != 3 || q.After != "q" || !q.From.Equal(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)) || !q.To.IsZero() {
		t.Errorf("asked %+v", q)
	}
	for _, bad := range []string{"direction=up", "outcome=none", "nonsense=1", "conference=123456789012345678901234567890123"} {
		wantProblem(t, b.do("GET", "/v1/calls?"+bad, ""), 422, "invalid")
	}
}

func TestRecordsByID(t *testing.T) {
	b := withKeys(t, nil, Key{ID: "7", Scope: ScopeRead, Hash: HashKey("oflobby"), Rooms: []rooms.Name{"lobby"}},
		Key{ID: "8", Scope: ScopeRead, Hash: HashKey("ofb"), Rooms: []rooms.Name{"b"}})
	var call CallRecord
	b.want(200, "GET", "/v1/calls/c1", "", &call)
	if call.ID != "c1" || call.Duration != 2 || call.Conference != "k1" || len(call.Rooms) != 2 {
		t.Errorf("%+v", call)
	}
	var conference ConferenceRecord
	b.want(200, "GET", "/v1/conferences/k1", "", &conference)
	if conference.ID != "k1" || conference.Duration != 2 {
		t.Errorf("%+v", conference)
	}
	for _, c := range []struct {
		key, path string
		want      int
	}{
		{"reader", "/v1/calls/c1", 200}, {"ofa", "/v1/calls/c1", 200}, {"oflobby", "/v1/calls/c1", 200}, {"ofb", "/v1/calls/c1", 404},
		{"reader", "/v1/conferences/k1", 200}, {"ofa", "/v1/conferences/k1", 200}, {"oflobby", "/v1/conferences/k1", 404},
		{"reader", "/v1/calls/c2", 404}, {"reader", "/v1/conferences/k2", 404},
	} {
		if w := b.from("192.0.2.1:9", "confd.example", "GET", c.path, "", c.key); w.Code != c.want {
			t.Errorf("%s: %s: %d %s, want %d", c.key, c.path, w.Code, w.Body, c.want)
		}
	}
}
