package store

import (
	"bytes"
	"time"

	"go.etcd.io/bbolt"
)

// MaxPage is the most records that a page can have.
const MaxPage = 1000

const (
	maxScan = 10000 // records looked at for one page
	chunk   = 256   // records read in one transaction, of at most
	maxRead = 4 << 20
)

// Query says which records of a log to read.
type Query[T any] struct {
	After string       // cursor: only records older than that page; "" = from the newest
	Limit int          // 1 to MaxPage
	From  time.Time    // not older than that; zero = no bound
	To    time.Time    // older than that; zero = no bound
	Match func(T) bool // nil = all; called outside any transaction
}

// Page is a part of a log, newest first.
type Page[T any] struct {
	Records []Record[T]
	Next    string // cursor of the page after this one; "" = there are no older records
	Damaged int    // records passed over because they could not be read
}

// Page returns the next records of a log that match. A cursor is a place in time: what is
// appended, pruned or lost between two pages neither repeats nor hides another record. At
// most 10,000 records are looked at, so a page may have fewer records than Limit, or none,
// and yet a Next. Records not yet on the disk are not seen. Errors: [ErrInvalid] for a
// cursor, limit or time, [ErrClosed], [ErrBroken].
func (l *Log[T]) Page(q Query[T]) (Page[T], error) {
	var p Page[T]
	op := l.op("read")
	from, to, err := q.bounds(op)
	if err != nil {
		return p, err
	}
	for scanned := 0; ; {
		found, more, err := l.older(op, from, to)
		if err != nil {
			return p, err
		}
		for i, d := range found {
			scanned++
			l.add(&p, q.Match, d)
			if len(p.Records) == q.Limit || scanned == maxScan {
				if more || i+1 < len(found) {
					p.Next = makeCursor(d.key)
				}
				return p, nil
			}
			to = d.key
		}
		if !more {
			return p, nil
		}
	}
}

// bounds returns the keys between which to look, the upper one exclusive; nil = no bound.
func (q Query[T]) bounds(op string) (from, to []byte, err error) {
	if q.Limit < 1 || q.Limit > MaxPage {
		return nil, nil, errorf(ErrInvalid, op, "the limit is %d, want 1 to %d", q.Limit, MaxPage)
	}
	if to, err = parseCursor(op, q.After); err != nil {
		return nil, nil, err
	}
	if !q.From.IsZero() {
		if err := checkTime(op, q.From); err != nil {
			return nil, nil, err
		}
		from = timeKey(q.From)
	}
	if !q.To.IsZero() {
		if err := checkTime(op, q.To); err != nil {
			return nil, nil, err
		}
		if end := timeKey(q.To); to == nil || bytes.Compare(end, to) < 0 {
			to = end
		}
	}
	return from, to, nil
}

// older returns some records below key to and not below from, newest first, and whether
// there are more.
func (l *Log[T]) older(op string, from, to []byte) (found []raw, more bool, err error) {
	err = l.s.view(op, func(tx *bbolt.Tx) error {
		c := tx.Bucket(l.bucket).Cursor()
		size := 0
		for k, v := last(c, to); k != nil && bytes.Compare(k, from) >= 0; k, v = c.Prev() {
			if len(found) == chunk || size > maxRead {
				more = true
				return nil
			}
			found = append(found, copied(k, v))
			size += len(v)
		}
		return nil
	})
	return found, more, err
}

// last moves to the last key below to, nil meaning the end.
func last(c *bbolt.Cursor, to []byte) (k, v []byte) {
	if to == nil {
		return c.Last()
	}
	if k, _ = c.Seek(to); k == nil {
		return c.Last()
	}
	return c.Prev()
}

func (l *Log[T]) add(p *Page[T], match func(T) bool, d raw) {
	if len(d.key) <= timeSize {
		p.Damaged++
		return
	}
	v, err := l.schema.decode("", d.key, d.envelope)
	if err != nil {
		p.Damaged++
		return
	}
	if match == nil || match(v) {
		t, id := splitKey(d.key)
		p.Records = append(p.Records, Record[T]{t, id, v})
	}
}
