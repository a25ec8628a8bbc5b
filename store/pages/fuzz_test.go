package pages

import (
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

// What Check lets pass must hold bbolt's own weight: it opens the file, finds the same
// number of keys and can write, without a panic. The input is a list of edits to a good
// file, four bytes each: where (three bytes) and what.
func FuzzCheck(f *testing.F) {
	bases := [][]byte{write(f, several), write(f, func(*bbolt.Tx) error { return nil })}
	f.Add(uint8(0), uint16(0), []byte{})
	f.Add(uint8(0), uint16(0), []byte{0, 12, 8, 0x10})
	f.Add(uint8(0), uint16(900), []byte{0, 16, 0, 3, 0, 16, 24, 1})
	f.Add(uint8(1), uint16(0), []byte{0, 0, 16 + 40, 9, 0, 4, 16 + 16, 2, 0, 8, 10, 1})
	path := filepath.Join(f.TempDir(), "file")
	f.Fuzz(func(t *testing.T, base uint8, cut uint16, edits []byte) {
		data := edit(bases[int(base)%len(bases)], cut, edits)
		keys := 0
		count := func([]string, []byte, []byte) error { keys++; return nil }
		err := Check(&reader{data}, int64(len(data)), Visitor{Key: count})
		if err != nil {
			return
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := useWith(path, keys); err != nil {
			t.Error(err)
		}
	})
}

// edit returns a copy of a file, edited and shortened, with checksums that match.
func edit(base []byte, cut uint16, edits []byte) []byte {
	data := append([]byte{}, base[:len(base)-int(cut)%len(base)]...)
	for ; len(edits) >= 4 && len(data) > 0; edits = edits[4:] {
		at := int(edits[0])<<16 | int(edits[1])<<8 | int(edits[2])
		data[at%len(data)] = edits[3]
	}
	for at := headerSize; at <= 1024+headerSize && at+metaSize <= len(data); at += 1024 {
		sum := fnv.New64a()
		sum.Write(data[at : at+checksumAt])
		order.PutUint64(data[at+checksumAt:], sum.Sum64())
	}
	return data
}

func useWith(path string, want int) error {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{NoSync: true, Timeout: time.Second})
	if err != nil {
		return fmt.Errorf("bbolt does not open what passed: %w", err)
	}
	defer db.Close()
	keys := 0
	return db.Update(func(tx *bbolt.Tx) error {
		if err := count(tx, &keys); err != nil || keys != want {
			return fmt.Errorf("bbolt finds %d keys, Check %d: %v", keys, want, err)
		}
		b, err := tx.CreateBucketIfNotExists([]byte("big"))
		if err != nil {
			return nil // a key of that name that is no bucket: told by an error, fine
		}
		if err := b.Put([]byte("new"), make([]byte, 3000)); err != nil {
			return nil
		}
		c := b.Cursor()
		for k, v := c.First(); k != nil; k, v = c.Next() {
			if v != nil {
				if err := c.Delete(); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func count(tx *bbolt.Tx, keys *int) error {
	var walk func(b *bbolt.Bucket) error
	walk = func(b *bbolt.Bucket) error {
		return b.ForEach(func(k, v []byte) error {
			if v != nil {
				*keys++
				return nil
			}
			return walk(b.Bucket(k))
		})
	}
	c := tx.Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		if v != nil {
			*keys++
		} else if err := walk(tx.Bucket(k)); err != nil {
			return err
		}
	}
	return nil
}

// reader is a ReaderAt over bytes that never reads past their end.
type reader struct{ data []byte }

func (r *reader) ReadAt(b []byte, off int64) (int, error) {
	if off < 0 || off > int64(len(r.data)) {
		return 0, fmt.Errorf("read at %d of %d", off, len(r.data))
	}
	n := copy(b, r.data[off:])
	if n < len(b) {
		return n, fmt.Errorf("read past the end")
	}
	return n, nil
}
