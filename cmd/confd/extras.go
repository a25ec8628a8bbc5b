package main

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/confd/confd/announce/library"
	"github.com/confd/confd/api"
	"github.com/confd/confd/internal/buildinfo"
	"github.com/confd/confd/rooms"
	"github.com/confd/confd/store"
	"github.com/confd/confd/webhook"
)

// extras are what serves the API beside the rooms: webhooks and sound files.
type extras struct {
	hooks     *webhook.Manager
	announcer *announcer // nil if there is no folder of sound files
	feeding   sync.WaitGroup
	cancel    context.CancelFunc
}

// startExtras begins to tell webhooks of events and opens the folder of sound files.
func (s *server) startExtras() (err error) {
	kept, err := openHookStore(s.storage.file)
	if err != nil {
		return fmt.Errorf("store.path: %w", err)
	}
	c := &s.config
	s.extras.hooks, err = webhook.New(webhook.Config{
		Store: kept, AllowPrivate: c.Webhooks.AllowNetworks, AllowHTTP: c.Webhooks.AllowHTTP,
		UserAgent: "confd/" + buildinfo.Version, Logger: s.log,
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.extras.cancel = cancel
	// From here on: what was restored is no news.
	events := s.registry.Subscribe(rooms.SubscribeOptions{Live: true, Buffer: feedBuffer})
	s.extras.feeding.Go(func() { webhooks{s.extras.hooks}.feed(ctx, s.registry, events, s.log) })
	if c.Sounds.Folder == "" {
		return nil
	}
	files, err := library.Open(library.Config{Dir: c.Sounds.Folder, ReadOnly: !c.Sounds.Upload, MaxSize: int64(c.Sounds.MaxSize)})
	if err != nil {
		return fmt.Errorf("sounds.folder: %w", err)
	}
	s.extras.announcer = newAnnouncer(s.registry, files, c.Audio.Period, int64(c.Sounds.MaxSize), s.log)
	return nil
}

// addTo gives the API what there is.
func (e *extras) addTo(c *api.Config) {
	c.Webhooks = webhooks{e.hooks}
	if e.announcer != nil {
		c.Announcer, c.Sounds = e.announcer, e.announcer
	}
}

// close ends webhooks and lets go of the sound files. The registry has been closed, and
// with it the stream of events, which is read to its end.
func (e *extras) close() error {
	var errs []error
	e.feeding.Wait()
	if e.cancel != nil {
		e.cancel()
	}
	if e.hooks != nil {
		errs = append(errs, e.hooks.Close(context.Background()))
	}
	if e.announcer != nil {
		errs = append(errs, e.announcer.Close())
	}
	return errors.Join(errs...)
}

// hookStore keeps webhooks and their deliveries: it implements webhook.Store.
type hookStore struct {
	subscriptions *store.Collection[webhook.Subscription]
	deliveries    *store.Collection[webhook.Delivery]
}

func openHookStore(file *store.Store) (h *hookStore, err error) {
	h = &hookStore{}
	if h.subscriptions, err = store.OpenCollection(file, store.Schema[webhook.Subscription]{Name: store.Webhooks, Version: 1}); err != nil {
		return nil, err
	}
	h.deliveries, err = store.OpenCollection(file, store.Schema[webhook.Delivery]{Name: store.Deliveries, Version: 1})
	return h, err
}

// Load implements webhook.Store.
func (h *hookStore) Load() (subs []webhook.Subscription, deliveries []webhook.Delivery, err error) {
	all, err := h.subscriptions.All()
	if err != nil {
		return nil, nil, err
	}
	for _, e := range all {
		subs = append(subs, e.Value)
	}
	queued, err := h.deliveries.All()
	if err != nil {
		return nil, nil, err
	}
	for _, e := range queued {
		deliveries = append(deliveries, e.Value)
	}
	return subs, deliveries, nil
}

// SaveSubscription implements webhook.Store.
func (h *hookStore) SaveSubscription(s webhook.Subscription) error {
	return h.subscriptions.Put(s.ID, s)
}

// DeleteSubscription implements webhook.Store.
func (h *hookStore) DeleteSubscription(id string) error { return h.subscriptions.Delete(id) }

// SaveDeliveries implements webhook.Store.
func (h *hookStore) SaveDeliveries(save []webhook.Delivery, remove []string) error {
	puts := make([]store.Entry[webhook.Delivery], len(save))
	for i, d := range save {
		puts[i] = store.Entry[webhook.Delivery]{Key: d.ID, Value: d}
	}
	return h.deliveries.Change(puts, remove)
}
