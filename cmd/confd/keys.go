package main

import (
	"fmt"

	"github.com/confd/confd/api"
	"github.com/confd/confd/store"
)

// maxKeys is how many access keys a store takes: each request is compared with all.
const maxKeys = 1000

// keyStore is the access keys of the store, without their secrets, by id.
type keyStore struct{ *store.Collection[api.Key] }

func openKeyStore(file *store.Store) (keyStore, error) {
	c, err := store.OpenCollection(file, store.Schema[api.Key]{Name: store.Keys, Version: 1})
	return keyStore{c}, err
}

// add keeps a key.
func (s keyStore) add(k api.Key) error {
	if n := s.Len(); n >= maxKeys {
		return fmt.Errorf("there are %d keys, as many as may be; revoke some", n)
	}
	return s.Put(k.ID, k)
}

// revoke forgets the key of an id.
func (s keyStore) revoke(id string) error {
	if _, err := s.Get(id); err != nil {
		return err
	}
	return s.Delete(id)
}

// all returns the keys by id.
func (s keyStore) all() ([]api.Key, error) {
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

// keys is the access keys of the server: those of the configuration and of the store. They
// do not change while it runs.
func (s *server) keys() (configuredKeys, error) {
	stored, err := openKeyStore(s.storage.file)
	if err != nil {
		return nil, fmt.Errorf("store.path: %w", err)
	}
	all, err := stored.all()
	if err != nil {
		return nil, fmt.Errorf("store.path: %w", err)
	}
	return append(s.config.HTTP.keys(), all...), nil
}
