package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/confd/confd/api"
	"github.com/confd/confd/cmd/confd/client"
)

type topCommand struct {
	serverFlags `embed:""`
	Room        string `arg:"" optional:"" help:"Only this room; without it, all."`
	Once        bool   `help:"Print one frame and end."`
}

// Bounds of a screen.
const (
	frameTime  = time.Second
	onceHeight = 1000 // lines of a single frame
	maxWatched = 50   // rooms of which participants are asked for
)

// Run shows what goes on until q, ctrl-c or the end of ctx.
func (c topCommand) Run(ctx context.Context, m *Main) error {
	cl, err := c.client(m)
	if err != nil {
		return err
	}
	defer cl.Close()
	if c.Once {
		f, err := look(ctx, cl, c.Room)
		if err == nil {
			_, err = io.WriteString(m.Stdout, strings.Join(f.lines(onceHeight), "\n")+"\n")
		}
		return err
	}
	t, err := openTerminal(m.Stdout)
	if err != nil {
		return err
	}
	defer t.close()
	ticks := time.NewTicker(frameTime)
	defer ticks.Stop()
	return live(ctx, m.Stdout, t, ticks.C, func(ctx context.Context) (*frame, error) { return look(ctx, cl, c.Room) })
}

// screen is what live needs of a terminal.
type screen interface {
	size() (width, height int)
	keys() <-chan byte
}

// Sequences of a terminal: another screen without cursor and line wrap, and back.
const (
	enterScreen = "\x1b[?1049h\x1b[?25l\x1b[?7l"
	leaveScreen = "\x1b[?7h\x1b[?25h\x1b[?1049l"
)

// live draws a frame at once and at each tick. A server that does not answer is told on the
// screen; it may come back.
func live(ctx context.Context, w io.Writer, s screen, ticks <-chan time.Time, look func(context.Context) (*frame, error)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if _, err := io.WriteString(w, enterScreen); err != nil {
		return err
	}
	defer func() { _, _ = io.WriteString(w, leaveScreen) }() // a terminal that is gone needs no care
	for {
		if on, err := await(ctx, cancel, s.keys(), func() error { return draw(ctx, w, s, look) }); !on {
			return err
		}
		for waiting := true; waiting; {
			select {
			case <-ctx.Done():
				return nil
			case k, ok := <-s.keys():
				if !ok || ends(k) {
					return nil
				}
			case <-ticks:
				waiting = false
			}
		}
	}
}

// await runs f, and reports whether to go on: a key ends it, too, so that a server that
// does not answer keeps nobody. f is over when it returns.
func await(ctx context.Context, cancel func(), keys <-chan byte, f func() error) (bool, error) {
	done := make(chan error, 1)
	go func() { done <- f() }()
	for {
		select {
		case err := <-done:
			if ctx.Err() != nil {
				err = nil
			}
			return err == nil && ctx.Err() == nil, err
		case k, ok := <-keys:
			if !ok || ends(k) {
				cancel()
				<-done
				return false, nil
			}
		}
	}
}

// ends tells whether a key means the end: q, ctrl-c, ctrl-d.
func ends(key byte) bool { return key == 'q' || key == 'Q' || key == 3 || key == 4 }

func draw(ctx context.Context, w io.Writer, s screen, look func(context.Context) (*frame, error)) error {
	f, err := look(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	width, height := s.size()
	var lines []string
	if err != nil {
		lines = []string{"confd top   q ends", "", client.Clean(err.Error())}
	} else {
		lines = f.lines(height)
	}
	_, err = w.Write(paint(lines, width, height))
	return err
}

// paint writes lines over those of before.
func paint(lines []string, width, height int) []byte {
	var b bytes.Buffer
	b.WriteString("\x1b[H")
	for i, line := range lines[:min(len(lines), height)] {
		if i > 0 {
			b.WriteString("\r\n")
		}
		if utf8.RuneCountInString(line) > width {
			line = string([]rune(line)[:width])
		}
		b.WriteString(line + "\x1b[K")
	}
	b.WriteString("\x1b[J")
	return b.Bytes()
}

// frame is what there was at one time.
type frame struct {
	server string
	stats  *api.Stats // nil if the key does not reach so far
	rooms  []roomFrame
}

type roomFrame struct {
	api.Room
	people []api.Participant
	more   bool // there are more than one page
}

// look asks for all of a frame, the largest rooms first. A room that goes meanwhile is left out.
func look(ctx context.Context, c *client.Client, only string) (*frame, error) {
	f := &frame{server: c.Server()}
	var s api.Stats
	err := fetch(ctx, c, "/v1/stats", nil, &s)
	var refused *client.Error
	switch {
	case err == nil:
		f.stats = &s
	case !errors.As(err, &refused) || refused.Status != http.StatusForbidden:
		return nil, err
	}
	if err := f.readRooms(ctx, c, only); err != nil {
		return nil, err
	}
	slices.SortStableFunc(f.rooms, func(a, b roomFrame) int { return cmp.Compare(b.ParticipantCount, a.ParticipantCount) })
	for i := range f.rooms[:min(len(f.rooms), maxWatched)] {
		r := &f.rooms[i]
		if r.ParticipantCount == 0 {
			continue
		}
		if err := r.read(ctx, c); err != nil && (!errors.As(err, &refused) || refused.Status != http.StatusNotFound) {
			return nil, err
		}
	}
	return f, nil
}

func (f *frame) readRooms(ctx context.Context, c *client.Client, only string) error {
	if only != "" {
		f.rooms = make([]roomFrame, 1)
		return fetch(ctx, c, roomPath(only), nil, &f.rooms[0].Room)
	}
	all, err := c.List(ctx, "/v1/rooms", "rooms", nil, 0)
	if err != nil {
		return err
	}
	f.rooms = make([]roomFrame, len(all))
	for i, text := range all {
		if err := json.Unmarshal(text, &f.rooms[i].Room); err != nil {
			return fmt.Errorf("an entry of rooms: %w", err)
		}
	}
	return nil
}

// read fills in who is in a room: who talks first, then the loudest.
func (r *roomFrame) read(ctx context.Context, c *client.Client) error {
	var page struct {
		Participants []api.Participant `json:"participants"`
		api.Next
	}
	if err := fetch(ctx, c, participantsPath(r.ID), url.Values{"limit": {"500"}}, &page); err != nil {
		return err
	}
	r.people, r.more = page.Participants, page.Next.Next != ""
	slices.SortStableFunc(r.people, func(a, b api.Participant) int {
		if a.Talking != b.Talking {
			if a.Talking {
				return -1
			}
			return 1
		}
		return cmp.Compare(levelOf(&b), levelOf(&a))
	})
	return nil
}

func levelOf(p *api.Participant) int {
	if p.Stats == nil {
		return -127
	}
	return p.Stats.Level
}

func fetch(ctx context.Context, c *client.Client, path string, query url.Values, to any) error {
	text, err := c.Do(ctx, http.MethodGet, path, query, nil)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, to); err != nil {
		return fmt.Errorf("%s answers %s with something else than confd does: %w", c.Server(), path, err)
	}
	return nil
}

// lines words a frame, in at most height lines.
func (f *frame) lines(height int) []string {
	all := append(f.head(), "")
	for i := range f.rooms {
		r := &f.rooms[i]
		all = append(all, r.title())
		all = append(all, r.rows()...)
	}
	if height > 0 && len(all) > height {
		left := len(all) - height + 1
		all = append(all[:height-1], fmt.Sprintf("… %d lines more; \"confd top ROOM\" shows one room", left))
	}
	return all
}

func (f *frame) head() []string {
	s := f.stats
	if s == nil {
		return []string{"confd top   " + client.Clip(f.server, 80) + "   q ends"}
	}
	state := ""
	if s.Draining {
		state = "   DRAINING"
	}
	return []string{
		fmt.Sprintf("confd %s   %s   up %v%s   q ends", client.Clip(s.Version, 40), client.Clip(f.server, 80), seconds(s.Uptime).Truncate(time.Second), state),
		fmt.Sprintf("rooms %d   conferences %d   participants %d   load %.0f %%   ticks late %.1f ms",
			s.Rooms, s.Conferences, s.Participants, 100*s.Load, 1000*s.TickLate),
		fmt.Sprintf("packets in %d   out %d   lost %d", s.PacketsReceived, s.PacketsSent, s.PacketsLost),
	}
}

func (r *roomFrame) title() string {
	talk := 0
	for i := range r.people {
		if r.people[i].Talking {
			talk++
		}
	}
	t := fmt.Sprintf("%s   %d in it", client.Clip(r.ID, 64), r.ParticipantCount)
	if r.Rate > 0 {
		t += fmt.Sprintf("   %d talking   %g kHz   for %s", talk, float64(r.Rate)/1000, since(r.Opened))
	}
	if r.Locked {
		t += "   locked"
	}
	return t
}

// rows are the participants of a room, aligned.
func (r *roomFrame) rows() []string {
	if len(r.people) == 0 {
		return nil
	}
	var b bytes.Buffer
	w := table(&b)
	fmt.Fprintln(w, "  \tNAME\tSTATE\tLEVEL\t\tCODEC\tLOSS\tJITTER\tROUND TRIP\tMOS\tSEES")
	names := r.names()
	for i := range r.people {
		p := &r.people[i]
		mark := "  "
		if p.Talking {
			mark = "  *"
		}
		n := figures(p.Stats)
		fmt.Fprintln(w, strings.Join(append([]string{mark, dash(names[p.ID]), stateOf(p), bar(levelOf(p)), n[0]}, append(n[1:], sees(p, names))...), "\t"))
	}
	_ = w.Flush() // into memory
	lines := strings.Split(strings.TrimRight(b.String(), "\n"), "\n")
	if r.more {
		lines = append(lines, fmt.Sprintf("  … and %d more", r.ParticipantCount-len(r.people)))
	}
	return lines
}

// names are what to call the participants, by id.
func (r *roomFrame) names() map[string]string {
	names := make(map[string]string, len(r.people))
	for i := range r.people {
		if names[r.people[i].ID] = r.people[i].DisplayName; r.people[i].DisplayName == "" {
			names[r.people[i].ID] = r.people[i].URI
		}
	}
	return names
}

// bar draws a level between -60 and 0 dBov.
func bar(level int) string {
	const width = 12
	n := min(max((level+60)*width/60, 0), width)
	return strings.Repeat("#", n) + strings.Repeat(".", width-n)
}
