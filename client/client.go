package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/oapi-codegen/nullable"
)

// New returns a client of the server at a URL such as http://127.0.0.1:8080. key is the
// access key, "" for none. It may be used by several goroutines. Error: what is no URL.
func New(server, key string, options ...ClientOption) (*ClientWithResponses, error) {
	if !strings.HasPrefix(server, "http://") && !strings.HasPrefix(server, "https://") {
		return nil, fmt.Errorf("client: %q is no URL of a server; right is something like http://127.0.0.1:8080", server)
	}
	if key != "" {
		options = append(options, WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
			r.Header.Set("Authorization", "Bearer "+key)
			return nil
		}))
	}
	return NewClientWithResponses(server, options...)
}

// Answer is what every method returns whose name ends in WithResponse.
type Answer interface {
	Status() string
	StatusCode() int
	GetApplicationProblemJSONDefault() *Problem
}

// Check returns nil if the server did what it was asked for: the error of the call if it
// failed, and otherwise, for a status that is no success, what is wrong. That is a *Problem,
// but for a proxy's words.
func Check(a Answer, err error) error {
	switch {
	case err != nil:
		return err
	case a.StatusCode() >= 200 && a.StatusCode() < 300:
		return nil
	}
	if p := a.GetApplicationProblemJSONDefault(); p != nil && p.Type != "" {
		return p
	}
	return fmt.Errorf("client: the server answers %s", a.Status())
}

const problemPrefix = "urn:confd:problem:"

// Code is what kind of problem it is, in a word that never changes: "not_found", "invalid".
func (p *Problem) Code() string { return strings.TrimPrefix(p.Type, problemPrefix) }

// Error tells what was wrong, and what would be right.
func (p *Problem) Error() string {
	if p.Detail == nil {
		return p.Title
	}
	return *p.Detail
}

// CodeOf returns the code of the problem that err is, "" if it is none.
func CodeOf(err error) string {
	var p *Problem
	if errors.As(err, &p) {
		return p.Code()
	}
	return ""
}

// Set is a field of a patch that is set to v.
func Set[T any](v T) nullable.Nullable[T] { return nullable.NewNullableWithValue(v) }

// Null is a field of a patch that is reset to its default.
func Null[T any]() nullable.Nullable[T] { return nullable.NewNullNullable[T]() }
