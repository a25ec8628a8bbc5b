package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/confd/confd/forwarder/recording"
	"github.com/confd/confd/media"
	"github.com/confd/confd/multicast/listen"
)

// eye is the video of one run of listen. A nil one wants none.
type eye struct {
	c        *listenCommand
	file     *videoFile
	codec    media.VideoCodec    // of the file; none before there is a picture to hope for
	recorder *recording.Recorder // of the file
	l        *listen.Listener    // nil while the group has no video
	canvas   *canvas
	drop     func([]byte) bool // for tests: what the network loses
	last     videoStats
}

// videoStats is how a group is seen, since the start.
type videoStats struct {
	Codec     string  `json:"codec"`
	Pictures  uint64  `json:"pictures"` // written
	KeyFrames uint64  `json:"key_frames"`
	Width     uint16  `json:"width"`
	Height    uint16  `json:"height"`
	Seconds   float64 `json:"seconds"`   // from the first picture to the last
	Early     uint64  `json:"early"`     // left out: before the first key frame
	GivenUp   uint64  `json:"given_up"`  // left out: not all of it came
	Broken    uint64  `json:"broken"`    // left out: what it needs was given up
	Unread    uint64  `json:"malformed"` // left out: not of the codec
	Missed    uint64  `json:"missed"`    // left out: not taken fast enough
	Bytes     uint64  `json:"bytes"`     // of the file
	Network   struct {
		listen.Stats
		LossBefore float64 `json:"loss_before"`
		LossAfter  float64 `json:"loss_after"`
	} `json:"network"` // of the stream that there is now
}

// look goes on with the video of a description.
func (e *ear) look(s *listen.Session) error {
	if e.c.Video == "" {
		return nil
	}
	if e.eye == nil {
		f, err := openVideo(e.m, e.c.Video)
		if err != nil {
			return err
		}
		e.eye = &eye{c: e.c, file: f}
	}
	v, err := listen.ParseVideo(s.SDP)
	if err != nil {
		return err
	}
	return e.eye.update(v, e.say)
}

// update goes on with a new description of the video; another stream is joined anew.
func (y *eye) update(s *listen.Session, say func(string, ...any)) error {
	if s == nil {
		y.leave()
		say("there is no video in the description")
		return nil
	}
	if y.codec != media.NoVideoCodec && y.codec != s.Video {
		return fmt.Errorf("the group's video is %v now, and the file's %v; listen anew", s.Video, y.codec)
	}
	if y.l != nil && y.l.Update(s) == nil {
		return nil
	}
	y.leave()
	say("%s", describe(s))
	return y.begin(s)
}

// begin joins the group of the video.
func (y *eye) begin(s *listen.Session) (err error) {
	if y.recorder == nil {
		y.codec, y.recorder = s.Video, recording.New(s.Video)
	}
	if y.canvas, err = newCanvas(s, y); err != nil {
		return err
	}
	y.l, err = listen.Listen(s, listen.Config{Interface: y.c.Interface, NoFeedback: y.c.NoFeedback, NoRepair: y.c.NoRepair, Viewer: y.canvas, Drop: y.drop})
	return err
}

// leave ends the listener, if there is one.
func (y *eye) leave() {
	if y.l != nil {
		_ = y.l.Close()
	}
	y.l = nil
}

func (y *eye) failure() error {
	if y == nil {
		return nil
	}
	return y.file.failure()
}

// stats returns nil if nobody wants video, or the group never had any.
func (y *eye) stats() *videoStats {
	if y == nil || y.canvas == nil {
		return nil
	}
	if y.l != nil {
		y.last.Network.Stats = y.l.Stats()
	}
	n := &y.last.Network
	n.LossBefore, n.LossAfter = n.Stats.LossBefore(), n.Stats.LossAfter()
	now := y.last
	film, given := y.canvas.told()
	now.Codec, now.Pictures, now.KeyFrames, now.Width, now.Height = y.codec.String(), film.Pictures, film.KeyFrames, film.Width, film.Height
	now.Seconds, now.Bytes = float64(film.Ticks)/media.VideoRate, film.Bytes
	now.Early, now.GivenUp, now.Broken, now.Unread, now.Missed = film.Early, given, film.Broken, film.Unread, film.Missed
	return &now
}

// second prints what the last second was like.
func (y *eye) second(to io.Writer) error {
	last := videoStats{}
	if y != nil {
		last = y.last
	}
	now := y.stats()
	if now == nil {
		return nil
	}
	y.last = *now
	n, l := &now.Network, &last.Network
	sent := sub(n.Received+n.LostBefore, l.Received+l.LostBefore)
	_, err := fmt.Fprintf(to, "          %3d pictures, %d key, %dx%d, %d kbit/s, %s lost, %s after repair (%d sent again)  left out %d\n",
		now.Pictures-last.Pictures, now.KeyFrames-last.KeyFrames, now.Width, now.Height, (now.Bytes-last.Bytes)*8/1000,
		percent(sub(n.LostBefore, l.LostBefore), sent), percent(sub(n.Lost, l.Lost), sent), sub(n.ByRetransmission, l.ByRetransmission), now.left()-last.left())
	return err
}

// left is how many pictures are not in the file.
func (s *videoStats) left() uint64 { return s.Early + s.GivenUp + s.Broken + s.Unread + s.Missed }

// close leaves, and ends the file.
func (y *eye) close() error {
	if y == nil {
		return nil
	}
	y.stats() // before there is nobody to be asked
	y.leave()
	return y.file.close()
}

// end tells the whole. It is an error if no picture came.
func (y *eye) end(say func(string, ...any)) error {
	s := y.stats()
	switch {
	case y == nil:
		return nil
	case s == nil:
		return errors.New("the group had no video: is it switched on, and is somebody there who sends any?")
	}
	n := &s.Network
	say("saw %.1f s: %d pictures, %d key, %dx%d, of %s; %d packets, %.2f %% lost by the network, %.3f %% after repair (%d sent again)",
		s.Seconds, s.Pictures, s.KeyFrames, s.Width, s.Height, s.Codec, n.Received, 100*n.LossBefore, 100*n.LossAfter, n.ByRetransmission)
	if s.left() > 0 {
		say("left out: %d pictures before the first key frame, %d not whole, %d that need such, %d malformed, %d not taken fast enough",
			s.Early, s.GivenUp, s.Broken, s.Unread, s.Missed)
	}
	if d := n.Foreign + n.Unauthentic + n.Malformed + n.Unknown; d > 0 {
		say("dropped of the video: %d from others, %d not authentic, %d malformed, %d of unknown payload types", n.Foreign, n.Unauthentic, n.Malformed, n.Unknown)
	}
	if s.Pictures == 0 {
		return fmt.Errorf("no picture came: %d packets, %d pictures without a key frame before them", n.Received, s.Early)
	}
	return nil
}
