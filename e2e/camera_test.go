package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/confd/confd/internal/testkit/camera"
)

// TestCamerasFollowWhoSpeaks: three cameras of ffmpeg are in one room. Each screen, which is
// ffmpeg, too, shows who speaks, and that of who speaks the one before. Nothing that it is
// sent fails to be decoded, at any time; a picture is one of one camera, whole, and a change
// begins with a key frame. Without loss no picture is left out.
func TestCamerasFollowWhoSpeaks(t *testing.T) {
	for _, codec := range []camera.Codec{camera.VP8, camera.H264, camera.VP9, camera.H265} {
		for _, loss := range []float64{0, 0.05} {
			t.Run(fmt.Sprintf("%s at %.0f%%", codec.Name, 100*loss), func(t *testing.T) {
				t.Parallel()
				rtx := codec.Name == camera.VP8.Name || codec.Name == camera.H265.Name
				s := newStudio(t, camera.Options{Codec: codec, RTX: rtx}, loss)
				s.play()
			})
		}
	}
}

// TestCamerasThatAreAsked: the same with cameras that make key frames only when they are
// asked, which at loss has to be done until one comes.
func TestCamerasThatAreAsked(t *testing.T) {
	t.Parallel()
	newStudio(t, camera.Options{Codec: camera.VP8, OnDemand: true}, 0.05).play()
}

// TestCamerasThatForget: the same with cameras that can send nothing again. A picture of which
// something is lost is shown to nobody, nor is what follows, up to the next key frame.
func TestCamerasThatForget(t *testing.T) {
	for _, codec := range []camera.Codec{camera.VP8, camera.H264, camera.VP9, camera.H265} {
		t.Run(codec.Name, func(t *testing.T) {
			t.Parallel()
			newStudio(t, camera.Options{Codec: codec, OnDemand: true, Forgets: true}, 0.02).play()
		})
	}
}

// play has the three speak in turn, and judges what each has seen.
func (s *studio) play() {
	s.t.Helper()
	r, g, b := s.enter(camera.Red), s.enter(camera.Green), s.enter(camera.Blue)
	s.floor(r)
	s.watch("while red speaks first", nil, r, r)
	before := s.sight(r)
	s.mark()
	s.floor(g)
	s.watch("while green speaks", g, r, g)
	s.floor(b)
	s.watch("while blue speaks", b, b, g)
	s.floor(r)
	s.watch("while red speaks again", b, r, r)
	s.judge(r, before, g, b)
	s.judge(g, r, b, r)
	s.judge(b, r, g, r)
	s.close()
}

// sight is whom somebody sees.
func (s *studio) sight(a *actor) (who *actor) {
	s.t.Helper()
	eventually(s.t, 10*time.Second, "a picture for "+a.colour.Name, func() error {
		frames := a.Frames()
		for _, o := range s.actors {
			if len(frames) > 0 && frames[len(frames)-1].Colour == o.colour && o != a {
				who = o
				return nil
			}
		}
		return fmt.Errorf("it has seen %d, the last of nobody else", len(frames))
	})
	return who
}

// TestNewcomerSeesAtOnce: who comes into a room where all have been seen for long is shown
// who speaks after one request for a key frame, and from that on.
func TestNewcomerSeesAtOnce(t *testing.T) {
	for _, codec := range []camera.Codec{camera.VP8, camera.H264, camera.VP9, camera.H265} {
		t.Run(codec.Name, func(t *testing.T) {
			t.Parallel()
			s := newStudio(t, camera.Options{Codec: codec, OnDemand: true}, 0)
			r, g := s.enter(camera.Red), s.enter(camera.Green)
			s.floor(g)
			s.watch("before blue comes", g, r)
			s.mark()
			asked := g.Stats().Asked
			b := s.enter(camera.Blue)
			s.watch("after blue has come", g, r, g)
			if n := g.Stats().Asked - asked; n != 1 {
				t.Errorf("green was asked for a key frame %d times, want once", n)
			}
			if f := b.Frames()[0]; f.Number != 0 || f.Colour != camera.Green {
				t.Errorf("blue's first picture is %+v, want green's key frame", f)
			}
			s.judge(r, g)
			s.judge(g, r)
			s.judge(b, g)
			s.close()
		})
	}
}
