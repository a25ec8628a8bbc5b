package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/confd/confd/rooms"
)

// Scope is what a key may do; each includes those before it.
type Scope string

// Scopes.
const (
	ScopeRead    Scope = "read"    // look
	ScopeListen  Scope = "listen"  // hear: learn the keys of multicast groups
	ScopeControl Scope = "control" // change rooms and act in them
	ScopeAdmin   Scope = "admin"   // operate the server
)

var scopes = []Scope{"", ScopeRead, ScopeListen, ScopeControl, ScopeAdmin}

// covers tells whether who has s may do what needs o.
func (s Scope) covers(o Scope) bool { return slices.Index(scopes, s) >= slices.Index(scopes, o) }

// IsScope tells whether s is one that a key can have.
func IsScope(s Scope) bool { return s != "" && slices.Contains(scopes, s) }

// KeyHash is what is kept of a key: the SHA-256 of its secret, which is random and long.
type KeyHash [sha256.Size]byte

// HashKey returns what is kept of a secret.
func HashKey(secret string) KeyHash { return sha256.Sum256([]byte(secret)) }

// MarshalText writes hexadecimal digits.
func (h KeyHash) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h[:]), nil }

// UnmarshalText reads hexadecimal digits.
func (h *KeyHash) UnmarshalText(text []byte) error {
	raw, err := hex.DecodeString(string(text))
	if err != nil || len(raw) != len(h) {
		return fmt.Errorf("%.80q is no SHA-256; right are %d hexadecimal digits", text, 2*len(h))
	}
	copy(h[:], raw)
	return nil
}

// Key is an access key, without its secret.
type Key struct {
	ID      string       `json:"id"`
	Name    string       `json:"name,omitempty"` // for people
	Scope   Scope        `json:"scope"`
	Rooms   []rooms.Name `json:"rooms,omitempty"` // the only ones that it is good for; empty: all, and the server
	Hash    KeyHash      `json:"sha256"`
	Created time.Time    `json:"created"`
	Expires time.Time    `json:"expires,omitzero"` // zero: never
}

// caller is who a request comes from.
type caller struct {
	id    string // of the key; "" is who needs none
	scope Scope
	rooms []rooms.Name
	key   *heldKey // nil is who needs none
}

// name is how the log calls the caller.
func (c caller) name() string {
	if c.key == nil {
		return "this machine"
	}
	return c.id
}

type callerKey struct{}

func callerOf(ctx context.Context) caller {
	c, _ := ctx.Value(callerKey{}).(caller)
	return c
}

// mayRoom tells whether the caller's key is good for a room.
func (c caller) mayRoom(name rooms.Name) bool {
	return len(c.rooms) == 0 || slices.Contains(c.rooms, name)
}

// needRoom refuses a room that the caller's key is not good for.
func needRoom(ctx context.Context, name rooms.Name) error {
	if callerOf(ctx).mayRoom(name) {
		return nil
	}
	return refuse(http.StatusForbidden, string(rooms.Forbidden), "this key is not good for room %q", name)
}

// identify serves who has a key, and who is on this machine and says so in Host.
func (s *Server) identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := s.caller(r)
		if err != nil {
			WriteProblem(w, problemOfError(err))
			return
		}
		ctx, done := c.while(r)
		defer done()
		next.ServeHTTP(w, r.WithContext(context.WithValue(ctx, callerKey{}, c)))
	})
}

// while returns a context for a request that reads: it ends when the key does, since event
// streams would go on. What changes something is not broken off.
func (c caller) while(r *http.Request) (context.Context, func()) {
	if c.key == nil || r.Method != http.MethodGet {
		return r.Context(), func() {}
	}
	ctx, cancel := context.WithCancel(r.Context())
	stop := context.AfterFunc(c.key.revoked, cancel)
	if c.key.Expires.IsZero() {
		return ctx, func() { stop(); cancel() }
	}
	ctx, expire := context.WithDeadline(ctx, c.key.Expires)
	return ctx, func() { stop(); expire(); cancel() }
}

func (s *Server) caller(r *http.Request) (caller, error) {
	if h := r.Header.Get("Authorization"); h != "" {
		return s.keyHolder(h)
	}
	switch {
	case s.config.RequireKey || !isLoopbackPeer(r.RemoteAddr) && s.config.Keys.Len() > 0:
		return caller{}, refuse(http.StatusUnauthorized, codeUnauthorized, "a key is wanted: send the header Authorization: Bearer KEY")
	case !isLoopbackPeer(r.RemoteAddr):
		return caller{}, refuse(http.StatusForbidden, string(rooms.Forbidden), "without a key, only this machine is served")
	case !isLoopbackHost(r.Host):
		return caller{}, refuse(http.StatusForbidden, string(rooms.Forbidden),
			"the Host header is %s; served without a key are localhost, 127.0.0.1 and [::1]", clip(r.Host))
	}
	if err := s.sameOrigin(r); err != nil {
		return caller{}, err
	}
	return caller{scope: ScopeAdmin}, nil
}

// keyHolder finds who an Authorization header names.
func (s *Server) keyHolder(header string) (caller, error) {
	scheme, secret, _ := strings.Cut(header, " ")
	if secret = strings.TrimSpace(secret); !strings.EqualFold(scheme, "bearer") || secret == "" {
		return caller{}, refuse(http.StatusUnauthorized, codeUnauthorized, "the Authorization header is not of the form Bearer KEY")
	}
	found := s.config.Keys.find(secret)
	switch {
	case found == nil:
		return caller{}, refuse(http.StatusUnauthorized, codeUnauthorized, "there is no such key, or no longer")
	case !found.Expires.IsZero() && !time.Now().Before(found.Expires):
		return caller{}, refuse(http.StatusUnauthorized, codeUnauthorized, "the key has expired")
	}
	return caller{found.ID, found.Scope, found.Rooms, found}, nil
}

// allowed refuses what the caller's key is not for. room is "" for what belongs to none.
func (c caller) allowed(scope Scope, room string, ofRoom bool) error {
	if !c.scope.covers(scope) {
		return refuse(http.StatusForbidden, string(rooms.Forbidden), "this key has the scope %s, and %s is needed", c.scope, scope)
	}
	if len(c.rooms) == 0 || scope == "" {
		return nil
	}
	if !ofRoom {
		return refuse(http.StatusForbidden, string(rooms.Forbidden), "this key is good for single rooms, and this is about the server")
	}
	if name, err := parseRoom("path.room", room); room != "" && (err != nil || !c.mayRoom(name)) {
		return refuse(http.StatusForbidden, string(rooms.Forbidden), "this key is not good for room %s", clip(room))
	}
	return nil
}

// authorize is the framework's door: it knows which operation is meant.
func authorize(a huma.API) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		e := ctx.Operation().Metadata[metaEndpoint].(*endpoint)
		if err := callerOf(ctx.Context()).allowed(e.scope, ctx.Param("room"), e.perRoom); err != nil {
			p := problemOfError(err)
			ctx.SetHeader("Content-Type", p.ContentType(""))
			ctx.SetStatus(p.Status)
			_ = a.Marshal(ctx.BodyWriter(), "application/json", p)
			return
		}
		next(ctx)
	}
}
