package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/client"
	"github.com/confd/confd/internal/netlab"
	"github.com/confd/confd/internal/testkit/camera"
)

// spectator is an ffmpeg that plays the pictures of a description. Of each it leaves the colour.
type spectator struct {
	*process
	colours string // file: three bytes a picture
	said    *output
	began   int // how much it had said when it saw its first picture: before, it had joined amid one
}

// watch has a host look at what a description leads to, until the test ends.
func watch(t *testing.T, h *netlab.Host, sdp string) *spectator {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "group.sdp")
	if err := os.WriteFile(file, []byte(sdp), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &spectator{colours: filepath.Join(dir, "colours"), said: new(output)}
	cmd := h.Command("ffmpeg", "-hide_banner", "-loglevel", "warning", "-nostdin", "-protocol_whitelist", "file,udp,rtp", "-localaddr", h.IPv4.String(),
		"-flags", "low_delay", "-i", file, "-map", "0:v:0", "-an", "-vf", "crop=iw:ih/4:0:0,scale=1:1", "-pix_fmt", "rgb24", "-flush_packets", "1", "-f", "rawvideo", s.colours)
	cmd.Stderr = s.said
	s.process = run(t, cmd)
	return s
}

// watchInGStreamer does the same with GStreamer, whose free plugins know VP8 alone.
func watchInGStreamer(t *testing.T, h *netlab.Host, sdp string) *spectator {
	t.Helper()
	need(t, "gst-launch-1.0")
	dir := t.TempDir()
	file := filepath.Join(dir, "group.sdp")
	if err := os.WriteFile(file, []byte(sdp), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &spectator{colours: filepath.Join(dir, "colours"), said: new(output)}
	cmd := h.Command("gst-launch-1.0", "-q", "filesrc", "location="+file, "!", "sdpdemux", "name=d", "d.", "!", "application/x-rtp,media=video", "!",
		"rtpvp8depay", "!", "vp8dec", "!", "videocrop", "bottom=180", "!", "videoscale", "!", "videoconvert", "!",
		"video/x-raw,format=RGB,width=4,height=1", "!", "filesink", "buffer-mode=unbuffered", "location="+s.colours)
	cmd.Stderr = s.said
	s.process = run(t, cmd)
	return s
}

// sees returns the colour of the newest picture.
func (s *spectator) sees(all ...camera.Colour) (string, error) {
	b, err := os.ReadFile(s.colours)
	if err != nil || len(b) < 3 {
		return "", errors.New("no picture has come")
	}
	return whose([3]byte(b[len(b)/3*3-3:]), all)
}

func (s *spectator) awaits(t *testing.T, when string, want camera.Colour, all ...camera.Colour) {
	t.Helper()
	eventually(t, 20*time.Second, "the group's sight of "+want.Name+" "+when, func() error {
		got, err := s.sees(all...)
		if err == nil && got != want.Name {
			err = fmt.Errorf("it sees %s", got)
		}
		return err
	})
	if s.began == 0 {
		s.began = len(s.said.String())
	}
}

// decodesAll fails the test if the player met anything that it could not decode.
func (s *spectator) decodesAll(t *testing.T) {
	t.Helper()
	said := s.said.String()[s.began:]
	for _, word := range []string{"Error", "error", "no frame!", "non-existing", "concealing", "reference"} {
		if strings.Contains(said, word) {
			t.Errorf("ffmpeg said %s", said)
			return
		}
	}
}

// screened makes a room with a group that shows red and green, who speaks, and returns the group's
// description.
func screened(t *testing.T, x *cinema, codec string, group client.MulticastFields) (r, g *viewer, sdp string) {
	t.Helper()
	group.Video, group.VideoInterval, group.VideoBitrate = client.Set(true), client.Set(int64(2)), client.Set(int64(2_000_000))
	x.d.set(x.room, client.RoomFields{Multicast: client.Set(group)})
	r, g = x.enter(codec, red), x.enter(codec, green)
	x.floor(g)
	eventually(t, 10*time.Second, "a description with video", func() (err error) {
		if sdp, err = x.c.get("/v1/rooms/" + x.room + "/multicast.sdp"); err == nil && !strings.Contains(sdp, "m=video") {
			err = fmt.Errorf("it is %s", sdp)
		}
		return err
	})
	return r, g, sdp
}

// TestGroupShowsWhoSpeaks: a player that knows nothing of confd plays the description of a
// room's group, and sees who speaks; so does one that comes while nobody speaks.
func TestGroupShowsWhoSpeaks(t *testing.T) {
	for _, codec := range []string{"vp8", "h264"} {
		t.Run(codec, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, 4)
			c := startConfd(t, at(l.Hosts[0]), serverOptions{})
			x := newCinema(t, at(l.Hosts[0]), c)
			r, g, sdp := screened(t, x, codec, client.MulticastFields{})
			first := watch(t, l.Hosts[1], sdp)
			first.awaits(t, "while green speaks", green, red, green)
			x.floor(r)
			first.awaits(t, "while red speaks", red, red, green)
			x.speak(nil)
			late := watch(t, l.Hosts[2], sdp)
			all := []*spectator{first, late}
			if codec == "vp8" {
				all = append(all, watchInGStreamer(t, l.Hosts[3], sdp))
			}
			late.awaits(t, "after red has spoken", red, red, green)
			x.floor(g)
			for _, s := range all {
				s.awaits(t, "while green speaks again", green, red, green)
			}
			if n := c.metric(t, "confd_multicast_video_send_errors_total"); n != 0 {
				t.Errorf("%v packets did not leave", n)
			}
			first.decodesAll(t)
			late.decodesAll(t)
			for _, v := range x.viewers {
				v.hangUp(t)
			}
		})
	}
}
