package main

import (
	"encoding/json"
	"errors"
	"math"
	"time"

	"github.com/confd/confd/api"
	"github.com/confd/confd/rooms"
	"github.com/confd/confd/store"
)

// pruneEvery is how often records that have become too old are looked for.
const pruneEvery = time.Hour

// record keeps what is over and logs it, in one line. Rooms call it and do not wait.
func (s *storage) record(r rooms.Record) {
	var err error
	if c := r.Call; c != nil {
		err = s.calls.Append(c.Started, c.ID, *c)
		s.logRecord("call", api.CallOf(c))
	}
	if c := r.Conference; c != nil {
		err = errors.Join(err, s.conferences.Append(c.Opened, c.ID, *c))
		s.logRecord("conference", api.ConferenceOf(c))
	}
	if err != nil {
		s.log.Error("a record is in the log only", "error", err)
	}
}

func (s *storage) logRecord(kind string, record any) {
	text, err := json.Marshal(record)
	if err != nil { // our own types do not fail
		s.log.Error("a record cannot be written", "kind", kind, "error", err)
		return
	}
	s.log.Info("record", "kind", kind, "record", json.RawMessage(text))
}

// prune forgets old records, now and every hour, until the storage closes.
func (s *storage) prune(keep time.Duration) {
	every := time.NewTicker(pruneEvery)
	defer every.Stop()
	for {
		before := time.Now().Add(-keep)
		calls, err := s.calls.Prune(before)
		conferences, err2 := s.conferences.Prune(before)
		if err := errors.Join(err, err2); err != nil {
			s.log.Error("old records stay", "error", err)
		} else if calls+conferences > 0 {
			s.log.Info("old records are gone", "calls", calls, "conferences", conferences)
		}
		select {
		case <-every.C:
		case <-s.ended:
			return
		}
	}
}

// Calls returns a page of calls.
func (s *storage) Calls(q api.RecordQuery) ([]rooms.CallRecord, string, error) {
	return readPage(s.calls, q, func(c rooms.CallRecord) bool { return c.Room == q.Room })
}

// Conferences returns a page of conferences.
func (s *storage) Conferences(q api.RecordQuery) ([]rooms.ConferenceRecord, string, error) {
	return readPage(s.conferences, q, func(c rooms.ConferenceRecord) bool { return c.Room == q.Room })
}

func readPage[T any](l *store.Log[T], q api.RecordQuery, ofRoom func(T) bool) ([]T, string, error) {
	if q.Room == "" {
		ofRoom = nil
	}
	page, err := l.Page(store.Query[T]{After: q.After, Limit: q.Limit, From: storable(q.From), To: storable(q.To), Match: ofRoom})
	if errors.Is(err, store.ErrInvalid) {
		return nil, "", &rooms.Error{Code: rooms.Invalid, Op: "list records", Message: err.Error(), Field: "after", Err: err}
	}
	if err != nil {
		return nil, "", err
	}
	records := make([]T, len(page.Records))
	for i, r := range page.Records {
		records[i] = r.Value
	}
	return records, page.Next, nil
}

// storable brings a time to the years that a store knows, 1678 to 2261. Zero stays zero.
func storable(t time.Time) time.Time {
	first, last := time.Unix(0, math.MinInt64), time.Unix(0, math.MaxInt64)
	switch {
	case t.IsZero():
		return t
	case t.Before(first):
		return first
	case t.After(last):
		return last
	}
	return t
}
