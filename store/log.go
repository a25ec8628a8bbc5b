package store

import (
	"time"

	"go.etcd.io/bbolt"
)

// Log holds documents by time: records of what has been.
type Log[T any] struct {
	s      *Store
	schema Schema[T]
	bucket []byte
	keep   int
}

// Record is a document of a log.
type Record[T any] struct {
	Time  time.Time // UTC, to the nanosecond
	ID    string
	Value T
}

// LogOptions bound a log.
type LogOptions struct {
	Keep int // records at most, the oldest go first; 0 = no bound but Prune
}

// OpenLog opens a log of s, once per Store. Errors: [ErrNewer], [ErrInvalid].
func OpenLog[T any](s *Store, schema Schema[T], o LogOptions) (*Log[T], error) {
	if err := schema.check(); err != nil {
		return nil, err
	}
	if o.Keep < 0 {
		return nil, errorf(ErrInvalid, "open", "%d records to keep; want at least 1, or 0 for no bound", o.Keep)
	}
	l := &Log[T]{s, schema, []byte(logKind + ":" + schema.Name), o.Keep}
	return l, s.claim(string(l.bucket), schema.Version)
}

func (l *Log[T]) op(verb string) string { return verb + " " + l.schema.Name }

// Append hands over a record of time t; v is read before Append returns. It never waits for
// the disk: [Store.Flush] does. The same time and id again replace the record. An error
// means that the record is lost, and counted if it was a proper one: [ErrFull] if too many
// wait, [ErrClosed], [ErrBroken], or [ErrInvalid].
func (l *Log[T]) Append(t time.Time, id string, v T) error {
	op := l.op("append to")
	if err := checkTime(op, t); err != nil {
		return err
	}
	if err := checkKey(op, id); err != nil {
		return err
	}
	key := recordKey(t, id)
	envelope, err := l.schema.encode(op, key, v)
	if err != nil {
		return err
	}
	return l.s.writer.record(&job{op: op, size: len(key) + len(envelope), apply: func(tx *bbolt.Tx) (refusal, fault error) {
		b := tx.Bucket(l.bucket)
		if err := put(b, key, envelope); err != nil {
			return nil, err
		}
		return nil, l.trim(b)
	}})
}

func (l *Log[T]) trim(b *bbolt.Bucket) error {
	for l.keep > 0 && count(b) > l.keep {
		oldest, _ := b.Cursor().First() // there is one: Open has checked the count
		if err := remove(b, oldest); err != nil {
			return err
		}
	}
	return nil
}

// Prune removes the records older than t and returns how many there were. It works in
// steps, between which others write.
func (l *Log[T]) Prune(t time.Time) (n int, err error) {
	const step = 1000
	op := l.op("prune")
	if err := checkTime(op, t); err != nil {
		return 0, err
	}
	for end := timeKey(t); ; {
		removed := 0
		err := l.s.write(op, func(tx *bbolt.Tx) (refusal, fault error) {
			removed, fault = removeBefore(tx.Bucket(l.bucket), end, step)
			return nil, fault
		})
		if err != nil {
			return n, err
		}
		if n += removed; removed < step {
			return n, nil
		}
	}
}

func removeBefore(b *bbolt.Bucket, end []byte, limit int) (removed int, err error) {
	var keys [][]byte
	c := b.Cursor()
	for k, _ := c.First(); k != nil && string(k) < string(end) && len(keys) < limit; k, _ = c.Next() {
		keys = append(keys, append([]byte(nil), k...)) // moves when the tree changes
	}
	for _, k := range keys {
		if err := remove(b, k); err != nil {
			return 0, err
		}
	}
	return len(keys), nil
}

// Len returns the number of records on the disk, 0 if the store cannot be read.
func (l *Log[T]) Len() int { return l.s.length(l.bucket) }
