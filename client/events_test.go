package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// stage is what a server sends in answer to the n-th request for a stream.
type stage struct {
	status int
	text   string
}

// play serves stages in order, then nothing until the client goes; it notes where each
// request wants to go on.
func play(t *testing.T, stages ...stage) (c *ClientWithResponses, asked *[]string) {
	t.Helper()
	asked = new([]string)
	n := 0
	return serverOf(t, func(w http.ResponseWriter, r *http.Request) {
		*asked = append(*asked, r.URL.Path+" "+r.Header.Get("Last-Event-ID")+" "+r.URL.Query().Get("kinds"))
		if n == len(stages) {
			w.WriteHeader(200)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
			return
		}
		s := stages[n]
		n++
		contentType := "text/event-stream"
		if s.status != 200 {
			contentType = "application/problem+json"
		}
		answer(w, s.status, contentType, s.text)
	}, ""), asked
}

func event(seq int) string {
	return fmt.Sprintf("id: %d\nevent: digit\ndata: {\"seq\":%d,\"kind\":\"digit\"}\n\n", seq, seq)
}

func refusal(status int) stage {
	return stage{status, fmt.Sprintf(`{"type":"urn:confd:problem:x","title":"no","status":%d}`, status)}
}

// collect follows until there are want events, or an error.
func collect(t *testing.T, c *ClientWithResponses, f Follow, want int) (seqs []int64, err error) {
	t.Helper()
	for e, err := range c.Events(t.Context(), f) {
		if err != nil {
			return seqs, err
		}
		if seqs = append(seqs, e.Seq); len(seqs) == want {
			break
		}
	}
	return seqs, nil
}

// A stream that breaks in the middle of an event, or is refused for a while, goes on behind
// the last whole one.
func TestEventsResume(t *testing.T) {
	t.Parallel()
	c, asked := play(t,
		stage{200, "retry: 1000\n\n" + event(7) + ":\n\n" + event(8) + event(9)[:30]},
		refusal(503),
		stage{200, event(9) + event(10)})
	seqs, err := collect(t, c, Follow{Room: "a", Kinds: "digit"}, 4)
	if err != nil || !slices.Equal(seqs, []int64{7, 8, 9, 10}) {
		t.Errorf("%v, %v", seqs, err)
	}
	if want := []string{"/v1/rooms/a/events  digit", "/v1/rooms/a/events 8 digit", "/v1/rooms/a/events 8 digit"}; !slices.Equal(*asked, want) {
		t.Errorf("asked for %q, want %q", *asked, want)
	}
}

func TestEventsAfter(t *testing.T) {
	c, asked := play(t, stage{200, event(8)})
	if seqs, err := collect(t, c, Follow{After: 7}, 1); err != nil || !slices.Equal(seqs, []int64{8}) {
		t.Errorf("%v, %v", seqs, err)
	}
	if want := []string{"/v1/events 7 "}; !slices.Equal(*asked, want) {
		t.Errorf("asked for %q, want %q", *asked, want)
	}
}

func TestEventsEndWithError(t *testing.T) {
	t.Parallel()
	for name, stages := range map[string][]stage{
		"refused":               {refusal(403)},
		"overloaded, at first":  {refusal(503)},
		"refused later":         {{200, event(1)}, refusal(401)},
		"no event":              {{200, event(1) + "data: <p>\n\n"}},
		"no event in its place": {{200, event(1) + "data: []\n\n"}},
	} {
		c, asked := play(t, stages...)
		if _, err := collect(t, c, Follow{}, 2); err == nil || len(*asked) != len(stages) {
			t.Errorf("%s: %v after %d requests", name, err, len(*asked))
		}
	}
}

// The context's end is the loop's, too, while it waits for an event and before another try.
func TestEventsEndWithContext(t *testing.T) {
	for name, ends := range map[string]bool{"waiting": false, "trying again": true} {
		ctx, cancel := context.WithCancel(t.Context())
		c := serverOf(t, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(w).Flush()
			cancel()
			if !ends {
				<-r.Context().Done()
			}
		}, "")
		var got []error
		for _, err := range c.Events(ctx, Follow{}) {
			got = append(got, err)
		}
		if len(got) != 1 || !errors.Is(got[0], context.Canceled) {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func FuzzReadEvents(f *testing.F) {
	for _, s := range []string{"", event(1), ":\n\n" + event(1) + event(2), event(1)[:20], "data:{}", "data:\n", "data: {\"seq\":1}\r\n\r\n", "\n\n\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		taken := 0
		err := readEvents(strings.NewReader(text), func() {}, func(e *Event) error {
			if e == nil {
				t.Fatal("no event")
			}
			taken++
			return nil
		})
		if lines := strings.Count(text, "\n"); taken > lines || err == nil && taken != strings.Count("\n"+text[:strings.LastIndex(text, "\n")+1], "\ndata:") {
			t.Errorf("%d events in %q, error %v", taken, text, err)
		}
	})
}
