package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"

	"github.com/confd/confd/rooms"
)

// maxJSON bounds the body of a request, in bytes.
const maxJSON = 64 << 10

// handlerTime is what a handler may take; streams have no such bound.
const handlerTime = 15 * time.Second

// endpoint is what the document says of an operation beside its types.
type endpoint struct {
	method, path string
	id           string // of the operation, for generated clients
	tag          string
	summary      string
	text         string
	scope        Scope
	perRoom      bool // keys of single rooms may be good for it
	status       int  // of success; 0 is 200
	problems     []string
	fields       []string // of the body
}

// imply adds problems that follow from what the operation takes.
func (e *endpoint) imply(problems ...string) {
	for _, p := range problems {
		if !slices.Contains(e.problems, p) {
			e.problems = append(e.problems, p)
		}
	}
	slices.Sort(e.problems)
}

// takes completes e by the type of its input.
func (e *endpoint) takes(in reflect.Type) {
	e.imply(string(rooms.Invalid)) // an unknown parameter
	if body, ok := in.FieldByName("Body"); ok {
		e.fields = jsonFields(body.Type)
		e.imply(codeMalformed, codeMediaType, codeTooLarge, codeSlow)
	}
	if _, ok := in.FieldByName("IfMatch"); ok {
		e.imply(codePrecondition)
	}
	if _, ok := in.FieldByName("IdempotencyKey"); ok {
		e.imply(codeReused)
	}
}

// metaEndpoint is where an operation keeps its endpoint.
const metaEndpoint = "endpoint"

func newDocument(r chi.Router, version string) huma.API {
	c := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info:    &huma.Info{Title: "confd", Version: orUnknown(version), Description: documentText},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"key": {Type: "http", Scheme: "bearer", Description: "A key made by confd key create. Who is on the same machine and says so in Host needs none."},
				},
			},
			Tags: []*huma.Tag{
				{Name: "rooms", Description: "Meeting rooms: there before anybody calls, and after."},
				{Name: "participants", Description: "Who is in a room, or is being called."},
				{Name: "events", Description: "What happens, as it happens."},
				{Name: "announcements", Description: "Sound files played into rooms."},
				{Name: "webhooks", Description: "Events sent to your server."},
				{Name: "records", Description: "Calls and conferences that are over."},
				{Name: "server", Description: "The server itself."},
			},
			Security: []map[string][]string{{"key": {}}, {}},
		},
		Formats:                      map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat},
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
	}
	a := humachi.New(r, c)
	a.UseMiddleware(authorize(a))
	return a
}

const documentText = `Create meeting rooms, watch them, and act in them.

JSON is snake_case, times are RFC 3339, levels dBov, gains dB, durations seconds. A PATCH is a merge patch (RFC 7396): what is left out stays, null resets to the default. An unknown field is an error. What can be changed has an ETag, which If-Match takes. What makes something takes an Idempotency-Key, and may then be repeated.

Errors are problem details (RFC 9457) with a type that never changes, the field at fault and what would be right. Each operation lists the types that it may answer with; beside them, a fault of the server is an internal one anywhere.`

func orUnknown(version string) string {
	if version == "" {
		return "unknown"
	}
	return version
}

// operation is what the framework needs to know of e.
func (e *endpoint) operation() huma.Operation {
	e.imply(codeUnauthorized, string(rooms.Forbidden)) // by the door, which each request comes through
	op := huma.Operation{
		OperationID: e.id, Method: e.method, Path: e.path, Tags: []string{e.tag},
		Summary: e.summary, Description: e.text, DefaultStatus: e.status,
		MaxBodyBytes: maxJSON, Metadata: map[string]any{metaEndpoint: e},
		Responses: map[string]*huma.Response{},
	}
	if e.scope == "" {
		op.Security = []map[string][]string{}
	} else {
		op.Description += "\n\nScope: " + string(e.scope) + "."
	}
	op.Description = strings.TrimSpace(op.Description)
	return op
}

// add makes a route of a typed handler, in the router and in the document.
func add[I, O any](s *Server, e endpoint, handle func(context.Context, *I) (*O, error)) {
	e.takes(reflect.TypeFor[I]())
	op := e.operation()
	if slices.Contains(e.problems, codeReused) {
		op.Middlewares = huma.Middlewares{s.once}
	}
	if e.method == http.MethodPatch {
		op.RequestBody = &huma.RequestBody{Content: map[string]*huma.MediaType{"application/json": {}, "application/merge-patch+json": {}}}
	}
	huma.Register(s.doc, op, func(ctx context.Context, in *I) (*O, error) {
		ctx, cancel := context.WithTimeout(ctx, handlerTime)
		defer cancel()
		out, err := handle(ctx, in)
		if err != nil {
			return nil, s.fault(e.id, err)
		}
		return out, nil
	})
	s.describe(e)
}

// describe completes what the framework wrote of an operation.
func (s *Server) describe(e endpoint) {
	op := operationOf(s.doc.OpenAPI().Paths[e.path], e.method)
	if b := op.RequestBody; b != nil && b.Content["application/merge-patch+json"] != nil {
		b.Content["application/merge-patch+json"] = b.Content["application/json"]
		b.Required = true
	}
	op.Responses["default"] = e.problemResponse(s.doc.OpenAPI().Components.Schemas)
	for _, r := range op.Responses {
		for name, h := range r.Headers {
			if h.Description == "" {
				h.Description = headerText[name]
			}
		}
	}
}

// problemResponse lists the types of problems, for people and, as x-problems with their
// status, for programs.
func (e *endpoint) problemResponse(r huma.Registry) *huma.Response {
	var text []string
	statuses := make(map[string]int)
	for _, code := range e.problems {
		statuses[code] = statusOf[code]
		text = append(text, fmt.Sprintf("%s (%d)", code, statusOf[code]))
	}
	return &huma.Response{
		Description: "A problem of type " + strings.Join(text, ", "),
		Content:     map[string]*huma.MediaType{"application/problem+json": {Schema: r.Schema(reflect.TypeFor[Problem](), true, "")}},
		Extensions:  map[string]any{"x-problems": statuses},
	}
}

var headerText = map[string]string{
	"ETag":         "Names the version of what can be set; If-Match takes it.",
	"Content-Type": "What the body is.",
	"Location":     "The path of what was made.",
}

func operationOf(p *huma.PathItem, method string) *huma.Operation {
	switch method {
	case http.MethodGet:
		return p.Get
	case http.MethodPost:
		return p.Post
	case http.MethodPut:
		return p.Put
	case http.MethodPatch:
		return p.Patch
	case http.MethodDelete:
		return p.Delete
	}
	return nil
}

// fault is what a handler's error is for the client; the server's own faults are logged.
func (s *Server) fault(op string, err error) error {
	p := problemOfError(err)
	if p.Status == http.StatusInternalServerError {
		s.config.Logger.Error("a request failed", "operation", op, "error", err)
	}
	return &p
}

// raw makes a route of a plain handler, in the router and in the document.
func (s *Server) raw(r chi.Router, e endpoint, contentType string, schema *huma.Schema, h http.HandlerFunc) {
	op := e.operation()
	op.Responses["200"] = &huma.Response{Description: "OK", Content: map[string]*huma.MediaType{contentType: {Schema: schema}}}
	s.doc.OpenAPI().AddOperation(&op)
	s.describe(e)
	r.Method(e.method, e.path, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := callerOf(r.Context()).allowed(e.scope, "", e.perRoom); err != nil {
			WriteProblem(w, problemOfError(err))
			return
		}
		h(w, r)
	}))
}

// serveDocument answers with the document as it stands once all routes are made.
func (s *Server) serveDocument(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(s.document)
}

func (s *Server) writeDocument() (err error) {
	s.document, err = json.Marshal(s.doc.OpenAPI())
	return err
}

// jsonFields returns the names of a struct's fields in JSON, embedded ones among them.
func jsonFields(t reflect.Type) (names []string) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name != "" && name != "-" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func fieldsOf(op *huma.Operation) []string {
	if e, ok := op.Metadata[metaEndpoint].(*endpoint); ok {
		return e.fields
	}
	return nil
}

func parametersOf(op *huma.Operation) (names []string) {
	for _, p := range op.Parameters {
		if p.In == "query" {
			names = append(names, p.Name)
		}
	}
	return names
}
