package main

import (
	"fmt"

	"github.com/confd/confd/api"
	"github.com/confd/confd/store"
)

// keyStore is the access keys of the store, without their secrets, by id: it implements
// api.KeyStore.
type keyStore struct{ *store.Collection[api.Key] }

func openKeyStore(file *store.Store) (keyStore, error) {
	c, err := store.OpenCollection(file, store.Schema[api.Key]{Name: store.Keys, Version: 1})
	return keyStore{c}, err
}

// Load implements api.KeyStore.
func (s keyStore) Load() ([]api.Key, error) {
	found, err := s.All()
	if err != nil {
		return nil, err
	}
	keys := make([]api.Key, len(found))
	for i, e := range found {
		keys[i] = e.Value
	}
	return keys, nil
}

// Save implements api.KeyStore.
func (s keyStore) Save(k api.Key) error { return s.Put(k.ID, k) }

// openKeyring returns the access keys of a configuration and of a store.
func openKeyring(c *HTTPConfig, file *store.Store) (*api.Keyring, error) {
	kept, err := openKeyStore(file)
	if err != nil {
		return nil, fmt.Errorf("store.path: %w", err)
	}
	ring, err := api.NewKeyring(c.keys(), kept)
	if err != nil {
		return nil, fmt.Errorf("store.path: %w", err)
	}
	return ring, nil
}
