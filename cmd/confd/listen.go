package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/confd/confd/cmd/confd/client"
	"github.com/confd/confd/media"
	"github.com/confd/confd/multicast/listen"
)

// listenCommand hears a multicast group.
type listenCommand struct {
	Session    string        `arg:"" placeholder:"FILE|URL" help:"The group's description: a file, or http(s)://HOST/v1/rooms/ROOM/multicast.sdp, which is followed when it changes."`
	Key        string        `placeholder:"KEY" help:"Access key for the URL. CONFD_KEY does the same, and does not show in lists of processes."`
	Interface  string        `placeholder:"NAME" help:"Join the group here. Default: the route's."`
	WAV        string        `name:"wav" xor:"sound" placeholder:"FILE" help:"Write the sound as WAV, mono; - is the standard output."`
	Raw        string        `xor:"sound" placeholder:"FILE" help:"Write the sound as bare samples, 16 bits, little endian; - is the standard output."`
	Video      string        `placeholder:"FILE" help:"Write the group's video: VP8, VP9 and AV1 as IVF, H.264 and H.265 as a byte stream; - is the standard output."`
	For        time.Duration `placeholder:"DURATION" help:"Listen so long. Default: until interrupted."`
	Buffer     time.Duration `placeholder:"DURATION" help:"Time for packets to come or to be repaired, up to 2s. Default 200ms, 60ms where nothing is repaired."`
	NoFeedback bool          `help:"Send nothing to the group's sender: no reports, no requests."`
	NoRepair   bool          `help:"Take no redundant packets and ask for none."`
	JSON       bool          `name:"json" help:"Print each second as a line of JSON."`
}

// Run listens until ctx ends or the time is over. It is an error if nothing was heard.
func (c listenCommand) Run(ctx context.Context, m *Main) error {
	if c.Buffer < 0 || c.Buffer > listen.MaxBuffer || c.For < 0 {
		return &usageError{fmt.Errorf("--buffer is between 0 and %v, --for more than 0", listen.MaxBuffer)}
	}
	if c.Video == "-" && c.WAV+c.Raw == "-" {
		return &usageError{errors.New("sound and video cannot both go to the standard output")}
	}
	from, err := c.origin(m)
	if err != nil {
		return err
	}
	defer from.close()
	s, err := from.read(ctx)
	if err != nil {
		return err
	}
	e := &ear{c: &c, m: m, to: m.Stdout}
	if c.WAV == "-" || c.Raw == "-" || c.Video == "-" {
		e.to = m.Stderr
	}
	if err := e.begin(s); err != nil {
		if e.l != nil {
			_ = e.l.Close()
		}
		return errors.Join(err, e.sound.close(), e.eye.close())
	}
	if c.For > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.For)
		defer cancel()
	}
	return e.end(e.run(ctx, from))
}

// ear is one run of the command.
type ear struct {
	c     *listenCommand
	m     *Main
	to    io.Writer // what is not sound
	s     *listen.Session
	l     *listen.Listener
	sound *soundFile // nil: nobody wants it
	eye   *eye       // nil: nobody wants video
	last  listen.Stats
	heard uint64 // packets, of listeners before this one
}

// begin joins a group.
func (e *ear) begin(s *listen.Session) error {
	if e.sound == nil && e.c.WAV+e.c.Raw != "" {
		f, err := openSound(e.m, e.c.WAV, e.c.Raw, s.Format.SampleRate)
		if err != nil {
			return err
		}
		e.sound = f
	}
	if e.sound != nil && e.sound.rate != s.Format.SampleRate {
		return fmt.Errorf("the group now has %d samples a second, and the file %d; listen anew", s.Format.SampleRate, e.sound.rate)
	}
	d, err := listen.NewDecoder(s, e.sound.take)
	if err != nil {
		return err
	}
	l, err := listen.Listen(s, listen.Config{Interface: e.c.Interface, Buffer: e.c.Buffer,
		NoFeedback: e.c.NoFeedback, NoRepair: e.c.NoRepair, Output: d})
	if err != nil {
		return err
	}
	e.l, e.s, e.last = l, s, listen.Stats{}
	e.say("%s", describe(s))
	return e.look(s)
}

// describe words what is listened to.
func describe(s *listen.Session) string {
	what := s.Format.String()
	if s.Video != media.NoVideoCodec {
		what = s.Video.String()
	}
	line := fmt.Sprintf("%s: %v, %s", client.Clip(s.Title, 60), s.Group, what)
	if s.Source.IsValid() {
		line += fmt.Sprintf(", from %v", s.Source)
	}
	if s.Key != nil {
		line += fmt.Sprintf(", key %d", s.Key.MKI)
	}
	return line
}

// say prints a line for people.
func (e *ear) say(format string, args ...any) {
	if !e.c.JSON {
		fmt.Fprintf(e.to, format+"\n", args...)
	}
}

// run prints each second and follows the description until ctx ends.
func (e *ear) run(ctx context.Context, from *origin) error {
	ctx, cancel := context.WithCancel(ctx)
	news, over := make(chan *listen.Session), make(chan struct{})
	go func() {
		defer close(over)
		from.follow(ctx, news, func(err error) { fmt.Fprintln(e.m.Stderr, "confd:", client.Clean(err.Error())) })
	}()
	defer func() {
		cancel()
		<-over
	}()
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case s := <-news:
			if err := e.update(s); err != nil {
				return err
			}
		case <-second.C:
			if err := e.second(); err != nil {
				return err
			}
		}
	}
}

// update goes on with a new description; another stream is joined anew.
func (e *ear) update(s *listen.Session) error {
	if s.ID == e.s.ID && s.Version == e.s.Version {
		return nil
	}
	if e.l.Update(s) == nil {
		e.s = s
		e.say("%s", describe(s))
		return e.look(s)
	}
	_ = e.l.Close()
	e.heard += e.l.Stats().Received
	return e.begin(s)
}

// second prints what the last second was like.
func (e *ear) second() error {
	if err := errors.Join(e.sound.failure(), e.eye.failure()); err != nil {
		return err
	}
	now, last := e.l.Stats(), e.last
	e.last = now
	if e.c.JSON {
		return e.line(&now)
	}
	if now.AwaitingKey > 0 && last.AwaitingKey == 0 {
		e.say("packets come under a key that the description does not have: it has changed at the server")
	}
	sent := now.Received + now.LostBefore - last.Received - last.LostBefore
	_, err := fmt.Fprintf(e.to, "%s  %3d packets, %s lost, %s after repair (%d redundant, %d sent again)  jitter %.1f ms  concealed %.2f %%\n",
		time.Now().Format("15:04:05"), now.Received-last.Received, percent(sub(now.LostBefore, last.LostBefore), sent), percent(now.Lost-last.Lost, sent),
		now.ByRedundancy-last.ByRedundancy, now.ByRetransmission-last.ByRetransmission, now.JitterMS, 100*now.Concealed)
	return errors.Join(err, e.eye.second(e.to))
}

// sub is 0 where a packet out of order made a loss undone.
func sub(a, b uint64) uint64 { return a - min(a, b) }

func percent(part, of uint64) string {
	if of == 0 {
		return "0 %"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(part)/float64(of))
}

// line prints the state as JSON, on one line.
func (e *ear) line(s *listen.Stats) error {
	return printLine(e.to, struct {
		Time    time.Time `json:"time"`
		Version uint64    `json:"sdp_version"`
		*listen.Stats
		LossBefore float64     `json:"loss_before"`
		LossAfter  float64     `json:"loss_after"`
		Video      *videoStats `json:"video,omitempty"`
	}{time.Now(), e.s.Version, s, s.LossBefore(), s.LossAfter(), e.eye.stats()})
}

// end leaves, tells the whole, and says what kept it from being well.
func (e *ear) end(err error) error {
	_ = e.l.Close()
	s := e.l.Stats()
	err = errors.Join(err, e.sound.close(), e.eye.close())
	if e.c.JSON {
		err = errors.Join(err, e.line(&s))
	}
	e.say("heard %.1f s: %d packets, %.2f %% lost by the network, %.3f %% after repair (%d redundant, %d sent again, %d late), %.3f %% of the sound made up",
		s.Played, s.Received, 100*s.LossBefore(), 100*s.LossAfter(), s.ByRedundancy, s.ByRetransmission, s.Late, 100*s.Concealed)
	if n := s.Foreign + s.Unauthentic + s.Malformed + s.Unknown; n > 0 {
		e.say("dropped: %d from others, %d not authentic, %d malformed, %d of unknown payload types", s.Foreign, s.Unauthentic, s.Malformed, s.Unknown)
	}
	if err == nil && s.Received+e.heard == 0 {
		err = fmt.Errorf("nothing came from %v: is the room in use, does the group reach this network (TTL, IGMP snooping), is --interface right?", e.s.Group)
	}
	return errors.Join(err, e.eye.end(e.say))
}
