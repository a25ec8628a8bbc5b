package pages

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"
)

// write makes a file with pages of 1 KiB through bbolt, closes it and returns its bytes.
func write(t testing.TB, fill func(tx *bbolt.Tx) error) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{PageSize: 1024, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Update(fill); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// several has a bucket with a tree, one inline, one nested, a long value and free pages.
func several(tx *bbolt.Tx) error {
	for _, name := range []string{"big", "outer", "small", "long"} {
		if _, err := tx.CreateBucket([]byte(name)); err != nil {
			return err
		}
	}
	for i := range 120 {
		if err := tx.Bucket([]byte("big")).Put(fmt.Appendf(nil, "key %03d", i), bytes.Repeat([]byte{byte(i)}, 40)); err != nil {
			return err
		}
	}
	inner, err := tx.Bucket([]byte("outer")).CreateBucket([]byte("inner"))
	if err != nil {
		return err
	}
	for _, b := range []*bbolt.Bucket{inner, tx.Bucket([]byte("small"))} {
		if err := b.Put([]byte("k"), []byte("v")); err != nil {
			return err
		}
	}
	return tx.Bucket([]byte("long")).Put([]byte("k"), make([]byte, 5000))
}

func check(data []byte) (keys int, err error) {
	err = Check(bytes.NewReader(data), int64(len(data)), Visitor{Key: func(path []string, _, _ []byte) error {
		if len(path) == 0 {
			return fmt.Errorf("a key outside all buckets")
		}
		keys++
		return nil
	}})
	return keys, err
}

func TestWholeFilePasses(t *testing.T) {
	keys, err := check(write(t, several))
	if err != nil || keys != 123 {
		t.Errorf("%d keys, %v; want 123", keys, err)
	}
	if keys, err := check(write(t, func(*bbolt.Tx) error { return nil })); err != nil || keys != 0 {
		t.Errorf("an empty file: %d keys, %v", keys, err)
	}
}

func TestVisitorEndsTheCheck(t *testing.T) {
	data := write(t, several)
	stop := fmt.Errorf("enough")
	none := func([]string, []byte, []byte) error { return nil }
	for _, v := range []Visitor{
		{Key: func([]string, []byte, []byte) error { return stop }},
		{Key: none, Bucket: func([]string, uint64, int) error { return stop }},
	} {
		if err := Check(bytes.NewReader(data), int64(len(data)), v); err != stop {
			t.Errorf("%v, want the visitor's error", err)
		}
	}
}

func TestBucketsAreTold(t *testing.T) {
	data := write(t, func(tx *bbolt.Tx) error {
		if err := several(tx); err != nil {
			return err
		}
		return tx.Bucket([]byte("big")).SetSequence(77)
	})
	var got []string
	err := Check(bytes.NewReader(data), int64(len(data)), Visitor{
		Key: func([]string, []byte, []byte) error { return nil },
		Bucket: func(path []string, sequence uint64, keys int) error {
			got = append(got, fmt.Sprint(strings.Join(path, "/"), " ", sequence, " ", keys))
			return nil
		},
	})
	want := "big 77 120, long 0 1, outer/inner 0 1, outer 0 0, small 0 1"
	if s := strings.Join(got, ", "); err != nil || s != want {
		t.Errorf("%s, %v; want %s", s, err, want)
	}
}

func TestFaultsAreNamed(t *testing.T) {
	whole := write(t, several)
	m, err := currentMeta(bytes.NewReader(whole), int64(len(whole)))
	if err != nil {
		t.Fatal(err)
	}
	at := func(page uint64) int { return int(page) * int(m.pageSize) }
	for _, c := range []struct {
		name, want string
		damage     func(b []byte) []byte
	}{
		{"empty", "cannot be read", func(b []byte) []byte { return nil }},
		{"not bbolt", "no meta page", func(b []byte) []byte { return bytes.Repeat([]byte("text "), 4000) }},
		{"both metas torn", "checksum", func(b []byte) []byte { b[20+headerSize]++; b[1024+20+headerSize]++; return b }},
		{"cut off", "cut off", func(b []byte) []byte { return b[:at(m.high-1)] }},
		{"root is free list", "is of kind", func(b []byte) []byte { b[at(m.root)+8] = freelistPage; return b }},
		{"wrong number", "says that it is page", func(b []byte) []byte { b[at(m.root)]++; return b }},
		{"too many keys", "do not fit", func(b []byte) []byte { b[at(m.root)+11] = 0x70; return b }},
		{"overflow", "claims", func(b []byte) []byte { b[at(m.root)+14] = 1; return b }},
		{"key beyond", "outside", func(b []byte) []byte { b[at(m.root)+headerSize+6] = 1; return b }},
		{"free list is a leaf", "list of free", func(b []byte) []byte { b[at(m.freelist)+8] = leafPage; return b }},
		{"empty leaf", "has 0 keys", func(b []byte) []byte { b[at(below(whole))+10] = 0; return b }},
		{"branch to one page", "has 1 keys", func(b []byte) []byte { b[at(branch(whole))+10] = 1; return b }},
		{"root is free", "listed as free", func(b []byte) []byte {
			order.PutUint64(b[at(m.freelist)+headerSize:], m.root)
			order.PutUint16(b[at(m.freelist)+10:], 1)
			return b
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := check(c.damage(bytes.Clone(whole)))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want an error with %q", err, c.want)
			}
		})
	}
}

// branch returns the first branch page of a file with pages of 1024 bytes, below the first
// page that it leads to.
func branch(file []byte) uint64 {
	for id := uint64(firstTree); ; id++ {
		if order.Uint16(file[id*1024+8:]) == branchPage && order.Uint64(file[id*1024:]) == id {
			return id
		}
	}
}

func below(file []byte) uint64 { return order.Uint64(file[branch(file)*1024+headerSize+8:]) }

// One torn meta page leaves the other.
func TestOneMetaPageIsEnough(t *testing.T) {
	whole := write(t, several)
	for i := range 2 {
		data := bytes.Clone(whole)
		data[i*1024+headerSize+20]++
		if _, err := check(data); err != nil {
			t.Errorf("meta page %d torn: %v", i, err)
		}
	}
}
