//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// maxUnderWay bounds the requests that wait for their answers, and the connections.
const maxUnderWay = 512

// client speaks to the API.
type client struct {
	base string
	http *http.Client
}

func newClient(address string) *client {
	t := &http.Transport{MaxIdleConnsPerHost: maxUnderWay, DisableCompression: true}
	return &client{base: "http://" + address, http: &http.Client{Transport: t}}
}

// request is one that can be sent once.
type request struct {
	kind         string
	method, path string
	body         string
	answered     func() // if it worked
}

// do sends a request and hands over its answer. An answer that is no success is an error.
func (c *client) do(ctx context.Context, r request, read func(io.Reader) error) error {
	q, err := http.NewRequestWithContext(ctx, r.method, c.base+r.path, strings.NewReader(r.body))
	if err != nil {
		return err
	}
	if r.body != "" {
		q.Header.Set("Content-Type", "application/json")
	}
	answer, err := c.http.Do(q)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode > 299 {
		text, _ := io.ReadAll(io.LimitReader(answer.Body, 300))
		return fmt.Errorf("%s: %s", answer.Status, text)
	}
	return read(answer.Body)
}

// discard reads an answer to its end.
func discard(from io.Reader) error {
	_, err := io.Copy(io.Discard, from)
	return err
}

func (c *client) createRoom(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	body := fmt.Sprintf(`{"id":%q,"name":"A room full of phones"}`, id)
	if err := c.do(ctx, request{method: "POST", path: "/v1/rooms", body: body}, discard); err != nil {
		return fmt.Errorf("create the room: %w", err)
	}
	return nil
}

// participants returns the ids of who is in a room.
func (c *client) participants(ctx context.Context, room string) (ids []string, err error) {
	for after := ""; ; {
		var page struct {
			Participants []struct{ ID string }
			Next         string
		}
		err := c.do(ctx, request{method: "GET", path: "/v1/rooms/" + room + "/participants?limit=500&after=" + after},
			func(from io.Reader) error { return json.NewDecoder(from).Decode(&page) })
		if err != nil {
			return nil, fmt.Errorf("list participants: %w", err)
		}
		for _, p := range page.Participants {
			ids = append(ids, p.ID)
		}
		if after = page.Next; after == "" {
			return ids, nil
		}
	}
}

// watch follows all events until ctx ends; each is told to seen.
func (c *client) watch(ctx context.Context, seen func()) error {
	err := c.do(ctx, request{method: "GET", path: "/v1/events"}, func(from io.Reader) error {
		r := bufio.NewReader(from)
		for {
			line, err := r.ReadSlice('\n')
			for errors.Is(err, bufio.ErrBufferFull) { // the rest of a long line
				_, err = r.ReadSlice('\n')
			}
			if err != nil {
				return fmt.Errorf("an event stream ended: %w", err)
			}
			if strings.HasPrefix(string(line), "event: ") {
				seen()
			}
		}
	})
	if ctx.Err() != nil {
		return nil
	}
	return err
}
