package client

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
)

// serverOf answers everything with a handler.
func serverOf(t *testing.T, h http.HandlerFunc, key string) *ClientWithResponses {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	c, err := New(s.URL, key)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func answer(w http.ResponseWriter, status int, contentType, body string) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	fmt.Fprint(w, body)
}

func TestNewWantsURL(t *testing.T) {
	for _, bad := range []string{"", "localhost:8080", "ftp://localhost"} {
		if _, err := New(bad, ""); err == nil {
			t.Errorf("%q is taken for a URL", bad)
		}
	}
}

func TestKeyIsSent(t *testing.T) {
	for key, want := range map[string]string{"": "", "secret": "Bearer secret"} {
		c := serverOf(t, func(w http.ResponseWriter, r *http.Request) {
			if got := r.Header.Get("Authorization"); got != want {
				t.Errorf("with the key %q, Authorization is %q", key, got)
			}
			answer(w, 200, "application/json", `{"rooms":[]}`)
		}, key)
		if list, err := c.ListRoomsWithResponse(t.Context(), nil); Check(list, err) != nil {
			t.Error(Check(list, err))
		}
	}
}

func TestCheck(t *testing.T) {
	for _, x := range []struct {
		status            int
		contentType, body string
		want, code        string
	}{
		{200, "application/json", `{"id":"a"}`, "", ""},
		{404, "application/problem+json", `{"type":"urn:confd:problem:not_found","title":"Not Found","status":404,"detail":"no room a"}`, "no room a", "not_found"},
		{503, "application/problem+json", `{"type":"urn:confd:problem:draining","title":"Service Unavailable","status":503}`, "Service Unavailable", "draining"},
		{502, "text/html", `<h1>proxy</h1>`, "502 Bad Gateway", ""},
		{502, "application/json", `{}`, "502 Bad Gateway", ""},
	} {
		c := serverOf(t, func(w http.ResponseWriter, _ *http.Request) { answer(w, x.status, x.contentType, x.body) }, "")
		err := Check(c.GetRoomWithResponse(t.Context(), "a"))
		if x.want == "" && err != nil || x.want != "" && (err == nil || !strings.Contains(err.Error(), x.want)) {
			t.Errorf("%d %s: %v, want %q", x.status, x.body, err, x.want)
		}
		if got := CodeOf(err); got != x.code {
			t.Errorf("%d %s: code %q, want %q", x.status, x.body, got, x.code)
		}
	}
	c, err := New("http://127.0.0.1:1", "")
	if err != nil {
		t.Fatal(err)
	}
	if err := Check(c.GetRoomWithResponse(t.Context(), "a")); err == nil {
		t.Error("nobody answers, and that is no error")
	}
}

// What is left out, null and set are three things.
func TestFieldsOfPatch(t *testing.T) {
	for want, p := range map[string]ParticipantFields{
		`{}`:                                     {},
		`{"muted":false}`:                        {Muted: Set(false)},
		`{"hears":null}`:                         {Hears: Null[[]string]()},
		`{"hears":[],"input_gain":0,"role":""}`:  {Hears: Set([]string{}), InputGain: Set(0.0), Role: Set("")},
		`{"groups":["floor"],"input_gain":-6.5}`: {Groups: Set([]string{"floor"}), InputGain: Set(-6.5)},
	} {
		if got, err := json.Marshal(p); err != nil || string(got) != want {
			t.Errorf("%s, %v, want %s", got, err, want)
		}
	}
}

// Document, configuration and code belong together: none was changed without the others.
func TestGeneratedOfThisDocument(t *testing.T) {
	var sums bytes.Buffer
	for _, name := range []string{"openapi.json", "oapi-codegen.yaml", "client.gen.go"} {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(content), name)
	}
	noted, err := os.ReadFile("generated.sum")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(noted, sums.Bytes()) {
		t.Errorf("the files are not of one make generate; they are\n%swhere generated.sum has\n%s", sums.Bytes(), noted)
	}
}
