package api

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/confd/confd/rooms"
)

// Precondition is the header of requests that change what has a version.
type Precondition struct {
	IfMatch tag `header:"If-Match" maxLength:"64" doc:"The ETag of the version that was read. If it is no longer that version, nothing is changed and the answer is 412. Optional; * matches every version." example:"\"1764000000000000\""`
}

// tag is what If-Match asks for.
type tag struct {
	version *uint64 // nil: any
	alien   string  // what is no tag of this server, and so of no version
}

// UnmarshalText takes everything: an alien tag is a failed precondition.
func (t *tag) UnmarshalText(text []byte) error {
	s := strings.TrimSpace(string(text))
	if s == "" || s == "*" {
		return nil
	}
	digits, ok := strings.CutPrefix(s, `"`)
	digits, ok2 := strings.CutSuffix(digits, `"`)
	v, err := strconv.ParseUint(digits, 10, 64)
	if !ok || !ok2 || err != nil {
		v, t.alien = 0, s // no version is 0
	}
	t.version = &v
	return nil
}

// Schema is that of text.
func (*tag) Schema(huma.Registry) *huma.Schema { return &huma.Schema{Type: huma.TypeString} }

// etag names a version of what can be set; figures of the moment are no part of it.
func etag(version uint64) string { return `"` + strconv.FormatUint(version, 10) + `"` }

// onVersion words a conflict of versions as a failed precondition, if there was one.
func (p *Precondition) onVersion(err error) error {
	var e *rooms.Error
	if p.IfMatch.version == nil || !errors.As(err, &e) || e.Code != rooms.Conflict || e.Field != "" {
		return err
	}
	answer := problem(http.StatusPreconditionFailed, codePrecondition, problemOfError(err).Detail)
	if p.IfMatch.alien != "" {
		answer.Detail = "If-Match is " + clip(p.IfMatch.alien) + ", which is no ETag of this server; read again, and send the one you find"
	}
	answer.Field = "If-Match"
	return &answer
}

// problemOfError is ProblemOf for what may be a problem already.
func problemOfError(err error) Problem {
	if p, ok := err.(*Problem); ok {
		return *p
	}
	return ProblemOf(err)
}
