package api

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
)

// document is what tests read of /openapi.json.
type document struct {
	OpenAPI    string
	Paths      map[string]map[string]operation
	Components struct{ Schemas map[string]schema }
}

type operation struct {
	OperationID string
	Summary     string
	Description string
	Parameters  []struct {
		Name, In, Description string
		Schema                schema
	}
	RequestBody *struct {
		Content map[string]struct{ Schema schema }
	}
	Responses map[string]struct {
		Headers  map[string]struct{ Description string }
		Content  map[string]struct{ Schema schema }
		Problems map[string]int `json:"x-problems"`
	}
}

type schema struct {
	Type                 any
	Ref                  string `json:"$ref"`
	Description          string
	Examples             []any
	Properties           map[string]schema
	AdditionalProperties any
	Items                *schema
	Minimum, Maximum     *float64
	MaxLength            *int
	Enum                 []any
	Format               string
}

func readDocument(t testing.TB, b *bench) document {
	t.Helper()
	var d document
	if err := json.Unmarshal(b.want(200, "GET", "/openapi.json", "", nil).Body.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// The router and the document have the same routes.
func TestDocumentAndRouterAgree(t *testing.T) {
	b := newBench(t, nil)
	d := readDocument(t, b)
	if d.OpenAPI != "3.1.0" {
		t.Errorf("openapi %q", d.OpenAPI)
	}
	routed := map[string]bool{}
	err := chi.Walk(b.Handler().(chi.Routes), func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		routed[method+" "+route] = true
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{}
	for path, item := range d.Paths {
		for method := range item {
			documented[strings.ToUpper(method)+" "+path] = true
		}
	}
	for r := range routed {
		if !documented[r] {
			t.Errorf("%s is routed and not documented", r)
		}
	}
	for r := range documented {
		if !routed[r] {
			t.Errorf("%s is documented and not routed", r)
		}
	}
	if len(routed) < 30 {
		t.Errorf("only %d routes", len(routed))
	}
}

// What is not wired has no route.
func TestNothingWithoutItsPart(t *testing.T) {
	s := newServer(t, Config{})
	for _, path := range []string{"/v1/calls", "/v1/webhooks", "/v1/sounds", "/v1/rooms/a/announcements", "/v1/log"} {
		if w := get(s, "GET", path); w.Code != 404 {
			t.Errorf("%s: %d", path, w.Code)
		}
		if strings.Contains(string(s.document), `"`+path+`"`) {
			t.Errorf("the document has %s", path)
		}
	}
}

// Everything has a description, what is sent as a value an example, numbers a range and
// their unit, text in requests a length or a form.
func TestEveryFieldIsDescribed(t *testing.T) {
	d := readDocument(t, newBench(t, nil))
	taken := make(map[string]bool) // schemas of requests
	for _, item := range d.Paths {
		for _, op := range item {
			if op.RequestBody != nil {
				for _, c := range op.RequestBody.Content {
					taken[strings.TrimPrefix(c.Schema.Ref, "#/components/schemas/")] = true
				}
			}
		}
	}
	if len(taken) < 10 {
		t.Errorf("only %d requests have a body", len(taken))
	}
	for name, s := range d.Components.Schemas {
		for field, f := range s.Properties {
			checkField(t, name+"."+field, f, taken[name])
		}
		if len(s.Properties) > 0 && s.AdditionalProperties != false {
			t.Errorf("%s takes unknown fields", name)
		}
	}
	ids := map[string]bool{}
	for path, item := range d.Paths {
		for method, op := range item {
			where := method + " " + path
			if op.Summary == "" || op.OperationID == "" || ids[op.OperationID] {
				t.Errorf("%s: id %q, summary %q", where, op.OperationID, op.Summary)
			}
			ids[op.OperationID] = true
			for _, p := range op.Parameters {
				if p.Description == "" {
					p.Description = p.Schema.Description
				}
				p.Schema.Description = p.Description
				checkField(t, where+" "+p.Name, p.Schema, true)
			}
			for status, r := range op.Responses {
				for h, v := range r.Headers {
					if v.Description == "" {
						t.Errorf("%s: %s: header %s is not described", where, status, h)
					}
				}
			}
			if _, ok := op.Responses["default"]; !ok {
				t.Errorf("%s: no problems", where)
			}
		}
	}
}

func checkField(t *testing.T, where string, f schema, taken bool) {
	t.Helper()
	if f.Description == "" {
		t.Errorf("%s has no description", where)
	}
	plain := f.Ref == "" && (f.Items == nil || f.Items.Ref == "")
	if plain && len(f.Examples) == 0 {
		t.Errorf("%s has no example", where)
	}
	kinds, _ := f.Type.([]any) // with null
	is := func(kind string) bool { return f.Type == kind || slices.Contains(kinds, any(kind)) }
	if (is("number") || is("integer")) && f.Enum == nil && f.Minimum == nil {
		t.Errorf("%s has no range", where)
	}
	if is("number") && !unit.MatchString(f.Description) {
		t.Errorf("%s has no unit: %s", where, f.Description)
	}
	if bounded := f.MaxLength != nil || f.Enum != nil || f.Format != ""; is("string") && taken && !bounded {
		t.Errorf("%s has neither length nor form", where)
	}
}

// unit is what one finds in the description of a quantity.
var unit = regexp.MustCompile(`\b(seconds|dB|dBov|Hz|bytes|0 to 1|1 bad to 4\.5 excellent)\b`)

// The page needs nothing but this server.
func TestDocsPageIsOffline(t *testing.T) {
	b := newBench(t, nil)
	for _, path := range []string{"/docs", "/docs/docs.js", "/docs/docs.css"} {
		w := b.want(200, "GET", path, "", nil)
		if strings.Contains(w.Body.String(), "//cdn") || strings.Contains(w.Body.String(), "http://") || strings.Contains(w.Body.String(), "https://") {
			t.Errorf("%s speaks of other servers", path)
		}
		if !strings.Contains(w.Header().Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: policy %q", path, w.Header().Get("Content-Security-Policy"))
		}
	}
}
