package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strconv"
	"time"
)

// Limits of an event stream.
const (
	silence   = 45 * time.Second // without a byte it is dead: the server says something every 15 s
	firstWait = time.Second      // before a broken stream is taken up again; it doubles
	longWait  = 30 * time.Second
	maxLine   = 256 << 20 // bytes; a snapshot is one line
)

// Follow says which events are wanted.
type Follow struct {
	Room  string // the one, "" for all
	Kinds string // as "participant.,digit", "" for all; snapshots come in any case
	After int64  // the Seq of the last event that is known; 0 begins with a snapshot
}

// Events follows what happens, each event once and in its order, until ctx ends or the loop
// does. A stream that breaks is taken up again where it broke; if the server has forgotten
// too much by then, or was started anew, a snapshot comes, which replaces all that was known.
// An error is the last that it yields: ctx's, or a *Problem for a stream that the server
// refuses, or that the server cannot be reached to begin with.
func (c *ClientWithResponses) Events(ctx context.Context, f Follow) iter.Seq2[*Event, error] {
	return func(yield func(*Event, error) bool) {
		s := follower{client: c, Follow: f, yield: yield}
		if err := s.run(ctx); err != nil && !errors.Is(err, errEnough) {
			yield(nil, err)
		}
	}
}

var (
	errEnough  = errors.New("enough") // the loop over events has ended
	errNoEvent = errors.New("client: the event stream has something else in it than events")
)

type follower struct {
	Follow
	client *ClientWithResponses
	yield  func(*Event, error) bool
	begun  bool // there was a stream
	failed int  // attempts since an event came
}

func (s *follower) run(ctx context.Context) error {
	for {
		err := s.stream(ctx)
		if final := s.final(ctx, err); final != nil {
			return final
		}
		wait := min(firstWait<<min(s.failed, 10), longWait)
		s.failed++
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// final returns the error that ends it all, nil if another attempt is worth it.
func (s *follower) final(ctx context.Context, err error) error {
	var p *Problem
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, errEnough), errors.Is(err, errNoEvent), err != nil && !s.begun:
		return err
	case errors.As(err, &p) && p.Status < http.StatusInternalServerError:
		return err
	}
	return nil
}

// stream reads one stream to its end.
func (s *follower) stream(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	res, err := s.open(ctx)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return Check(ParseWatchResponse(res))
	}
	s.begun = true
	dead := time.AfterFunc(silence, cancel)
	defer dead.Stop()
	return readEvents(res.Body, func() { dead.Reset(silence) }, s.take)
}

// open asks for the stream, which the generated client hands over as it comes.
func (s *follower) open(ctx context.Context) (*http.Response, error) {
	var last, kinds *string
	if s.After != 0 {
		last = new(strconv.FormatInt(s.After, 10))
	}
	if s.Kinds != "" {
		kinds = &s.Kinds
	}
	if s.Room != "" {
		return s.client.WatchRoom(ctx, s.Room, &WatchRoomParams{LastEventID: last, Kinds: kinds})
	}
	return s.client.Watch(ctx, &WatchParams{LastEventID: last, Kinds: kinds})
}

func (s *follower) take(e *Event) error {
	s.After, s.failed = e.Seq, 0
	if !s.yield(e, nil) {
		return errEnough
	}
	return nil
}

// readEvents reads server-sent events, of which each data is one Event, until the stream or
// take ends with an error. alive is called for every line.
func readEvents(r io.Reader, alive func(), take func(*Event) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	lines.Split(wholeLines)
	for lines.Scan() {
		alive()
		data, ok := bytes.CutPrefix(lines.Bytes(), []byte("data:"))
		if !ok {
			continue // comments; id and event, which are in the data, too; the blank line at the end
		}
		e := new(Event)
		if err := json.Unmarshal(data, e); err != nil {
			return fmt.Errorf("%w: %w", errNoEvent, err)
		}
		if err := take(e); err != nil {
			return err
		}
	}
	return lines.Err()
}

// wholeLines is bufio.ScanLines, but for a last line that broke off.
func wholeLines(data []byte, atEOF bool) (advance int, line []byte, err error) {
	if atEOF && bytes.IndexByte(data, '\n') < 0 {
		return len(data), nil, nil
	}
	return bufio.ScanLines(data, atEOF)
}
