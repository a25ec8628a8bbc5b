package main

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"time"

	"github.com/confd/confd/api"
	"github.com/confd/confd/rooms"
	"github.com/confd/confd/webhook"
)

// feedBuffer is how many events webhooks may be behind before they have to ask again.
const feedBuffer = 4096

// webhooks is a manager of webhooks as the API sees it.
type webhooks struct{ manager *webhook.Manager }

// hookCodes is the one table from webhook's errors to the domain's.
var hookCodes = map[webhook.ErrorCode]rooms.ErrorCode{
	webhook.Invalid: rooms.Invalid, webhook.NotFound: rooms.NotFound, webhook.Conflict: rooms.Conflict, webhook.Disabled: rooms.Conflict,
	webhook.Full: rooms.Full, webhook.Closed: rooms.Draining, webhook.Internal: rooms.Internal,
}

func hookError(err error) error {
	var e *webhook.Error
	if !errors.As(err, &e) {
		return err // nil, or what the API itself returned
	}
	return &rooms.Error{Code: hookCodes[e.Code], Op: "webhook", Field: e.Field, Message: e.Message, Err: e}
}

// Create implements api.Webhooks.
func (w webhooks) Create(v api.Webhook) (api.Webhook, error) {
	s, err := w.manager.Create(webhook.Subscription{
		URL: v.URL, Kinds: v.Kinds, Rooms: v.Rooms, Secret: v.Secret, Disabled: v.Disabled, Description: v.Description,
	})
	return hookView(&s), hookError(err)
}

// List implements api.Webhooks.
func (w webhooks) List() []api.Webhook {
	all := w.manager.List()
	views := make([]api.Webhook, len(all))
	for i := range all {
		views[i] = w.withStatus(&all[i])
	}
	return views
}

// Get implements api.Webhooks.
func (w webhooks) Get(id string) (api.Webhook, error) {
	s, err := w.manager.Get(id)
	if err != nil {
		return api.Webhook{}, hookError(err)
	}
	return w.withStatus(&s), nil
}

// Update implements api.Webhooks.
func (w webhooks) Update(id string, change func(*api.Webhook) error, ifVersion *uint64) (api.Webhook, error) {
	s, err := w.manager.Update(id, func(s *webhook.Subscription) error {
		v := hookView(s)
		if err := change(&v); err != nil {
			return err
		}
		s.URL, s.Kinds, s.Rooms, s.Secret, s.Disabled, s.Description = v.URL, v.Kinds, v.Rooms, v.Secret, v.Disabled, v.Description
		return nil
	}, ifVersion)
	return hookView(&s), hookError(err)
}

// Delete implements api.Webhooks.
func (w webhooks) Delete(id string, ifVersion *uint64) error {
	return hookError(w.manager.Delete(id, ifVersion))
}

// Test implements api.Webhooks.
func (w webhooks) Test(ctx context.Context, id string) (api.WebhookTest, error) {
	r, err := w.manager.Test(ctx, id)
	return api.WebhookTest{Delivered: err == nil && r.Error == "", Status: r.Status, Error: r.Error, Duration: r.Took.Seconds()}, hookError(err)
}

// DeadLetters implements api.Webhooks.
func (w webhooks) DeadLetters(id string) ([]api.DeadLetter, error) {
	all, err := w.manager.DeadLetters(id)
	if err != nil {
		return nil, hookError(err)
	}
	views := make([]api.DeadLetter, len(all))
	for i, d := range all {
		views[i] = api.DeadLetter{
			ID: d.ID, Seq: d.Event.Seq, Kind: d.Event.Kind, Room: d.Event.Room, Reason: string(d.Reason),
			Attempts: d.Attempts, Status: d.Status, Error: d.Error, Died: d.Died.UTC(), Event: api.DeadEvent(d.Event.Body),
		}
	}
	return views, nil
}

// Redeliver implements api.Webhooks.
func (w webhooks) Redeliver(id, letter string) error {
	if err := w.owns(id, letter); err != nil {
		return err
	}
	_, err := w.manager.Redeliver(letter)
	return hookError(err)
}

// Discard implements api.Webhooks.
func (w webhooks) Discard(id, letter string) error {
	if err := w.owns(id, letter); err != nil {
		return err
	}
	return hookError(w.manager.Discard(letter))
}

// owns tells whether a dead letter is one of that subscription's.
func (w webhooks) owns(id, letter string) error {
	all, err := w.manager.DeadLetters(id)
	if err != nil {
		return hookError(err)
	}
	for i := range all {
		if all[i].ID == letter {
			return nil
		}
	}
	return &rooms.Error{Code: rooms.NotFound, Op: "webhook", Message: "the subscription has no such dead letter"}
}

func hookView(s *webhook.Subscription) api.Webhook {
	return api.Webhook{
		ID: s.ID, URL: s.URL, Kinds: append([]string{}, s.Kinds...), Rooms: append([]string{}, s.Rooms...), Secret: s.Secret,
		Description: s.Description, Disabled: s.Disabled, DisabledFor: s.DisabledFor,
		Created: s.Created.UTC(), Updated: s.Updated.UTC(), Version: s.Version,
	}
}

func (w webhooks) withStatus(s *webhook.Subscription) api.Webhook {
	v := hookView(s)
	st, err := w.manager.Status(s.ID)
	if err != nil { // it has just been deleted
		return v
	}
	v.Status = &api.WebhookStatus{
		Pending: st.Pending, DeadLetters: st.DeadLetters, Failing: st.Failing, Delivered: st.Delivered,
		LastAttempt: instant(st.LastAttempt), LastDelivered: instant(st.LastDelivered), LastStatus: st.LastStatus, LastError: st.LastError,
	}
	return v
}

func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// feed hands the events of a subscription, and of those that follow it, to webhooks until
// ctx or the registry ends. Whoever was too slow goes on where it was; what is forgotten by
// then is lost, and logged.
func (w webhooks) feed(ctx context.Context, g *rooms.Registry, sub *rooms.Subscription, log *slog.Logger) {
	for last := uint64(0); ; sub = g.Subscribe(rooms.SubscribeOptions{After: last, Buffer: feedBuffer}) {
		n, open := w.follow(ctx, sub, &last, log)
		sub.Close()
		if open || n == 0 { // ctx or the registry has ended
			return
		}
	}
}

// follow publishes a stream to its end, and returns how many events there were.
func (w webhooks) follow(ctx context.Context, sub *rooms.Subscription, last *uint64, log *slog.Logger) (n int, open bool) {
	for {
		e, ok := sub.Next(ctx)
		if !ok {
			return n, ctx.Err() != nil
		}
		n++
		*last = e.Seq
		if e.Kind == rooms.SnapshotTaken {
			log.Error("webhooks were too slow for the events, some of which they will not tell", "seq", e.Seq)
			continue
		}
		err := w.manager.Publish(webhook.Event{
			ID: "ev_" + strconv.FormatUint(e.Seq, 10), Seq: e.Seq, Room: string(e.Room), Kind: string(e.Kind), Body: api.EventText(e),
		})
		if err != nil && webhook.CodeOf(err) != webhook.Closed {
			log.Error("an event cannot be told by webhooks", "seq", e.Seq, "error", err)
		}
	}
}
