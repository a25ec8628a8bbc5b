package store

import (
	"encoding/binary"

	"go.etcd.io/bbolt"
)

// Queues holds documents first in, first out, by the name of a queue. A queue comes into
// being with its first item and ends with its last.
type Queues[T any] struct {
	s      *Store
	schema Schema[T]
	bucket []byte
	limit  int
}

// Item is a document of a queue. Seq grows over all queues and is never given again.
type Item[T any] struct {
	Seq   uint64
	Value T
}

// OpenQueues opens a set of queues of s, once per Store; each takes at most limit items.
// Errors: [ErrNewer], [ErrInvalid].
func OpenQueues[T any](s *Store, schema Schema[T], limit int) (*Queues[T], error) {
	if err := schema.check(); err != nil {
		return nil, err
	}
	if limit < 1 {
		return nil, errorf(ErrInvalid, "open", "the limit of the queues is %d, want at least 1", limit)
	}
	q := &Queues[T]{s, schema, []byte(queueKind + ":" + schema.Name), limit}
	return q, s.claim(string(q.bucket), schema.Version)
}

func (q *Queues[T]) op(verb string) string { return verb + " " + q.schema.Name }

// Push adds v at the end of a queue and returns its number. It is on the disk when Push
// returns nil. A queue at its limit is [ErrFull].
func (q *Queues[T]) Push(name string, v T) (seq uint64, err error) {
	op := q.op("push to")
	if err := checkKey(op, name); err != nil {
		return 0, err
	}
	doc, err := q.schema.encode(op, nil, v)
	if err != nil {
		return 0, err
	}
	err = q.s.write(op, func(tx *bbolt.Tx) (refusal, fault error) {
		seq, refusal, fault = q.push(op, tx.Bucket(q.bucket), name, doc[documentHeader:])
		return refusal, fault
	})
	if err != nil {
		return 0, err
	}
	return seq, nil
}

func (q *Queues[T]) push(op string, all *bbolt.Bucket, name string, doc []byte) (seq uint64, refusal, fault error) {
	if b := all.Bucket([]byte(name)); b != nil && count(b) >= q.limit {
		return 0, errorf(ErrFull, op, "queue %q has %d items, its limit", name, q.limit), nil
	}
	b, err := all.CreateBucketIfNotExists([]byte(name))
	if err != nil {
		return 0, nil, err
	}
	if seq, err = all.NextSequence(); err != nil {
		return 0, nil, err
	}
	key := binary.BigEndian.AppendUint64(nil, seq)
	return seq, nil, put(b, key, pack(key, q.schema.Version, doc))
}

// Peek returns the first item of a queue and leaves it there; ok is false if it is empty.
func (q *Queues[T]) Peek(name string) (item Item[T], ok bool, err error) {
	op := q.op("peek at")
	if err := checkKey(op, name); err != nil {
		return item, false, err
	}
	var first raw
	err = q.s.view(op, func(tx *bbolt.Tx) error {
		if b := tx.Bucket(q.bucket).Bucket([]byte(name)); b != nil {
			first = copied(b.Cursor().First())
		}
		return nil
	})
	if err != nil || first.key == nil {
		return item, false, err
	}
	v, err := q.schema.decode(op, first.key, first.envelope)
	if err == nil && len(first.key) != 8 {
		err = errorf(ErrCorrupt, op, "queue %q has a key of %d bytes, want 8", name, len(first.key))
	}
	if err != nil {
		return item, false, err
	}
	return Item[T]{binary.BigEndian.Uint64(first.key), v}, true, nil
}

// Pop removes the item of number seq, which Peek gave; that it is gone is no error. It is
// gone for good when Pop returns nil.
func (q *Queues[T]) Pop(name string, seq uint64) error {
	op := q.op("pop from")
	if err := checkKey(op, name); err != nil {
		return err
	}
	return q.s.write(op, func(tx *bbolt.Tx) (refusal, fault error) {
		all := tx.Bucket(q.bucket)
		b := all.Bucket([]byte(name))
		if b == nil {
			return nil, nil
		}
		if err := remove(b, binary.BigEndian.AppendUint64(nil, seq)); err != nil || count(b) > 0 {
			return nil, err
		}
		return nil, all.DeleteBucket([]byte(name))
	})
}

// Drop removes a queue with all its items and returns how many there were.
func (q *Queues[T]) Drop(name string) (n int, err error) {
	op := q.op("drop")
	if err := checkKey(op, name); err != nil {
		return 0, err
	}
	err = q.s.write(op, func(tx *bbolt.Tx) (refusal, fault error) {
		all := tx.Bucket(q.bucket)
		b := all.Bucket([]byte(name))
		if b == nil {
			return nil, nil
		}
		n = count(b)
		return nil, all.DeleteBucket([]byte(name))
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// Names returns the queues that have items, in order.
func (q *Queues[T]) Names() (names []string, err error) {
	err = q.s.view(q.op("list"), func(tx *bbolt.Tx) error {
		return tx.Bucket(q.bucket).ForEachBucket(func(name []byte) error {
			names = append(names, string(name))
			return nil
		})
	})
	return names, err
}

// Len returns the number of items of a queue, 0 if the store cannot be read.
func (q *Queues[T]) Len(name string) int {
	if name == "" {
		return 0
	}
	return q.s.length(q.bucket, []byte(name))
}
