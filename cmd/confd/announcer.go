package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/confd/confd/announce/decode"
	"github.com/confd/confd/announce/library"
	"github.com/confd/confd/announce/player"
	"github.com/confd/confd/api"
	"github.com/confd/confd/rooms"
)

// announcer plays files of a library into rooms: it implements api.Announcer and
// api.Sounds.
type announcer struct {
	registry *rooms.Registry
	library  *library.Library
	tick     time.Duration
	maxSize  int64 // of an upload, bytes
	log      *slog.Logger

	mu      sync.Mutex
	playing map[string]*announcement // by id
	played  uint64
	broken  uint64
	waiting sync.WaitGroup
}

type announcement struct {
	room  rooms.Name
	about rooms.AnnouncementSnapshot
	act   *rooms.Announcement
}

func newAnnouncer(g *rooms.Registry, l *library.Library, tick time.Duration, maxSize int64, log *slog.Logger) *announcer {
	return &announcer{registry: g, library: l, tick: tick, maxSize: maxSize, log: log, playing: map[string]*announcement{}}
}

// Play implements api.Announcer.
func (a *announcer) Play(_ context.Context, room rooms.Name, q api.PlayRequest) (rooms.AnnouncementSnapshot, error) {
	sound, err := a.library.Sound(q.File, decode.Options{Loop: q.Loop})
	if err != nil {
		return rooms.AnnouncementSnapshot{}, soundError("file", err)
	}
	p, err := player.Play(sound, player.Options{Tick: a.tick})
	if err != nil {
		return rooms.AnnouncementSnapshot{}, soundError("file", errors.Join(err, sound.Close()))
	}
	act, err := a.registry.Play(room, rooms.PlayRequest{Name: q.File, Source: p, Receive: p.Config(), To: q.To, Gain: q.Gain})
	if err != nil {
		_ = p.Close()
		return rooms.AnnouncementSnapshot{}, err
	}
	one := &announcement{room, rooms.AnnouncementSnapshot{ID: act.ID(), Name: q.File, To: q.To, Started: time.Now()}, act}
	a.mu.Lock()
	a.playing[act.ID()] = one
	a.played++
	a.mu.Unlock()
	a.waiting.Go(func() { a.attend(one, p) })
	return one.about, nil
}

// attend takes an announcement out of its room when its sound is over.
func (a *announcer) attend(one *announcement, p *player.Player) {
	select {
	case <-p.Done():
		why := rooms.Reason{Code: "finished"}
		if err := p.Err(); err != nil {
			why = rooms.Reason{Code: rooms.ReasonServerError, Text: err.Error()}
			a.log.Warn("an announcement broke off", "room", string(one.room), "file", one.about.Name, "error", err)
		}
		_ = one.act.Stop(context.Background(), why)
	case <-one.act.Done(): // stopped, or the conference has ended
	}
	a.mu.Lock()
	delete(a.playing, one.about.ID)
	if p.Err() != nil {
		a.broken++
	}
	a.mu.Unlock()
	_ = p.Close()
}

// announcerStats are totals since the start, and what plays now.
type announcerStats struct {
	Playing        int
	Played, Broken uint64
}

func (a *announcer) stats() announcerStats {
	a.mu.Lock()
	defer a.mu.Unlock()
	return announcerStats{len(a.playing), a.played, a.broken}
}

// Playing implements api.Announcer.
func (a *announcer) Playing(room rooms.Name) ([]rooms.AnnouncementSnapshot, error) {
	if _, err := a.registry.Get(room); err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	var all []rooms.AnnouncementSnapshot
	for _, one := range a.playing {
		if one.room == room {
			all = append(all, one.about)
		}
	}
	slices.SortFunc(all, func(a, b rooms.AnnouncementSnapshot) int { return a.Started.Compare(b.Started) })
	return all, nil
}

// Stop implements api.Announcer.
func (a *announcer) Stop(ctx context.Context, room rooms.Name, id string) error {
	a.mu.Lock()
	one := a.playing[id]
	a.mu.Unlock()
	if one == nil || one.room != room {
		return &rooms.Error{Code: rooms.NotFound, Op: "stop", Message: "no announcement of that id plays in the room"}
	}
	return one.act.Stop(ctx, rooms.Reason{Code: "stopped"})
}

// Close waits for what plays; the registry has been closed.
func (a *announcer) Close() error {
	a.waiting.Wait()
	return a.library.Close()
}

// List implements api.Sounds.
func (a *announcer) List() ([]api.Sound, error) {
	all, err := a.library.List()
	if err != nil {
		return nil, soundError("", err)
	}
	sounds := make([]api.Sound, len(all))
	for i := range all {
		sounds[i] = soundOf(all[i])
	}
	return sounds, nil
}

// Save implements api.Sounds.
func (a *announcer) Save(ctx context.Context, name string, r io.Reader) (api.Sound, error) {
	e, err := a.library.Save(ctx, name, r)
	if err != nil {
		return api.Sound{}, soundError("", err)
	}
	return soundOf(e), nil
}

// Delete implements api.Sounds.
func (a *announcer) Delete(name string) error {
	if err := a.library.Delete(name); err != nil {
		return soundError("", err)
	}
	return nil
}

// MaxSize implements api.Sounds.
func (a *announcer) MaxSize() int64 { return a.maxSize }

func soundOf(e library.Entry) api.Sound {
	return api.Sound{Name: e.Name, Size: e.Size, Modified: e.Modified.UTC(), Duration: e.Info.Duration.Seconds(), Problem: e.Problem}
}

// soundError words an error of sound files in the domain's terms; field is what named the
// file, "" if a path did.
func soundError(field string, err error) error {
	e := &rooms.Error{Code: rooms.Invalid, Op: "sound", Message: err.Error(), Field: field, Err: err}
	switch {
	case errors.Is(err, library.ErrNotFound):
		e.Code = rooms.NotFound
	case errors.Is(err, library.ErrReadOnly):
		e.Code = rooms.Forbidden
	case errors.Is(err, library.ErrFull):
		e.Code = rooms.Full
	}
	if field != "" {
		e.Message = field + ": " + e.Message
	}
	return e
}
