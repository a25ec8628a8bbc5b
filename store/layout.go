package store

import (
	"fmt"
	"strconv"

	"go.etcd.io/bbolt"
)

// layout is the version of the file's own structure: buckets, keys and envelopes.
const layout = 1

const (
	metaBucket = "meta"
	layoutKey  = "layout"

	collectionKind = "collection"
	logKind        = "log"
)

func initialise(db *bbolt.DB) error {
	return db.Update(func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucket([]byte(metaBucket))
		if err != nil {
			return err
		}
		return putNumber(b, layoutKey, layout)
	})
}

// checkLayout refuses a file that is not a store, or one of a newer confd.
func (s *Store) checkLayout() error {
	var found int
	err := s.view("open", func(tx *bbolt.Tx) error {
		b := tx.Bucket([]byte(metaBucket))
		if b == nil {
			return s.corrupt(fmt.Errorf("it is a bbolt file but no store of confd: it has no bucket %q", metaBucket))
		}
		var err error
		found, err = number(b, layoutKey)
		return err
	})
	switch {
	case err != nil:
		return err
	case found > layout:
		return errorf(ErrNewer, "open "+s.path, "the file has layout %d, this confd knows up to %d; run the newer confd", found, layout)
	case found < 1:
		return s.corrupt(fmt.Errorf("its layout is %d, want 1 to %d", found, layout))
	}
	return nil
}

// claim opens a space once, creates its bucket and notes the version of its documents.
func (s *Store) claim(bucket string, version int) error {
	op := "open " + bucket
	if version < 1 || version > maxVersion {
		return errorf(ErrInvalid, op, "its version is %d, want 1 to %d", version, maxVersion)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.spaces[bucket] {
		return errorf(ErrInvalid, op, "it is open already; share the one that there is")
	}
	err := s.write(op, func(tx *bbolt.Tx) (refusal, fault error) { return noteVersion(tx, op, bucket, version) })
	if err == nil {
		s.spaces[bucket] = true
	}
	return err
}

func noteVersion(tx *bbolt.Tx, op, bucket string, version int) (refusal, fault error) {
	meta := tx.Bucket([]byte(metaBucket))
	found, err := number(meta, "version:"+bucket)
	if err != nil {
		return err, nil
	}
	if found > version {
		return errorf(ErrNewer, op, "its documents have version %d, this confd knows up to %d; run the newer confd", found, version), nil
	}
	if _, err := tx.CreateBucketIfNotExists([]byte(bucket)); err != nil {
		return nil, err
	}
	if found == version {
		return nil, nil
	}
	return nil, putNumber(meta, "version:"+bucket, version)
}

// number returns the number under a key, 0 if there is none.
func number(b *bbolt.Bucket, key string) (int, error) {
	v := b.Get([]byte(key))
	if v == nil {
		return 0, nil
	}
	n, err := strconv.Atoi(string(v))
	if err != nil {
		return 0, errorf(ErrCorrupt, "read "+key, "%q is no number", v)
	}
	return n, nil
}

func putNumber(b *bbolt.Bucket, key string, n int) error {
	return b.Put([]byte(key), strconv.AppendInt(nil, int64(n), 10))
}
