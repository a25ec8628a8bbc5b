package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/confd/confd/rooms"
)

const problemPrefix = "urn:confd:problem:"

// Problem is an error as RFC 9457 has it.
type Problem struct {
	Type    string       `json:"type" doc:"What kind of problem it is: urn:confd:problem: and a code that never changes." example:"urn:confd:problem:invalid"`
	Title   string       `json:"title" doc:"The status in words." example:"Unprocessable Entity"`
	Status  int          `json:"status" minimum:"400" maximum:"599" doc:"The HTTP status, as in the status line." example:"422"`
	Detail  string       `json:"detail,omitempty" doc:"What was wrong here, and what would be right." example:"talkers: expected number <= 64"`
	Field   string       `json:"field,omitempty" doc:"The first field, parameter or header at fault." example:"talkers"`
	Errors  []FieldError `json:"errors,omitempty" nullable:"false" doc:"All faults that were found in the request."`
	Reasons []Reason     `json:"reasons,omitempty" nullable:"false" doc:"Of /readyz: why new calls should go elsewhere."`
}

// FieldError is one fault in a request.
type FieldError struct {
	Location string `json:"location" doc:"Where it is: body., query., path. or header. and the name." example:"body.talkers"`
	Detail   string `json:"detail" doc:"What was wrong, and what would be right." example:"expected number <= 64"`
}

// Codes of problems that are no errors of the domain.
const (
	codeUnauthorized = "unauthorized"
	codeMalformed    = "malformed"
	codeNoMethod     = "method_not_allowed"
	codeNotReady     = "not_ready"
	codePrecondition = "precondition_failed"
	codeTooLarge     = "too_large"
	codeMediaType    = "unsupported_media_type"
	codeReused       = "idempotency_key_reused"
	codeSlow         = "request_timeout"
)

// statusOf is the one table from problems, errors of the domain among them, to HTTP. Rooms
// have more codes, which only calls meet: the path always names a room, and locks keep out
// callers alone.
var statusOf = map[string]int{
	string(rooms.Invalid):    http.StatusUnprocessableEntity,
	string(rooms.NotFound):   http.StatusNotFound,
	string(rooms.Forbidden):  http.StatusForbidden,
	string(rooms.Full):       http.StatusConflict,
	string(rooms.Exists):     http.StatusConflict,
	string(rooms.Conflict):   http.StatusConflict,
	string(rooms.Overloaded): http.StatusServiceUnavailable,
	string(rooms.Draining):   http.StatusServiceUnavailable,
	string(rooms.TimedOut):   http.StatusGatewayTimeout,
	string(rooms.Internal):   http.StatusInternalServerError,
	codeUnauthorized:         http.StatusUnauthorized,
	codeMalformed:            http.StatusBadRequest,
	codeNoMethod:             http.StatusMethodNotAllowed,
	codeNotReady:             http.StatusServiceUnavailable,
	codePrecondition:         http.StatusPreconditionFailed,
	codeTooLarge:             http.StatusRequestEntityTooLarge,
	codeMediaType:            http.StatusUnsupportedMediaType,
	codeReused:               http.StatusUnprocessableEntity,
	codeSlow:                 http.StatusRequestTimeout,
}

// codeOf is what the framework's refusals are called.
var codeOf = map[int]string{
	http.StatusBadRequest:            codeMalformed,
	http.StatusRequestTimeout:        codeSlow,
	http.StatusRequestEntityTooLarge: codeTooLarge,
	http.StatusUnsupportedMediaType:  codeMediaType,
	http.StatusUnprocessableEntity:   string(rooms.Invalid),
}

func problem(status int, code, detail string) Problem {
	return Problem{Type: problemPrefix + code, Title: http.StatusText(status), Status: status, Detail: detail}
}

// Error reads as Detail does.
func (p *Problem) Error() string { return p.Detail }

// GetStatus is the status to answer with.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is that of problem details.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// GetHeaders are the headers to answer with.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	switch p.Status {
	case http.StatusServiceUnavailable:
		h.Set("Retry-After", "10")
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Bearer realm="confd"`)
	}
	return h
}

// ProblemOf words an error of the domain. What went wrong inside the server is not told.
func ProblemOf(err error) Problem {
	code := rooms.CodeOf(err)
	if code == rooms.Internal && errors.Is(err, context.DeadlineExceeded) {
		return problem(http.StatusGatewayTimeout, string(rooms.TimedOut), "it took too long")
	}
	status, ok := statusOf[string(code)]
	if !ok || code == rooms.Internal {
		return problem(http.StatusInternalServerError, string(rooms.Internal), "a fault of the server; its log tells more")
	}
	p := problem(status, string(code), err.Error())
	var e *rooms.Error
	if errors.As(err, &e) {
		p.Detail = e.Message
		if e.Field != "" {
			p.Field = e.Field
			p.Errors = []FieldError{{"body." + e.Field, strings.TrimPrefix(e.Message, e.Field+": ")}}
		}
	}
	return p
}

// refuse is a problem as an error.
func refuse(status int, code, format string, args ...any) error {
	p := problem(status, code, fmt.Sprintf(format, args...))
	return &p
}

// invalid is a fault of one place in the request, as "query.limit".
func invalid(location, format string, args ...any) error {
	_, name, _ := strings.Cut(location, ".")
	detail := fmt.Sprintf(format, args...)
	p := problem(http.StatusUnprocessableEntity, string(rooms.Invalid), name+": "+detail)
	p.Field, p.Errors = name, []FieldError{{location, detail}}
	return &p
}

// unreadable words why a request's body could not be read to its end.
func unreadable(err error) error {
	var late interface{ Timeout() bool }
	if errors.As(err, &late) && late.Timeout() {
		return refuse(http.StatusRequestTimeout, codeSlow, "the body did not come to its end in time")
	}
	return refuse(http.StatusBadRequest, codeMalformed, "the body could not be read to its end")
}

// The framework's errors become ours, for all of the process: it knows no other way.
func init() {
	huma.NewError = func(status int, detail string, errs ...error) huma.StatusError {
		return problemOfFramework(nil, status, detail, errs)
	}
	huma.NewErrorWithContext = func(ctx huma.Context, status int, detail string, errs ...error) huma.StatusError {
		return problemOfFramework(ctx.Operation(), status, detail, errs)
	}
}

// problemOfFramework words what the framework found wrong with a request.
func problemOfFramework(op *huma.Operation, status int, detail string, errs []error) *Problem {
	if status == http.StatusInternalServerError && detail == "cannot read request body" {
		status = http.StatusBadRequest
	}
	code, ok := codeOf[status]
	if !ok {
		p := problem(http.StatusInternalServerError, string(rooms.Internal), "a fault of the server; its log tells more")
		return &p
	}
	p := problem(status, code, detail)
	for _, err := range errs {
		if f, ok := fieldError(op, err); ok && len(p.Errors) < 20 {
			p.Errors = append(p.Errors, f)
		}
	}
	switch {
	case status == http.StatusUnsupportedMediaType:
		p.Detail = "the body's Content-Type is not that of JSON; send the header Content-Type: application/json"
		p.Errors = nil
	case status == http.StatusRequestEntityTooLarge:
		p.Detail = fmt.Sprintf("the body is longer than %d bytes", maxJSON)
	case status == http.StatusBadRequest && detail == "request body is required":
		p.Detail = "there is no body; a JSON object is wanted, {} at the least"
	case len(p.Errors) > 0:
		first := p.Errors[0]
		_, p.Field, _ = strings.Cut(first.Location, ".")
		p.Detail = first.Detail
		if p.Field != "" {
			p.Detail = p.Field + ": " + first.Detail
		}
	}
	return &p
}

// fieldError words one fault. The value is not repeated: it could be a password.
func fieldError(op *huma.Operation, err error) (FieldError, bool) {
	var d huma.ErrorDetailer
	if err == nil || !errors.As(err, &d) {
		return FieldError{}, false
	}
	e := d.ErrorDetail()
	f := FieldError{Location: clipText(e.Location), Detail: clipText(e.Message)}
	switch {
	case strings.HasPrefix(e.Message, "invalid value: "):
		f.Detail = strings.TrimPrefix(f.Detail, "invalid value: ")
	case strings.HasPrefix(e.Message, "json: ") || strings.Contains(e.Message, "Go value"):
		f.Detail = "a value is not of the type that its field has"
	case strings.HasPrefix(e.Message, "invalid character") || strings.HasPrefix(e.Message, "unexpected end of JSON"):
		f.Detail = "the body is no JSON: " + e.Message
	case e.Message == "unexpected property" && op != nil && strings.Count(e.Location, ".") <= 1:
		f.Detail = "there is no such field; there are " + strings.Join(fieldsOf(op), ", ")
	case e.Message == "unknown query parameter" && op != nil:
		f.Detail = "there is no such parameter"
		if names := parametersOf(op); len(names) > 0 {
			f.Detail += "; there are " + strings.Join(names, ", ")
		}
	}
	return f, true
}

// WriteProblem answers with p.
func WriteProblem(w http.ResponseWriter, p Problem) {
	for name, values := range p.GetHeaders() {
		w.Header()[name] = values
	}
	writeJSON(w, p.Status, "application/problem+json", p)
}

func writeJSON(w http.ResponseWriter, status int, contentType string, v any) {
	body, err := json.Marshal(v)
	if err != nil { // our own types do not fail
		panic(err)
	}
	h := w.Header()
	h.Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // a client that is gone needs no answer
}

// clipText bounds what an answer says of what a client wrote.
func clipText(s string) string {
	if len(s) > 300 {
		return strings.ToValidUTF8(s[:300], "") + "..."
	}
	return s
}
