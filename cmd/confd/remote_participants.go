package main

import (
	"context"
	"fmt"
	"net/http"

	"github.com/confd/confd/api"
	"github.com/confd/confd/cmd/confd/client"
)

type participantsCommand struct {
	List   participantsList   `cmd:"" default:"withargs" help:"List who is in a room (the default)."`
	Show   participantsShow   `cmd:"" help:"Print all of a participant."`
	Set    participantsSet    `cmd:"" help:"Mute, deafen, hold, or change a participant otherwise."`
	Remove participantsRemove `cmd:"" help:"Hang up on a participant, or give up calling it."`
	Move   participantsMove   `cmd:"" help:"Move a participant to another room without hanging up."`
	Dial   participantsDial   `cmd:"" help:"Call somebody into a room."`
}

// participantFlags are what can be set in a participant.
type participantFlags struct {
	DisplayName  *string  `placeholder:"TEXT" help:"Instead of what its phone says."`
	Role         *string  `placeholder:"TEXT" help:"Yours."`
	Metadata     *string  `placeholder:"JSON" help:"A JSON object that the server keeps."`
	Muted        *bool    `negatable:"" help:"Nobody hears it."`
	Deaf         *bool    `negatable:"" help:"It hears nobody."`
	Held         *bool    `negatable:"" help:"On hold."`
	Pinned       *bool    `negatable:"" help:"It is heard beside the loudest."`
	InputGain    *float64 `placeholder:"DB" help:"Makes what it says louder, -60 to 20."`
	OutputGain   *float64 `placeholder:"DB" help:"Makes what it hears louder, -60 to 20."`
	Hears        []string `placeholder:"WHOM" help:"Whom alone it hears: ids or group:NAME with commas between; everyone, or nobody."`
	HeardBy      []string `placeholder:"WHOM" help:"Who alone hears it, likewise."`
	Delivery     *string  `placeholder:"HOW" help:"How its phone gets what it hears: unicast, or multicast, the room's group, which mutes it."`
	Groups       []string `placeholder:"NAMES" help:"The groups that it is in, with commas between; none for none."`
	VideoMuted   *bool    `negatable:"" help:"Nobody sees it."`
	VideoStopped *bool    `negatable:"" help:"It is shown nobody."`
	VideoLow     *bool    `negatable:"" help:"It is sent as little as its source has."`
	VideoPin     *string  `placeholder:"ID" help:"Whom it sees before others; empty for whoever speaks."`
}

func (f *participantFlags) patch() (patch, error) {
	p := patch{}
	put(p, "display_name", f.DisplayName)
	put(p, "role", f.Role)
	put(p, "muted", f.Muted)
	put(p, "deaf", f.Deaf)
	put(p, "held", f.Held)
	put(p, "pinned", f.Pinned)
	put(p, "input_gain", f.InputGain)
	put(p, "output_gain", f.OutputGain)
	put(p, "delivery", f.Delivery)
	put(p, "video_muted", f.VideoMuted)
	put(p, "video_stopped", f.VideoStopped)
	put(p, "video_low", f.VideoLow)
	put(p, "video_pin", f.VideoPin)
	p.whom("hears", f.Hears)
	p.whom("heard_by", f.HeardBy)
	switch {
	case len(f.Groups) == 1 && f.Groups[0] == "none":
		p["groups"] = []string{}
	case len(f.Groups) > 0:
		p["groups"] = f.Groups
	}
	return p, p.metadata(f.Metadata)
}

// whom puts a list of participants: everyone is no restriction.
func (p patch) whom(name string, list []string) {
	switch {
	case len(list) == 0:
	case len(list) == 1 && list[0] == "everyone":
		p[name] = nil
	case len(list) == 1 && list[0] == "nobody":
		p[name] = []string{}
	default:
		p[name] = list
	}
}

func participantsPath(room string) string {
	return client.Path("v1", "rooms", room, "participants")
}

// ofRoom names a participant.
type ofRoom struct {
	Room string `arg:"" help:"The room that it is in."`
	ID   string `arg:"" help:"Its id, as the list has it."`
}

func (o ofRoom) path() string { return participantsPath(o.Room) + client.Path(o.ID) }

type participantsList struct {
	remoteFlags `embed:""`
	Room        string `arg:"" help:"The room."`
}

// Run prints who is in a room.
func (c participantsList) Run(ctx context.Context, m *Main) error {
	return c.list(ctx, m, listing{path: participantsPath(c.Room), field: "participants",
		head: "ID\tNAME\tSTATE\tTALKS\tLEVEL\tCODEC\tLOSS\tJITTER\tROUND TRIP\tMOS\tSEES\tURI", row: rowOf(participantRow)})
}

func participantRow(p *api.Participant) []string {
	talks := "no"
	if p.Talking {
		talks = "yes"
	}
	return append(append([]string{client.Clip(p.ID, 32), dash(p.DisplayName), stateOf(p), talks},
		figures(p.Stats)...), sees(p, nil), client.Clip(p.URI, 60))
}

// stateOf is a participant's state and what limits it.
func stateOf(p *api.Participant) string {
	state := client.Clip(p.State, 16)
	for _, f := range []struct {
		is   bool
		name string
	}{{p.Muted, "muted"}, {p.Deaf, "deaf"}, {p.Held && p.State != "held", "held"}, {p.Pinned, "pinned"}, {p.VideoMuted, "video muted"}, {p.Delivered == "multicast", "multicast"}, {p.MediaLost, "no media"}} {
		if f.is {
			state += "," + f.name
		}
	}
	return state
}

// figures are level, codec, loss, jitter, round trip and MOS for a table.
func figures(s *api.ParticipantStats) []string {
	if s == nil {
		return []string{"-", "-", "-", "-", "-", "-"}
	}
	codec, trip, mos := dash(s.IngressCodec), "-", "-"
	if out := dash(s.EgressCodec); out != codec {
		codec += "/" + out
	}
	if s.RoundTrip > 0 {
		trip = fmt.Sprintf("%.0f ms", 1000*s.RoundTrip)
	}
	if s.MOS > 0 {
		mos = fmt.Sprintf("%.1f", s.MOS)
	}
	return []string{fmt.Sprintf("%d dB", s.Level), codec, fmt.Sprintf("%.1f %%", 100*s.Loss), fmt.Sprintf("%.0f ms", 1000*s.Jitter), trip, mos}
}

type participantsShow struct {
	remoteFlags `embed:""`
	ofRoom      `embed:""`
}

// Run prints a participant.
func (c participantsShow) Run(ctx context.Context, m *Main) error {
	return c.do(ctx, m, http.MethodGet, c.path(), nil, nil, m.fields)
}

type participantsSet struct {
	remoteFlags      `embed:""`
	participantFlags `embed:""`
	ofRoom           `embed:""`
}

// Run changes a participant.
func (c participantsSet) Run(ctx context.Context, m *Main) error {
	p, err := c.patch()
	if err == nil {
		err = p.some()
	}
	if err != nil {
		return err
	}
	return c.do(ctx, m, http.MethodPatch, c.path(), nil, p, m.fields)
}

type participantsRemove struct {
	remoteFlags `embed:""`
	ofRoom      `embed:""`
	Reason      string `placeholder:"TEXT" help:"Told to its phone."`
}

// Run removes a participant.
func (c participantsRemove) Run(ctx context.Context, m *Main) error {
	return c.do(ctx, m, http.MethodDelete, c.path(), why(c.Reason), nil, m.say("%s is removed from %s", client.Clean(c.ID), client.Clean(c.Room)))
}

type participantsMove struct {
	remoteFlags `embed:""`
	ofRoom      `embed:""`
	To          string `arg:"" help:"The room to move to."`
}

// Run moves a participant.
func (c participantsMove) Run(ctx context.Context, m *Main) error {
	return c.do(ctx, m, http.MethodPost, c.path()+"/move", nil, patch{"room": c.To}, m.say("%s is in %s now", client.Clean(c.ID), client.Clean(c.To)))
}
