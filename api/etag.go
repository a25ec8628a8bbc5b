package api

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/confd/confd/rooms"
)

// Precondition is the header of requests that change what has a version.
type Precondition struct {
	IfMatch string `header:"If-Match" maxLength:"64" doc:"The ETag of the version that was read. If it is no longer that version, nothing is changed and the answer is 412. Optional; * matches every version." example:"\"1764000000000000\""`
}

// etag names a version of what can be set; figures of the moment are no part of it.
func etag(version uint64) string { return `"` + strconv.FormatUint(version, 10) + `"` }

// version returns what If-Match asks for, nil if nothing. A tag that no version has is a
// failed precondition.
func (p Precondition) version() (*uint64, error) {
	tag := strings.TrimSpace(p.IfMatch)
	if tag == "" || tag == "*" {
		return nil, nil
	}
	digits, ok := strings.CutPrefix(tag, `"`)
	digits, ok2 := strings.CutSuffix(digits, `"`)
	v, err := strconv.ParseUint(digits, 10, 64)
	if !ok || !ok2 || err != nil {
		return nil, outdated("If-Match is " + clip(tag) + ", which is no ETag of this server; read again, and send the one you find")
	}
	return &v, nil
}

func outdated(detail string) error {
	p := problem(http.StatusPreconditionFailed, codePrecondition, detail)
	p.Field = "If-Match"
	return &p
}

// onVersion words a conflict of versions as a failed precondition, if there was one.
func onVersion(err error, version *uint64) error {
	if version != nil && rooms.CodeOf(err) == rooms.Conflict {
		return outdated(problemOfError(err).Detail)
	}
	return err
}

// problemOfError is ProblemOf for what may be a problem already.
func problemOfError(err error) Problem {
	if p, ok := err.(*Problem); ok {
		return *p
	}
	return ProblemOf(err)
}
