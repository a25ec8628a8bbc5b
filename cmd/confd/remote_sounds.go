package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/confd/confd/api"
	"github.com/confd/confd/cmd/confd/client"
)

type announcementsCommand struct {
	List announcementsList `cmd:"" default:"withargs" help:"List what plays in a room (the default)."`
	Play announcementsPlay `cmd:"" help:"Play a sound file into a room."`
	Stop announcementsStop `cmd:"" help:"Stop what plays."`
}

func announcementsPath(room string) string {
	return client.Path("v1", "rooms", room, "announcements")
}

type announcementsList struct {
	remoteFlags `embed:""`
	Room        string `arg:"" help:"The room."`
}

// Run prints what plays.
func (c announcementsList) Run(ctx context.Context, m *Main) error {
	return c.list(ctx, m, listing{path: announcementsPath(c.Room), field: "announcements", whole: true, head: "ID\tFILE\tFOR\tTO", row: rowOf(announcementRow)})
}

func announcementRow(a *api.Announcement) []string {
	to := "everyone"
	if a.To != nil {
		to = fmt.Sprint(*a.To)
	}
	return []string{client.Clip(a.ID, 32), dash(a.File), since(&a.Started), client.Clip(to, 80)}
}

type announcementsPlay struct {
	remoteFlags `embed:""`
	Room        string   `arg:"" help:"The room."`
	File        string   `arg:"" help:"Its name, as \"confd sounds\" has it."`
	To          []string `placeholder:"WHOM" help:"Who hears it: ids or group:NAME with commas between. Default: everyone."`
	Loop        *bool    `help:"Over and over, until it is stopped."`
	Gain        *float64 `placeholder:"DB" help:"Makes it louder, -60 to 20."`
}

// Run plays a file.
func (c announcementsPlay) Run(ctx context.Context, m *Main) error {
	p := patch{"file": c.File}
	p.whom("to", c.To)
	put(p, "loop", c.Loop)
	put(p, "gain", c.Gain)
	return c.do(ctx, m, http.MethodPost, announcementsPath(c.Room), nil, p, tell(m, func(a *api.Announcement) string {
		return fmt.Sprintf("%s plays; \"confd announcements stop %s %[1]s\" stops it", client.Clean(a.ID), client.Clean(c.Room))
	}))
}

type announcementsStop struct {
	remoteFlags `embed:""`
	Room        string `arg:"" help:"The room."`
	ID          string `arg:"" help:"As the list has it."`
}

// Run stops an announcement.
func (c announcementsStop) Run(ctx context.Context, m *Main) error {
	return c.do(ctx, m, http.MethodDelete, announcementsPath(c.Room)+client.Path(c.ID), nil, nil, m.say("%s is stopped", client.Clean(c.ID)))
}

type soundsCommand struct {
	List   soundsList   `cmd:"" default:"withargs" help:"List sound files (the default)."`
	Upload soundsUpload `cmd:"" help:"Upload a sound file, WAV or Ogg/Opus."`
	Delete soundsDelete `cmd:"" help:"Delete a sound file."`
}

type soundsList struct {
	remoteFlags `embed:""`
}

// Run prints the sound files.
func (c soundsList) Run(ctx context.Context, m *Main) error {
	return c.list(ctx, m, listing{path: "/v1/sounds", field: "sounds", whole: true, head: "NAME\tLASTS\tKB\tOF\tPROBLEM", row: rowOf(soundRow)})
}

func soundRow(s *api.Sound) []string {
	return []string{client.Clip(s.Name, 128), seconds(s.Duration).Round(time.Second / 10).String(), fmt.Sprint((s.Size + 999) / 1000),
		s.Modified.Local().Format(time.DateTime), dash(s.Problem)}
}

type soundsUpload struct {
	remoteFlags `embed:""`
	File        string `arg:"" help:"The file here."`
	Name        string `placeholder:"NAME" help:"Its name there. Default: the same."`
}

// Run uploads a file.
func (c soundsUpload) Run(ctx context.Context, m *Main) error {
	if c.Name == "" {
		c.Name = filepath.Base(c.File)
	}
	file, err := os.Open(c.File)
	if err != nil {
		return err
	}
	defer file.Close()
	cl, err := c.client(m)
	if err != nil {
		return err
	}
	defer cl.Close()
	text, err := cl.Upload(ctx, client.Path("v1", "sounds", c.Name), file)
	if err != nil {
		return err
	}
	return c.show(m, text, tell(m, func(s *api.Sound) string {
		return fmt.Sprintf("%s is there, and lasts %v", client.Clean(s.Name), seconds(s.Duration).Round(time.Second/10))
	}))
}

type soundsDelete struct {
	remoteFlags `embed:""`
	Name        string `arg:"" help:"As the list has it."`
}

// Run deletes a file.
func (c soundsDelete) Run(ctx context.Context, m *Main) error {
	return c.do(ctx, m, http.MethodDelete, client.Path("v1", "sounds", c.Name), nil, nil, m.say("%s is deleted", client.Clean(c.Name)))
}
