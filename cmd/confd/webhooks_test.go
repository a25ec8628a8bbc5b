package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/confd/confd/internal/testkit/leak"
	"github.com/confd/confd/internal/testkit/wait"
	"github.com/confd/confd/rooms"
	"github.com/confd/confd/webhook"
)

// A stream of events that was cut off goes on where it was: webhooks are told of each event
// once.
func TestWebhooksResume(t *testing.T) {
	leak.Check(t)
	const n = 20
	var mu sync.Mutex
	told := map[string]int{}
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		told[r.Header.Get("Webhook-Id")]++
		mu.Unlock()
	}))
	defer hook.Close()
	m, err := webhook.New(webhook.Config{AllowHTTP: true, AllowPrivate: prefixes("127.0.0.0/8")})
	if err != nil {
		t.Fatal(err)
	}
	w := webhooks{m}
	if _, err := m.Create(webhook.Subscription{URL: hook.URL, Kinds: []string{"room.created"}}); err != nil {
		t.Fatal(err)
	}
	g := rooms.New(rooms.Config{Logger: slog.New(slog.DiscardHandler)})
	sub := g.Subscribe(rooms.SubscribeOptions{Live: true, Buffer: 1})
	for i := range n {
		if _, err := g.Create(context.Background(), rooms.Name(fmt.Sprint("r", i)), rooms.Settings{}); err != nil {
			t.Fatal(err)
		}
	}
	wait.For(t, "a subscriber that is cut off", func() bool { return g.Counts().SubscribersCut == 1 })
	var feeding sync.WaitGroup
	feeding.Go(func() { w.feed(context.Background(), g, sub, slog.New(slog.DiscardHandler)) })
	wait.For(t, "all events", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(told) == n
	})
	g.Close()
	feeding.Wait()
	if err := m.Close(context.Background()); err != nil {
		t.Error(err)
	}
	for id, times := range told {
		if times != 1 {
			t.Errorf("%s was told %d times", id, times)
		}
	}
}
