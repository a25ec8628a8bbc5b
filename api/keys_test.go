package api

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/confd/confd/rooms"
)

// fakeKeys keeps keys in memory.
type fakeKeys struct {
	mu     sync.Mutex
	kept   map[string]Key
	broken error
}

func (f *fakeKeys) Load() ([]Key, error) {
	return slices.SortedFunc(maps.Values(f.kept), func(a, b Key) int { return strings.Compare(a.ID, b.ID) }), f.broken
}

func (f *fakeKeys) Save(k Key) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.broken == nil {
		f.kept[k.ID] = k
	}
	return f.broken
}

func (f *fakeKeys) Delete(id string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.broken == nil {
		delete(f.kept, id)
	}
	return f.broken
}

// newRing has these keys, and those of a store, which may be nil.
func newRing(t testing.TB, configured []Key, store *fakeKeys) *Keyring {
	t.Helper()
	if store == nil {
		store = &fakeKeys{kept: map[string]Key{}}
	}
	ring, err := NewKeyring(configured, store)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// A key that is made lets its holder in at once, within its scope and rooms, and no longer
// once it is revoked. Its secret is told once and kept nowhere.
func TestKeysComeAndGo(t *testing.T) {
	store := &fakeKeys{kept: map[string]Key{}}
	b := newBench(t, func(c *Config, _ *rooms.Config) { c.Keys = newRing(t, nil, store) })
	far := func(method, path, body, key string) int {
		return b.from("192.0.2.1:9", "confd.example", method, path, body, key).Code
	}
	if got := far("GET", "/v1/rooms", "", ""); got != 403 {
		t.Errorf("from afar, where there is no key: %d", got)
	}
	b.want(201, "POST", "/v1/rooms", `{"id":"standup"}`, nil)
	var made AccessKey
	w := b.want(201, "POST", "/v1/keys", `{"name":"wallboard","scope":"control","rooms":["Standup"]}`, &made)
	if made.Secret == "" || made.ID == "" || made.Scope != "control" || made.Configured || !slices.Equal(made.Rooms, []string{"standup"}) ||
		w.Header().Get("Location") != "/v1/keys/"+made.ID {
		t.Errorf("%+v, %v", made, w.Header())
	}
	for _, c := range []struct {
		method, path, body string
		want               int
	}{
		{"GET", "/v1/rooms/standup", "", 200}, {"PATCH", "/v1/rooms/standup", `{"locked":true}`, 200},
		{"POST", "/v1/rooms", `{"id":"other"}`, 403}, {"GET", "/v1/keys", "", 403},
		{"POST", "/v1/keys", `{"name":"x","scope":"admin"}`, 403}, {"DELETE", "/v1/keys/" + made.ID, "", 403},
	} {
		if got := far(c.method, c.path, c.body, made.Secret); got != c.want {
			t.Errorf("%s %s: %d, want %d", c.method, c.path, got, c.want)
		}
	}
	if got := far("GET", "/v1/rooms", "", ""); got != 401 {
		t.Errorf("from afar, where there is a key: %d", got)
	}
	if k := store.kept[made.ID]; k.Hash != HashKey(made.Secret) || strings.Contains(fmt.Sprint(k), made.Secret) {
		t.Errorf("kept is %+v", k)
	}
	if again := newRing(t, nil, store).find(made.Secret); again == nil || again.ID != made.ID {
		t.Error("a restart forgets the key")
	}
	var list struct{ Keys []AccessKey }
	b.want(200, "GET", "/v1/keys", "", &list)
	if len(list.Keys) != 1 || list.Keys[0].Name != "wallboard" || list.Keys[0].Secret != "" {
		t.Errorf("%+v", list)
	}
	b.want(200, "GET", "/v1/keys/"+made.ID, "", nil)
	b.want(204, "DELETE", "/v1/keys/"+made.ID, "", nil)
	if got := far("GET", "/v1/rooms/standup", "", made.Secret); got != 401 {
		t.Errorf("with a revoked key: %d", got)
	}
	b.want(404, "GET", "/v1/keys/"+made.ID, "", nil)
	b.want(404, "DELETE", "/v1/keys/"+made.ID, "", nil)
	if len(store.kept) != 0 {
		t.Errorf("kept is %v", store.kept)
	}
}

func TestKeysOfTheConfigurationStay(t *testing.T) {
	b := withKeys(t, nil)
	wantProblem(t, b.do("DELETE", "/v1/keys/2", ""), 403, "forbidden")
	var made AccessKey
	b.want(201, "POST", "/v1/keys", `{"name":"x","scope":"read"}`, &made)
	var page struct {
		Keys []AccessKey
		Next string
	}
	b.want(200, "GET", "/v1/keys?limit=6", "", &page)
	if len(page.Keys) != 6 || !page.Keys[0].Configured || page.Next != "6" || page.Keys[4].Expires == nil {
		t.Errorf("%+v", page)
	}
	b.want(200, "GET", "/v1/keys?after=6", "", &page)
	if len(page.Keys) != 1 || page.Keys[0].ID != made.ID || page.Keys[0].Configured {
		t.Errorf("%+v", page)
	}
	// A key may revoke itself.
	b.want(201, "POST", "/v1/keys", `{"name":"admin","scope":"admin"}`, &made)
	b.want(204, "DELETE", "/v1/keys/"+made.ID, "", nil, "Authorization", "Bearer "+made.Secret)
	b.want(401, "GET", "/v1/keys", "", nil, "Authorization", "Bearer "+made.Secret)
}

// What is wrong with a key is told, field by field.
func TestKeyErrors(t *testing.T) {
	b := newBench(t, nil)
	for _, c := range []struct{ body, field, says string }{
		{`{"scope":"read"}`, "", "name"},
		{`{"name":"","scope":"read"}`, "name", "length"},
		{`{"name":"a\nb","scope":"read"}`, "name", "control"},
		{`{"name":"` + strings.Repeat("ä", 65) + `","scope":"read"}`, "name", "128"},
		{`{"name":"a"}`, "", "scope"},
		{`{"name":"a","scope":"all"}`, "scope", "read, listen, control, admin"},
		{`{"name":"a","scope":"read","rooms":["a b"]}`, "rooms", "a-z"},
		{`{"name":"a","scope":"read","expires":"2001-01-01T00:00:00Z"}`, "expires", "past"},
		{`{"name":"a","scope":"read","expires":"soon"}`, "expires", ""},
		{`{"name":"a","scope":"read","id":"x"}`, "id", "expires, name, rooms, scope"},
	} {
		p := wantProblem(t, b.do("POST", "/v1/keys", c.body), 422, "invalid")
		if p.Field != c.field || !strings.Contains(p.Detail, c.says) {
			t.Errorf("%s: %+v, want field %q and %q", c.body, p, c.field, c.says)
		}
	}
	wantProblem(t, b.do("GET", "/v1/keys?after=x", ""), 422, "invalid")
	b.want(201, "POST", "/v1/keys", `{"name":"`+strings.Repeat("ä", 64)+`","scope":"read"}`, nil)
	if w := get(newServer(t, Config{}), "GET", "/v1/keys"); w.Code != 404 {
		t.Errorf("a server without keys: %d", w.Code)
	}
}

func TestKeysAreBounded(t *testing.T) {
	ring := newRing(t, make([]Key, maxKeys-1), nil)
	if _, err := ring.Create(KeyCreate{Name: "last", Scope: "read"}); err != nil {
		t.Error(err)
	}
	if _, err := ring.Create(KeyCreate{Name: "more", Scope: "read"}); rooms.CodeOf(err) != rooms.Full {
		t.Error(err)
	}
}

// Where the store fails, a key that was not kept lets nobody in, and one that is revoked
// lets nobody in either.
func TestKeysAndABrokenStore(t *testing.T) {
	store := &fakeKeys{kept: map[string]Key{}}
	ring := newRing(t, nil, store)
	k, err := ring.Create(KeyCreate{Name: "a", Scope: "read"})
	if err != nil {
		t.Fatal(err)
	}
	store.broken = errors.New("the disk is full")
	if _, err := ring.Create(KeyCreate{Name: "b", Scope: "read"}); !errors.Is(err, store.broken) || ring.Len() != 1 {
		t.Errorf("%v, and there are %d", err, ring.Len())
	}
	if err := ring.Revoke(k.ID); !errors.Is(err, store.broken) || ring.find(k.Secret) != nil {
		t.Errorf("%v, and it lets in %v", err, ring.find(k.Secret))
	}
	store.broken = nil
	if err := ring.Revoke(k.ID); err != nil || ring.Len() != 0 || len(store.kept) != 0 {
		t.Errorf("%v, and there are %d", err, ring.Len())
	}
	store.broken = errors.New("it cannot be read")
	if _, err := NewKeyring(nil, store); !errors.Is(err, store.broken) {
		t.Error(err)
	}
}

// An event stream ends with the key that opened it, by revocation or in time; those of other
// keys go on.
func TestStreamsEndWithTheirKey(t *testing.T) {
	b := newBench(t, nil)
	s := httptest.NewServer(b.Handler())
	t.Cleanup(s.Close)
	key := func(body string) (k AccessKey) {
		b.want(201, "POST", "/v1/keys", body, &k)
		return k
	}
	revoked, other := key(`{"name":"a","scope":"read"}`), key(`{"name":"b","scope":"read"}`)
	ends, goesOn := b.watchWith(s.URL, revoked.Secret), b.watchWith(s.URL, other.Secret)
	b.want(204, "DELETE", "/v1/keys/"+revoked.ID, "", nil)
	for range ends { // to its end
	}
	b.want(201, "POST", "/v1/rooms", `{"id":"after"}`, nil)
	for line := range goesOn {
		if strings.Contains(line, `"after"`) {
			break
		}
	}
	soon := key(`{"name":"c","scope":"read","expires":"` + time.Now().Add(time.Second).Format(time.RFC3339Nano) + `"}`)
	for range b.watchWith(s.URL, soon.Secret) {
	}
}

// watchWith opens an event stream and returns its lines.
func (b *bench) watchWith(server, key string) <-chan string {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	req, err := http.NewRequestWithContext(ctx, "GET", server+"/v1/events", nil)
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.StatusCode != 200 {
		b.t.Fatal(err, resp)
	}
	lines := make(chan string, 1000)
	go func() {
		defer close(lines)
		for scan := bufio.NewScanner(resp.Body); scan.Scan(); {
			lines <- scan.Text()
		}
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			b.t.Error("the stream does not end")
		}
	}()
	b.t.Cleanup(func() {
		cancel()
		resp.Body.Close()
	})
	return lines
}

// Keys come and go while requests are let in.
func TestKeysRace(t *testing.T) {
	ring := newRing(t, nil, nil)
	var work sync.WaitGroup
	for range 4 {
		work.Go(func() {
			for range 100 {
				k, err := ring.Create(KeyCreate{Name: "a", Scope: "read"})
				if err != nil || ring.find(k.Secret) == nil {
					t.Errorf("%v: a key is not in force", err)
				}
				if err := ring.Revoke(k.ID); err != nil || ring.find(k.Secret) != nil {
					t.Errorf("%v: a key is in force", err)
				}
			}
		})
	}
	work.Wait()
	if n := ring.Len(); n != 0 {
		t.Errorf("there are %d", n)
	}
}
