package store

import (
	"go.etcd.io/bbolt"
)

// Collection holds documents by key.
type Collection[T any] struct {
	s      *Store
	schema Schema[T]
	bucket []byte
}

// Entry is a document with its key.
type Entry[T any] struct {
	Key   string
	Value T
}

// OpenCollection opens a collection of s, once per Store. It reads all its documents, so
// what it returns can be read whole. Errors: [ErrNewer], [ErrCorrupt], [ErrInvalid].
func OpenCollection[T any](s *Store, schema Schema[T]) (*Collection[T], error) {
	if err := schema.check(); err != nil {
		return nil, err
	}
	c := &Collection[T]{s, schema, []byte(collectionKind + ":" + schema.Name)}
	if err := s.claim(string(c.bucket), schema.Version); err != nil {
		return nil, err
	}
	_, err := c.All()
	return c, err
}

func (c *Collection[T]) op(verb string) string { return verb + " " + c.schema.Name }

// Put adds or replaces the document of a key (1 to [MaxKey] bytes of text). It is on the
// disk when Put returns nil.
func (c *Collection[T]) Put(key string, v T) error {
	return c.Change([]Entry[T]{{key, v}}, nil)
}

// Delete removes the document of a key, for good when it returns nil. That there is none is
// no error.
func (c *Collection[T]) Delete(key string) error {
	return c.Change(nil, []string{key})
}

// Change puts some documents and then removes others, all or none of it.
func (c *Collection[T]) Change(puts []Entry[T], deletes []string) error {
	op := c.op("change")
	docs := make([]raw, len(puts))
	for i, e := range puts {
		if err := checkKey(op, e.Key); err != nil {
			return err
		}
		envelope, err := c.schema.encode(op+" "+e.Key, []byte(e.Key), e.Value)
		if err != nil {
			return err
		}
		docs[i] = raw{[]byte(e.Key), envelope}
	}
	for _, key := range deletes {
		if err := checkKey(op, key); err != nil {
			return err
		}
	}
	return c.s.write(op, func(tx *bbolt.Tx) (refusal, fault error) {
		return nil, changeBucket(tx.Bucket(c.bucket), docs, deletes)
	})
}

func changeBucket(b *bbolt.Bucket, docs []raw, deletes []string) error {
	for _, d := range docs {
		if err := put(b, d.key, d.envelope); err != nil {
			return err
		}
	}
	for _, key := range deletes {
		if err := remove(b, []byte(key)); err != nil {
			return err
		}
	}
	return nil
}

// Get returns the document of a key, or an error of kind [ErrNotFound].
func (c *Collection[T]) Get(key string) (v T, err error) {
	op := c.op("get")
	if err := checkKey(op, key); err != nil {
		return v, err
	}
	var found raw
	err = c.s.view(op, func(tx *bbolt.Tx) error {
		if envelope := tx.Bucket(c.bucket).Get([]byte(key)); envelope != nil {
			found = copied([]byte(key), envelope)
		}
		return nil
	})
	switch {
	case err != nil:
		return v, err
	case found.key == nil:
		return v, errorf(ErrNotFound, op, "there is no %q", key)
	}
	return c.schema.decode(op, found.key, found.envelope)
}

// All returns every document, ordered by key.
func (c *Collection[T]) All() ([]Entry[T], error) {
	op := c.op("read")
	var found []raw
	err := c.s.view(op, func(tx *bbolt.Tx) error {
		return tx.Bucket(c.bucket).ForEach(func(key, envelope []byte) error {
			found = append(found, copied(key, envelope))
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	all := make([]Entry[T], len(found))
	for i, d := range found {
		v, err := c.schema.decode(op, d.key, d.envelope)
		if err != nil {
			return nil, err
		}
		all[i] = Entry[T]{string(d.key), v}
	}
	return all, nil
}

// Len returns the number of documents, 0 if the store cannot be read.
func (c *Collection[T]) Len() int { return c.s.length(c.bucket) }

func (s *Store) length(bucket []byte) (n int) {
	_ = s.view("count", func(tx *bbolt.Tx) error {
		n = count(tx.Bucket(bucket))
		return nil
	})
	return n
}
