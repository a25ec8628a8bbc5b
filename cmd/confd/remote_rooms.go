package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/confd/confd/api"
	"github.com/confd/confd/cmd/confd/client"
)

type roomsCommand struct {
	List   roomsList   `cmd:"" default:"withargs" help:"List rooms (the default)."`
	Show   roomsShow   `cmd:"" help:"Print all of a room."`
	Create roomsCreate `cmd:"" help:"Create a room."`
	Set    roomsSet    `cmd:"" help:"Change a room."`
	Delete roomsDelete `cmd:"" help:"Delete a room and hang up on everyone in it."`
	Rekey  roomsRekey  `cmd:"" help:"Give a room's multicast group a new key."`
}

// roomFlags are what can be set in a room.
type roomFlags struct {
	Name            *string        `placeholder:"TEXT" help:"For people."`
	MaxParticipants *int           `placeholder:"N" help:"How many there may be at a time; 0 is the server's limit."`
	Admission       *string        `placeholder:"WHO" help:"Who may join by calling: anyone, private (trusted networks) or invited (nobody)."`
	Locked          *bool          `negatable:"" help:"Nobody may join by calling."`
	MutedOnEntry    *bool          `negatable:"" help:"Who joins begins muted."`
	Talkers         *int           `placeholder:"N" help:"How many are heard at once; 0 is the server's default."`
	SampleRate      *int           `placeholder:"HZ" help:"Rate of the mix: 8000, 16000 or 48000; 0 follows the members."`
	EmptyTimeout    *time.Duration `placeholder:"TIME" help:"How long the room outlives its last participant, as 5m; 0s is for ever."`
	Metadata        *string        `placeholder:"JSON" help:"A JSON object that the server keeps."`
	multicastFlags  `embed:""`
	videoFlags      `embed:""`
}

func (f *roomFlags) patch() (patch, error) {
	p := patch{}
	put(p, "name", f.Name)
	put(p, "max_participants", f.MaxParticipants)
	put(p, "admission", f.Admission)
	put(p, "locked", f.Locked)
	put(p, "muted_on_entry", f.MutedOnEntry)
	put(p, "talkers", f.Talkers)
	put(p, "sample_rate", f.SampleRate)
	if f.EmptyTimeout != nil {
		p["empty_timeout"] = f.EmptyTimeout.Seconds()
	}
	if err := f.multicastFlags.addTo(p); err != nil {
		return nil, err
	}
	f.videoFlags.addTo(p)
	return p, p.metadata(f.Metadata)
}

func roomPath(room string) string { return client.Path("v1", "rooms", room) }

type roomsList struct {
	remoteFlags `embed:""`
	Prefix      string `placeholder:"TEXT" help:"Only rooms whose ids begin so."`
}

// Run prints the rooms.
func (c roomsList) Run(ctx context.Context, m *Main) error {
	q := url.Values{}
	if c.Prefix != "" {
		q.Set("id_prefix", c.Prefix)
	}
	return c.list(ctx, m, listing{path: "/v1/rooms", field: "rooms", query: q,
		head: "ROOM\tPEOPLE\tMAX\tRATE\tOPEN FOR\tADMISSION\tKEPT\tNAME", row: rowOf(roomRow)})
}

func roomRow(r *api.Room) []string {
	admission, limit, rate, kept := r.Admission, "-", "-", "no"
	if r.Locked {
		admission += ",locked"
	}
	if r.MaxParticipants > 0 {
		limit = fmt.Sprint(r.MaxParticipants)
	}
	if r.Rate > 0 {
		rate = fmt.Sprintf("%g kHz", float64(r.Rate)/1000)
	}
	if r.Persistent {
		kept = "yes"
	}
	return []string{client.Clip(r.ID, 64), fmt.Sprint(r.ParticipantCount), limit, rate, since(r.Opened),
		client.Clip(admission, 40), kept, dash(r.Name)}
}

type roomsShow struct {
	remoteFlags `embed:""`
	Room        string `arg:"" help:"Its id."`
}

// Run prints a room.
func (c roomsShow) Run(ctx context.Context, m *Main) error {
	return c.do(ctx, m, http.MethodGet, roomPath(c.Room), nil, nil, m.fields)
}

type roomsCreate struct {
	remoteFlags `embed:""`
	roomFlags   `embed:""`
	Room        string `arg:"" optional:"" help:"Its id, which callers dial; without one the server makes it up."`
}

// Run makes a room.
func (c roomsCreate) Run(ctx context.Context, m *Main) error {
	p, err := c.patch()
	if err != nil {
		return err
	}
	if c.Room != "" {
		p["id"] = c.Room
	}
	return c.do(ctx, m, http.MethodPost, "/v1/rooms", nil, p, tell(m, func(r *api.Room) string {
		return fmt.Sprintf("room %s is there; call sip:%[1]s@HOST", client.Clean(r.ID))
	}))
}

type roomsSet struct {
	remoteFlags `embed:""`
	roomFlags   `embed:""`
	Room        string `arg:"" help:"Its id."`
}

// Run changes a room.
func (c roomsSet) Run(ctx context.Context, m *Main) error {
	p, err := c.patch()
	if err == nil {
		err = p.some()
	}
	if err != nil {
		return err
	}
	return c.do(ctx, m, http.MethodPatch, roomPath(c.Room), nil, p, m.fields)
}

type roomsDelete struct {
	remoteFlags `embed:""`
	Room        string `arg:"" help:"Its id."`
	Reason      string `placeholder:"TEXT" help:"Told to the phones in it."`
}

// Run deletes a room.
func (c roomsDelete) Run(ctx context.Context, m *Main) error {
	return c.do(ctx, m, http.MethodDelete, roomPath(c.Room), why(c.Reason), nil, m.say("room %s is deleted", client.Clean(c.Room)))
}
