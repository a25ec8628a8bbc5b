package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

// A cursor is refused, or leads to a place in the log; one that is taken comes back as it was.
func FuzzCursor(f *testing.F) {
	s := openAt(f, "", Options{})
	l := logOf(f, s, LogOptions{})
	appendAll(f, s, l, down(20, 0)...)
	p, err := l.Page(Query[thing]{Limit: 3})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(p.Next)
	f.Add(makeCursor(recordKey(time.Unix(0, 0), "\xff")))
	f.Add("AQ")
	f.Add("")
	f.Fuzz(func(t *testing.T, cursor string) {
		p, err := l.Page(Query[thing]{Limit: 5, After: cursor})
		if err != nil {
			if !errors.Is(err, ErrInvalid) {
				t.Error(err)
			}
			return
		}
		key, err := parseCursor("", cursor)
		if err != nil || cursor != "" && makeCursor(key) != cursor {
			t.Errorf("%q reads as %q, %v", cursor, key, err)
		}
		for _, r := range p.Records {
			if cursor != "" && bytes.Compare(recordKey(r.Time, r.ID), key) >= 0 {
				t.Errorf("%+v is not older than the cursor", r)
			}
		}
	})
}

// Whatever lies in the file under whatever key, reading gives a document that was written,
// or tells of damage.
func FuzzDocument(f *testing.F) {
	doc, err := json.Marshal(thing{7, "text"})
	if err != nil {
		f.Fatal(err)
	}
	key := recordKey(epoch, "id")
	f.Add(key, pack(key, 1, doc))
	f.Add(key, pack(key, 9, doc))
	f.Add(key, pack([]byte("other"), 1, doc))
	f.Add(key, pack(key, 1, []byte(`{"n":"text"}`)))
	f.Add([]byte("k"), pack([]byte("k"), 1, []byte("null")))
	f.Add([]byte{0}, []byte{})
	s := openAt(f, "", Options{})
	c, l := collectionOf(f, s), logOf(f, s, LogOptions{})
	f.Fuzz(func(t *testing.T, key, value []byte) {
		if len(key) == 0 || len(key) > bbolt.MaxKeySize {
			return
		}
		set := func(value []byte) {
			err := s.write("test", func(tx *bbolt.Tx) (refusal, fault error) {
				for _, b := range [][]byte{c.bucket, l.bucket} {
					if value == nil {
						fault = errors.Join(fault, remove(tx.Bucket(b), key))
					} else {
						fault = errors.Join(fault, put(tx.Bucket(b), key, value))
					}
				}
				return nil, fault
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		set(append([]byte{}, value...))
		defer set(nil)
		p, err := l.Page(Query[thing]{Limit: 10})
		if err != nil || len(p.Records)+p.Damaged != 1 {
			t.Errorf("%+v, %v", p, err)
		}
		all, err := c.All()
		if err != nil && !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrNewer) {
			t.Errorf("%v is of no kind", err)
		}
		if _, _, bad := unpack(key, value); bad != nil && (err == nil || len(p.Records) > 0) {
			t.Errorf("damage (%v) reads as %v, %v", bad, all, p.Records)
		}
	})
}

// A key is refused, or holds its own document and no other's.
func FuzzKey(f *testing.F) {
	for _, key := range []string{"daily", "a/b", "ä ö", "", "\x00", "\xff\xfe", string(make([]byte, MaxKey+1))} {
		f.Add(key, key+"x")
	}
	c := collectionOf(f, openAt(f, "", Options{}))
	f.Fuzz(func(t *testing.T, a, b string) {
		bad := c.Put(a, thing{N: 1})
		if bad != nil {
			wantKind(t, bad, ErrInvalid)
			return
		}
		if err := c.Put(b, thing{N: 2}); err != nil {
			wantKind(t, err, ErrInvalid)
		} else if v, err := c.Get(b); err != nil || v.N != 2 {
			t.Errorf("%q: %v, %v", b, v, err)
		}
		if v, err := c.Get(a); err != nil || v.N != 1 && a != b {
			t.Errorf("%q: %v, %v", a, v, err)
		}
		for _, key := range []string{a, b} {
			if err := c.Delete(key); err != nil {
				wantKind(t, err, ErrInvalid)
			}
		}
		if n := c.Len(); n != 0 {
			t.Errorf("%d documents left", n)
		}
	})
}
