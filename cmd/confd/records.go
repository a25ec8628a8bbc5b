package main

import (
	"encoding/json"
	"errors"
	"fmt"
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
	return readPage(s.calls, q, q.TakesCall)
}

// Conferences returns a page of conferences.
func (s *storage) Conferences(q api.RecordQuery) ([]rooms.ConferenceRecord, string, error) {
	return readPage(s.conferences, q, q.TakesConference)
}

func readPage[T any](l *store.Log[T], q api.RecordQuery, take func(T) bool) ([]T, string, error) {
	page, err := l.Page(store.Query[T]{After: q.After, Limit: q.Limit, From: storable(q.From), To: storable(q.To), Match: take})
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

// Call returns one call.
func (s *storage) Call(id string) (rooms.CallRecord, error) {
	return readOne(s.calls, id, func(c rooms.CallRecord) bool { return c.ID == id })
}

// Conference returns one conference.
func (s *storage) Conference(id string) (rooms.ConferenceRecord, error) {
	return readOne(s.conferences, id, func(c rooms.ConferenceRecord) bool { return c.ID == id })
}

// readOne looks where the id says that the record is: a log is ordered by time.
func readOne[T any](l *store.Log[T], id string, is func(T) bool) (one T, err error) {
	began, ok := rooms.IDTime(id)
	var page store.Page[T]
	if ok {
		from, to := storable(began), storable(began.Add(time.Millisecond))
		page, err = l.Page(store.Query[T]{Limit: 1, From: from, To: to, Match: is})
	}
	switch {
	case err != nil:
		return one, err
	case len(page.Records) == 0:
		return one, &rooms.Error{Code: rooms.NotFound, Op: "read record", Message: fmt.Sprintf("there is no record of %.40q", id)}
	}
	return page.Records[0].Value, nil
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
