package api

import (
	"encoding/json"
	"net/http"

	"github.com/confd/confd/rooms"
)

// Problem is an error as RFC 9457 has it.
type Problem struct {
	Type    string   `json:"type"`   // stable: "urn:confd:problem:" and the code
	Title   string   `json:"title"`  // the status in words
	Status  int      `json:"status"` // as in the status line
	Detail  string   `json:"detail,omitempty"`
	Reasons []Reason `json:"reasons,omitempty"` // of /readyz
}

// statusOf is the one table from domain errors to HTTP.
var statusOf = map[rooms.ErrorCode]int{
	rooms.Invalid:    http.StatusBadRequest,
	rooms.NoRoomName: http.StatusBadRequest,
	rooms.NotFound:   http.StatusNotFound,
	rooms.Forbidden:  http.StatusForbidden,
	rooms.Full:       http.StatusConflict,
	rooms.Locked:     http.StatusLocked,
	rooms.Overloaded: http.StatusServiceUnavailable,
	rooms.Draining:   http.StatusServiceUnavailable,
	rooms.TimedOut:   http.StatusGatewayTimeout,
	rooms.Internal:   http.StatusInternalServerError,
}

func problem(status int, code, detail string) Problem {
	return Problem{Type: "urn:confd:problem:" + code, Title: http.StatusText(status), Status: status, Detail: detail}
}

// ProblemOf words an error of the domain. What went wrong inside the server is not told.
func ProblemOf(err error) Problem {
	code := rooms.CodeOf(err)
	status, ok := statusOf[code]
	if !ok || code == rooms.Internal {
		return problem(http.StatusInternalServerError, string(rooms.Internal), "a fault of the server; its log tells more")
	}
	return problem(status, string(code), err.Error())
}

// WriteProblem answers with p.
func WriteProblem(w http.ResponseWriter, p Problem) {
	if p.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "10")
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
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // a client that is gone needs no answer
}
