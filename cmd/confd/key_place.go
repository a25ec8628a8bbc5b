package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/confd/confd/api"
	"github.com/confd/confd/cmd/confd/client"
	"github.com/confd/confd/rooms"
	"github.com/confd/confd/store"
)

// keyPlace is where access keys are: with a running server, or in the store of one that does
// not run.
type keyPlace interface {
	list(context.Context) ([]api.AccessKey, error)
	create(context.Context, api.KeyCreate) (api.AccessKey, error)
	revoke(ctx context.Context, id string) error
	where() string // "of the server at …", "in …"
	close() error
}

// keyFlags say where: the flags of a server, by which its store and its HTTP are found, or
// those of a client.
type keyFlags struct {
	configFlags `embed:""`
	remoteFlags `embed:""`
}

// Bounds of looking for a server.
const (
	probeTime = 2 * time.Second
	lockWait  = 100 * time.Millisecond
)

// find returns where the keys are. A server that was named is meant. Otherwise it is the one
// that this configuration is of, if it runs: it holds the store; where no file was named, it
// may have another than who asks would, and is asked for first. If it does not run, it is the
// store.
func (f keyFlags) find(ctx context.Context, m *Main) (keyPlace, error) {
	if f.Store != nil && f.Server != "" {
		return nil, &usageError{errors.New("--server and --store: one names a server that runs, the other the file of one that does not; give one of them")}
	}
	if f.Server != "" || f.Store == nil && lookup(m.Env, envServer) != "" {
		return f.named(m)
	}
	config, _, err := f.load(m.Env)
	if err != nil {
		return nil, err
	}
	path := config.Store.Path
	if path == autoPath || path == "" {
		if s, err := f.running(ctx, m, &config.HTTP); s != nil || err != nil {
			return s, err
		}
	}
	if path == autoPath {
		path = statePath(m.Env)
	}
	if path == "" {
		return nil, &usageError{errors.New("store.path: memory keeps no keys; name the server's file, as in --store /var/lib/confd/confd.db, or a running server, as in --server http://127.0.0.1:8080")}
	}
	place, err := openKeyFile(&config.HTTP, path)
	if !errors.Is(err, store.ErrLocked) {
		return place, err
	}
	if s, err := f.running(ctx, m, &config.HTTP); s != nil || err != nil {
		return s, err
	}
	return nil, fmt.Errorf("%s is in use by a server that does not answer at http.listen, %q; right is --server and where its HTTP is", path, config.HTTP.Listen)
}

// named returns the server that a flag or the environment names.
func (f keyFlags) named(m *Main) (keyPlace, error) {
	c, err := f.client(m)
	if err != nil {
		return nil, err
	}
	return serverKeys{c}, nil
}

// running returns the server of a configuration, nil if there is none. Error: there is one,
// and it cannot be spoken to.
func (f keyFlags) running(ctx context.Context, m *Main, c *HTTPConfig) (keyPlace, error) {
	if c.Listen == "" {
		return nil, nil
	}
	f.Server = c.url()
	probe, err := client.New(f.Server, "") // whoever listens there gets no key
	if err != nil {
		return nil, err
	}
	defer probe.Close()
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	var health struct{ Status string }
	var refused *client.Error
	var untrusted *tls.CertificateVerificationError
	switch err := fetch(ctx, probe, "/healthz", nil, &health); {
	case err == nil && health.Status == "alive",
		errors.As(err, &refused) && (refused.Code == "unauthorized" || refused.Code == "forbidden"):
		return f.named(m)
	case errors.As(err, &untrusted):
		return nil, fmt.Errorf("%w; right is the name that is in its certificate", err)
	}
	return nil, nil
}

// url is where clients on this machine find the API.
func (c *HTTPConfig) url() string {
	scheme := "http://"
	if c.TLSCert != "" {
		scheme = "https://"
	}
	host, port, _ := net.SplitHostPort(c.Listen) // checked before
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return scheme + net.JoinHostPort(host, port)
}

// serverKeys are the keys of a running server.
type serverKeys struct{ *client.Client }

func (s serverKeys) list(ctx context.Context) ([]api.AccessKey, error) {
	entries, err := s.List(ctx, "/v1/keys", "keys", nil, 0)
	if err != nil {
		return nil, err
	}
	all := make([]api.AccessKey, len(entries))
	for i, text := range entries {
		if err := json.Unmarshal(text, &all[i]); err != nil {
			return nil, fmt.Errorf("an entry of keys: %w", err)
		}
	}
	return all, nil
}

func (s serverKeys) create(ctx context.Context, q api.KeyCreate) (k api.AccessKey, err error) {
	text, err := s.Do(ctx, http.MethodPost, "/v1/keys", nil, q)
	if err == nil {
		err = json.Unmarshal(text, &k)
	}
	return k, err
}

func (s serverKeys) revoke(ctx context.Context, id string) error {
	_, err := s.Do(ctx, http.MethodDelete, client.Path("v1", "keys", id), nil, nil)
	return err
}

func (s serverKeys) where() string { return "of the server at " + s.Server() }
func (s serverKeys) close() error  { s.Close(); return nil }

// fileKeys are the keys in a store.
type fileKeys struct {
	ring *api.Keyring
	file *store.Store
}

func openKeyFile(c *HTTPConfig, path string) (keyPlace, error) {
	file, err := store.Open(path, store.Options{LockWait: lockWait, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	ring, err := openKeyring(c, file)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return fileKeys{ring, file}, nil
}

func (f fileKeys) list(context.Context) ([]api.AccessKey, error) { return f.ring.List(), nil }

func (f fileKeys) create(_ context.Context, q api.KeyCreate) (api.AccessKey, error) {
	k, err := f.ring.Create(q)
	if rooms.CodeOf(err) == rooms.Invalid {
		err = &usageError{err}
	}
	return k, err
}

func (f fileKeys) revoke(_ context.Context, id string) error { return f.ring.Revoke(id) }
func (f fileKeys) where() string                             { return "in " + f.file.Path() }
func (f fileKeys) close() error                              { return f.file.Close() }
