package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
)

func TestCollection(t *testing.T) {
	eachPath(t, func(t *testing.T, path string) {
		c := collectionOf(t, openAt(t, path, Options{}))
		mustPut(t, c, "b", 1)
		mustPut(t, c, "a", 2)
		mustPut(t, c, "b", 3)
		if v, err := c.Get("b"); err != nil || v.N != 3 {
			t.Errorf("got %v, %v", v, err)
		}
		all, err := c.All()
		if err != nil || len(all) != 2 || all[0].Key != "a" || all[1].Key != "b" {
			t.Errorf("all: %v, %v", all, err)
		}
		if err := errors.Join(c.Delete("b"), c.Delete("b")); err != nil {
			t.Error(err)
		}
		_, err = c.Get("b")
		wantKind(t, err, ErrNotFound)
		if got := contents(t, c); !maps.Equal(got, map[string]int{"a": 2}) {
			t.Errorf("left: %v", got)
		}
	})
}

func TestCollectionOutlivesTheStore(t *testing.T) {
	path := filePath(t)
	want := map[string]int{}
	for round := range 3 {
		s := openAt(t, path, Options{})
		c := collectionOf(t, s)
		if got := contents(t, c); !maps.Equal(got, want) {
			t.Fatalf("round %d: %v, want %v", round, got, want)
		}
		for i := range 25 {
			key := fmt.Sprint("key ", i*(round+1))
			mustPut(t, c, key, round)
			want[key] = round
		}
		closeNow(t, s)
	}
}

func TestChangeIsOne(t *testing.T) {
	c := collectionOf(t, openAt(t, "", Options{}))
	mustPut(t, c, "old", 1)
	if err := c.Change([]Entry[thing]{{"a", thing{N: 1}}, {"b", thing{N: 2}}}, []string{"old", "b", "none"}); err != nil {
		t.Fatal(err)
	}
	wantKind(t, c.Change([]Entry[thing]{{"x", thing{}}, {"", thing{}}}, nil), ErrInvalid)
	wantKind(t, c.Change([]Entry[thing]{{"x", thing{}}}, []string{""}), ErrInvalid)
	if got := contents(t, c); !maps.Equal(got, map[string]int{"a": 1}) {
		t.Errorf("%v, want a alone", got)
	}
}

func TestLimitsOfKeysAndDocuments(t *testing.T) {
	c := collectionOf(t, openAt(t, "", Options{}))
	for _, key := range []string{"", strings.Repeat("k", MaxKey+1), "a\x00b", "\xff"} {
		wantKind(t, c.Put(key, thing{}), ErrInvalid)
		_, err := c.Get(key)
		wantKind(t, err, ErrInvalid)
		wantKind(t, c.Delete(key), ErrInvalid)
	}
	mustPut(t, c, strings.Repeat("k", MaxKey), 1)
	overhead := len(`{"n":0,"text":""}`)
	if err := c.Put("long", thing{Text: strings.Repeat("x", MaxDocument-overhead)}); err != nil {
		t.Error(err)
	}
	wantKind(t, c.Put("longer", thing{Text: strings.Repeat("x", MaxDocument-overhead+1)}), ErrInvalid)
	if n := c.Len(); n != 2 {
		t.Errorf("%d documents, want 2", n)
	}
}

func TestNoJSONIsInvalid(t *testing.T) {
	c, err := OpenCollection(openAt(t, "", Options{}), Schema[any]{Name: "any", Version: 1})
	if err != nil {
		t.Fatal(err)
	}
	wantKind(t, c.Put("a", func() {}), ErrInvalid)
}

func TestVersions(t *testing.T) {
	path := filePath(t)
	s := openAt(t, path, Options{})
	c := collectionOf(t, s)
	mustPut(t, c, "a", 1)
	closeNow(t, s)

	newer := Schema[thing]{Name: things.Name, Version: 3, Migrate: func(version int, doc []byte) (thing, error) {
		var v thing
		err := json.Unmarshal(doc, &v)
		v.Text = fmt.Sprint("from ", version)
		return v, err
	}}
	s = openAt(t, path, Options{})
	c, err := OpenCollection(s, newer)
	if err != nil {
		t.Fatal(err)
	}
	mustPut(t, c, "b", 2)
	a, errA := c.Get("a")
	b, errB := c.Get("b")
	if err := errors.Join(errA, errB); err != nil || a.Text != "from 1" || a.N != 1 || b.Text != "" {
		t.Errorf("a %+v, b %+v, %v", a, b, err)
	}
	closeNow(t, s)

	_, err = OpenCollection(openAt(t, path, Options{}), things)
	wantKind(t, err, ErrNewer)
}

// A document that cannot be migrated is found when the collection is opened.
func TestMigrationFailsEarly(t *testing.T) {
	path := filePath(t)
	s := openAt(t, path, Options{})
	mustPut(t, collectionOf(t, s), "a", 1)
	closeNow(t, s)
	refuse := func(int, []byte) (thing, error) { return thing{}, errors.New("no way") }
	_, err := OpenCollection(openAt(t, path, Options{}), Schema[thing]{Name: things.Name, Version: 2, Migrate: refuse})
	wantKind(t, err, ErrCorrupt)
	if err != nil && !strings.Contains(err.Error(), "no way") {
		t.Errorf("%v does not say why", err)
	}
}

func TestManyWritersAtOnce(t *testing.T) {
	s := openAt(t, filePath(t), Options{})
	c := collectionOf(t, s)
	var all sync.WaitGroup
	for w := range 20 {
		all.Go(func() {
			for i := range 20 {
				key := fmt.Sprint(w, " ", i)
				mustPutNow(t, c, key, i)
				if v, err := c.Get(key); err != nil || v.N != i {
					t.Errorf("%s: %v, %v", key, v, err)
				}
				if i%2 == 1 {
					if err := c.Delete(key); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	all.Wait()
	if n := len(contents(t, c)); n != 200 {
		t.Errorf("%d documents, want 200", n)
	}
	if st := s.Stats(); st.Commits >= 600 || st.Failures != 0 {
		t.Errorf("%+v: 600 changes took no commit together", st)
	}
}

func mustPutNow(t *testing.T, c *Collection[thing], key string, n int) {
	if err := c.Put(key, thing{N: n}); err != nil {
		t.Error(err)
	}
}
