package api

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/confd/confd/rooms"
)

// maxKeys is how many access keys there may be: each request is compared with all.
const maxKeys = 1000

// KeyStore keeps access keys, without their secrets.
type KeyStore interface {
	Load() ([]Key, error)
	Save(Key) error // in force after a crash, too, when it returns
	Delete(id string) error
}

// Keyring is the access keys that there are: those of the configuration, and those that come
// and go and are kept in a store. What changes is in force at once. Any goroutine may call it.
type Keyring struct {
	store    KeyStore
	changing sync.Mutex                 // of what follows; to look needs none
	held     atomic.Pointer[[]*heldKey] // never changed, but replaced
}

// heldKey is a key that lets requests in.
type heldKey struct {
	Key
	isFixed bool
	revoked context.Context // ends with the key
	revoke  context.CancelFunc
}

func hold(k Key, isFixed bool) *heldKey {
	h := &heldKey{Key: k, isFixed: isFixed}
	h.revoked, h.revoke = context.WithCancel(context.Background())
	return h
}

// NewKeyring returns the keys of a configuration and of a store. Error: that of the store.
func NewKeyring(configured []Key, store KeyStore) (*Keyring, error) {
	kept, err := store.Load()
	if err != nil {
		return nil, err
	}
	var held []*heldKey
	for _, k := range configured {
		held = append(held, hold(k, true))
	}
	for _, k := range kept {
		held = append(held, hold(k, false))
	}
	r := &Keyring{store: store}
	r.held.Store(&held)
	return r, nil
}

// Len returns how many keys there are; nil has none.
func (r *Keyring) Len() int {
	if r == nil {
		return 0
	}
	return len(*r.held.Load())
}

// find returns the key of a secret, nil if there is none. It looks at all keys, each in the
// same time, so that its time tells nothing.
func (r *Keyring) find(secret string) (found *heldKey) {
	if r == nil {
		return nil
	}
	sum := HashKey(secret)
	for _, k := range *r.held.Load() {
		if subtle.ConstantTimeCompare(k.Hash[:], sum[:]) == 1 && k.revoked.Err() == nil {
			found = k
		}
	}
	return found
}

// List returns all keys: those of the configuration, those of the store as it has them, and
// those made since, the newest last.
func (r *Keyring) List() []AccessKey {
	all := []AccessKey{}
	for _, k := range *r.held.Load() {
		all = append(all, k.view())
	}
	return all
}

// Create makes up a key. Its secret is in the result and nowhere else. Errors: *rooms.Error,
// Invalid, Full, or what the store says.
func (r *Keyring) Create(q KeyCreate) (AccessKey, error) {
	k, secret, err := q.key(time.Now())
	if err != nil {
		return AccessKey{}, err
	}
	r.changing.Lock()
	defer r.changing.Unlock()
	held := *r.held.Load()
	if len(held) >= maxKeys {
		return AccessKey{}, keyError(rooms.Full, "", "there are %d keys, as many as may be; revoke some", len(held))
	}
	if err := r.store.Save(k); err != nil {
		return AccessKey{}, err
	}
	made := hold(k, false)
	held = append(slices.Clip(held), made)
	r.held.Store(&held)
	view := made.view()
	view.Secret = secret
	return view, nil
}

// Revoke forgets a key and cuts off whoever reads with it. It is refused from the call on,
// even if the store does not take that, which is the error then; it can be called again.
// Errors: *rooms.Error, NotFound, Forbidden for a key of the configuration.
func (r *Keyring) Revoke(id string) error {
	r.changing.Lock()
	defer r.changing.Unlock()
	held := *r.held.Load()
	i := slices.IndexFunc(held, func(k *heldKey) bool { return k.ID == id })
	if i < 0 {
		return noKey(id)
	}
	k := held[i]
	if k.isFixed {
		return keyError(rooms.Forbidden, "", "the key %s is in http.keys of the configuration; take it out there", clip(id))
	}
	k.revoke()
	if err := r.store.Delete(id); err != nil {
		return err
	}
	held = slices.Delete(slices.Clone(held), i, i+1)
	r.held.Store(&held)
	return nil
}

// AccessKey is an access key, as JSON.
type AccessKey struct {
	ID         string     `json:"id" doc:"Names the key." example:"key_q3v7mq4wz6xa3tbn"`
	Name       string     `json:"name" doc:"For people: who uses it." example:"wallboard"`
	Scope      string     `json:"scope" enum:"read,listen,control,admin" doc:"What it may do: read; listen, also learn the keys of multicast groups; control, also change rooms and act in them; admin, also operate the server." example:"read"`
	Rooms      []string   `json:"rooms" nullable:"false" doc:"The only rooms that it is good for. Empty: all, and the server." example:"[\"standup\"]"`
	Created    *time.Time `json:"created,omitempty" doc:"When it was made; absent for one of the configuration." example:"2026-03-01T09:00:00Z"`
	Expires    *time.Time `json:"expires,omitempty" doc:"Until when it is good; absent: for ever." example:"2026-04-01T09:00:00Z"`
	Configured bool       `json:"configured" doc:"It is in the configuration of the server, and can be revoked only there." example:"false"`
	Secret     string     `json:"secret,omitempty" doc:"What requests carry: Authorization: Bearer SECRET. It is told once, when it is made." example:"confd_7kq4zv2m9xw3tbn5c8yd6rfj1ghp0sla"`
}

func (k *heldKey) view() AccessKey {
	v := AccessKey{
		ID: k.ID, Name: k.Name, Scope: string(k.Scope), Rooms: []string{},
		Created: instant(k.Created), Expires: instant(k.Expires), Configured: k.isFixed,
	}
	for _, room := range k.Rooms {
		v.Rooms = append(v.Rooms, string(room))
	}
	return v
}

// KeyCreate is the body that makes a key.
type KeyCreate struct {
	Name    string     `json:"name" minLength:"1" maxLength:"128" doc:"For people: who uses it; at most 128 bytes." example:"wallboard"`
	Scope   string     `json:"scope" enum:"read,listen,control,admin" doc:"What it may do: read; listen, also learn the keys of multicast groups; control, also change rooms and act in them; admin, also operate the server." example:"read"`
	Rooms   []string   `json:"rooms,omitempty" maxItems:"256" doc:"The only rooms that it is good for, which need not be there yet. Default []: all, and the server." example:"[\"standup\"]"`
	Expires *time.Time `json:"expires,omitempty" doc:"Until when it is good. Default: for ever." example:"2026-04-01T09:00:00Z"`
}

// key makes up the key that is asked for.
func (q *KeyCreate) key(now time.Time) (k Key, secret string, err error) {
	isBad := func(r rune) bool { return unicode.IsControl(r) || r == utf8.RuneError }
	switch {
	case q.Name == "" || len(q.Name) > 128 || strings.ContainsFunc(q.Name, isBad):
		return k, "", keyError(rooms.Invalid, "name", "%s is no name for a key; right are 1 to 128 bytes of text without control characters", clip(q.Name))
	case !IsScope(Scope(q.Scope)):
		return k, "", keyError(rooms.Invalid, "scope", "%s is no scope; right is read, listen, control or admin", clip(q.Scope))
	case q.Expires != nil && !q.Expires.After(now):
		return k, "", keyError(rooms.Invalid, "expires", "%s is past; right is a time to come", q.Expires.Format(time.RFC3339))
	}
	secret = "confd_" + strings.ToLower(rand.Text()+rand.Text())
	k = Key{
		ID: "key_" + strings.ToLower(rand.Text()[:16]), Name: q.Name, Scope: Scope(q.Scope),
		Hash: HashKey(secret), Created: now.UTC().Truncate(time.Second),
	}
	if q.Expires != nil {
		k.Expires = q.Expires.UTC()
	}
	for _, room := range q.Rooms {
		name, err := parseRoom("body.rooms", room)
		if err != nil {
			return k, "", keyError(rooms.Invalid, "rooms", "%s", strings.TrimPrefix(err.Error(), "rooms: "))
		}
		k.Rooms = append(k.Rooms, name)
	}
	return k, secret, nil
}

func noKey(id string) error { return keyError(rooms.NotFound, "", "there is no key %s", clip(id)) }

func keyError(code rooms.ErrorCode, field, format string, args ...any) error {
	e := &rooms.Error{Code: code, Op: "key", Field: field, Message: fmt.Sprintf(format, args...)}
	if field != "" {
		e.Message = field + ": " + e.Message
	}
	return e
}

// OfKey is the path of a key.
type OfKey struct {
	ID string `path:"id" minLength:"1" maxLength:"256" doc:"The key's id." example:"key_q3v7mq4wz6xa3tbn"`
}

// KeyAnswer is one key.
type KeyAnswer struct{ Body AccessKey }

// MadeKey is a key that was made.
type MadeKey struct {
	Location string `header:"Location"`
	Body     AccessKey
}

// KeyList is a page of keys.
type KeyList struct {
	Body struct {
		Keys []AccessKey `json:"keys" nullable:"false" doc:"Access keys: those of the configuration first."`
		Next
	}
}

func (s *Server) addKeys() {
	if s.config.Keys == nil {
		return
	}
	add(s, endpoint{method: "GET", path: "/v1/keys", id: "list-keys", tag: "server", scope: ScopeAdmin,
		summary: "List access keys", text: "Without secrets, which are kept nowhere."}, s.listKeys)
	add(s, endpoint{method: "POST", path: "/v1/keys", id: "create-key", tag: "server", scope: ScopeAdmin, status: http.StatusCreated,
		summary: "Create an access key", text: "It is in force at once, and survives a restart. The answer has the secret; no other does.",
		problems: []string{"full", "internal"}}, s.createKey)
	add(s, endpoint{method: "GET", path: "/v1/keys/{id}", id: "get-key", tag: "server", scope: ScopeAdmin,
		summary: "Read an access key", text: "Without its secret.", problems: []string{"not_found"}}, s.getKey)
	add(s, endpoint{method: "DELETE", path: "/v1/keys/{id}", id: "revoke-key", tag: "server", scope: ScopeAdmin, status: http.StatusNoContent,
		summary: "Revoke an access key", text: "At once: event streams that were opened with it end, too. What a request with it has begun to change is changed.",
		problems: []string{"not_found", "internal"}}, s.revokeKey)
}

func (s *Server) listKeys(_ context.Context, in *Paging) (*KeyList, error) {
	all := s.config.Keys.List()
	if in.After != "" {
		i := slices.IndexFunc(all, func(k AccessKey) bool { return k.ID == in.After })
		if i < 0 {
			return nil, invalid("query.after", "there is no key %s any more; begin anew", clip(in.After))
		}
		all = all[i+1:]
	}
	out := &KeyList{}
	if len(all) > in.Limit {
		all = all[:in.Limit]
		out.Body.Next.Next = all[in.Limit-1].ID
	}
	out.Body.Keys = all
	return out, nil
}

func (s *Server) createKey(ctx context.Context, in *struct {
	Repeatable
	Body KeyCreate
}) (*MadeKey, error) {
	k, err := s.config.Keys.Create(in.Body)
	if err != nil {
		return nil, err
	}
	s.config.Logger.Info("an access key was made", "key", k.ID, "name", k.Name, "scope", k.Scope, "rooms", k.Rooms, "by", callerOf(ctx).name())
	return &MadeKey{Location: "/v1/keys/" + k.ID, Body: k}, nil
}

func (s *Server) getKey(_ context.Context, in *OfKey) (*KeyAnswer, error) {
	all := s.config.Keys.List()
	if i := slices.IndexFunc(all, func(k AccessKey) bool { return k.ID == in.ID }); i >= 0 {
		return &KeyAnswer{all[i]}, nil
	}
	return nil, noKey(in.ID)
}

func (s *Server) revokeKey(ctx context.Context, in *OfKey) (*struct{}, error) {
	if err := s.config.Keys.Revoke(in.ID); err != nil {
		return nil, err
	}
	s.config.Logger.Info("an access key was revoked", "key", in.ID, "by", callerOf(ctx).name())
	return nil, nil
}
