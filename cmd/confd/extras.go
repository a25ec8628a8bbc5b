package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
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
	files, err := s.openSounds()
	if err != nil || files == nil {
		return err
	}
	s.extras.announcer = newAnnouncer(s.registry, files, c.Audio.Period, int64(c.Sounds.MaxSize), s.log)
	return nil
}

// openSounds opens the folder of sound files; nil is none. Where sounds.folder does not say,
// it is made beside the file of the store, and there are no announcements if that cannot be.
func (s *server) openSounds() (*library.Library, error) {
	c := s.config.Sounds
	if c.Folder == autoPath {
		return s.openSoundsBesideStore(), nil
	}
	if c.Folder == "" {
		return nil, nil
	}
	files, err := library.Open(c.library(c.Folder))
	if err != nil {
		return nil, fmt.Errorf("sounds.folder: %w", err)
	}
	return files, nil
}

func (s *server) openSoundsBesideStore() *library.Library {
	file := s.storage.file.Path()
	if file == "" {
		s.log.Info("there are no announcements: memory has no folder of sound files beside it; set sounds.folder")
		return nil
	}
	dir := filepath.Join(filepath.Dir(file), "sounds")
	_ = os.Mkdir(dir, 0o700) // whether it is there is found out next
	files, err := library.Open(s.config.Sounds.library(dir))
	if err != nil {
		s.log.Warn("there are no announcements: the folder of sound files cannot be opened; set sounds.folder", "error", err)
		return nil
	}
	return files
}

func (c SoundsConfig) library(dir string) library.Config {
	return library.Config{Dir: dir, ReadOnly: !c.Upload, MaxSize: int64(c.MaxSize)}
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
