package main

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"

	"github.com/confd/confd/rooms"
	"github.com/confd/confd/store"
)

// autoPath is the store.path, and the sounds.folder, that looks for a place by itself.
const autoPath = "auto"

// storage is the store with what confd keeps in it. The rooms' goroutines and those of
// requests use it.
type storage struct {
	log         *slog.Logger
	file        *store.Store
	rooms       *store.Collection[rooms.Definition]
	calls       *store.Log[rooms.CallRecord]
	conferences *store.Log[rooms.ConferenceRecord]

	ended chan struct{} // ends the pruner
	wait  sync.WaitGroup
}

// openStorage opens the store and begins to forget old records. Where store.path does not
// say and there is no place for a file, memory does.
func openStorage(c *Config, env []string, log *slog.Logger) (*storage, error) {
	file, err := openStore(c.Store.Path, env, log)
	if err != nil {
		return nil, err
	}
	s := &storage{log: log, file: file, ended: make(chan struct{})}
	if err := s.openSpaces(); err != nil {
		return nil, errors.Join(fmt.Errorf("store.path: %w", err), file.Close())
	}
	s.wait.Go(func() { s.prune(c.Records.Keep) })
	return s, nil
}

func openStore(path string, env []string, log *slog.Logger) (*store.Store, error) {
	isAuto := path == autoPath
	if isAuto {
		path = statePath(env)
	}
	if isAuto && path == "" {
		log.Warn("nothing will survive a restart: no place for a file is known; set store.path")
	}
	s, err := store.Open(path, store.Options{Logger: log})
	switch {
	case err == nil:
		return s, nil
	case isAuto && !isFound(err):
		log.Warn("nothing will survive a restart: the file cannot be opened; set store.path", "error", err)
		return store.Open("", store.Options{Logger: log})
	}
	return nil, fmt.Errorf("store.path: %w", err)
}

// isFound tells of an error about a store that there is: what it holds must not be ignored.
func isFound(err error) bool {
	return errors.Is(err, store.ErrLocked) || errors.Is(err, store.ErrCorrupt) || errors.Is(err, store.ErrNewer)
}

// statePath is where the environment wants state to be kept, "" if it does not say.
func statePath(env []string) string {
	if dirs := lookup(env, "STATE_DIRECTORY"); dirs != "" { // systemd's, parted by colons
		first, _, _ := strings.Cut(dirs, ":")
		return filepath.Join(first, "confd.db")
	}
	if dir := lookup(env, "XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "confd", "confd.db")
	}
	if home := lookup(env, "HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, ".local", "state", "confd", "confd.db")
	}
	return ""
}

func (s *storage) openSpaces() (err error) {
	if s.rooms, err = store.OpenCollection(s.file, store.Schema[rooms.Definition]{Name: store.Rooms, Version: 1}); err != nil {
		return err
	}
	if s.calls, err = store.OpenLog(s.file, store.Schema[rooms.CallRecord]{Name: store.Calls, Version: 1}, store.LogOptions{}); err != nil {
		return err
	}
	s.conferences, err = store.OpenLog(s.file, store.Schema[rooms.ConferenceRecord]{Name: store.Conferences, Version: 1}, store.LogOptions{})
	return err
}

// SaveRoom keeps a definition.
func (s *storage) SaveRoom(d rooms.Definition) error { return s.rooms.Put(string(d.Name), d) }

// DeleteRoom forgets a definition.
func (s *storage) DeleteRoom(name rooms.Name) error { return s.rooms.Delete(string(name)) }

// restore brings the rooms back. One that the server can no longer have stays in the store,
// and the log tells.
func (s *storage) restore(g *rooms.Registry) error {
	all, err := s.rooms.All()
	if err != nil {
		return err
	}
	for _, e := range all {
		if err := g.Restore([]rooms.Definition{e.Value}); err != nil {
			s.log.Error("a room cannot be restored", "room", e.Key, "error", err)
		}
	}
	return nil
}

// close writes what waits. Nothing uses the store any more.
func (s *storage) close() error {
	close(s.ended)
	s.wait.Wait()
	return s.file.Close()
}
