package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/confd/confd/client"
	"github.com/confd/confd/internal/testkit/camera"
)

// TestListenerFilmsWhoSpeaks: what "confd listen --video" writes of a group with SRTP, of whose
// packets one in twenty is lost, plays in ffmpeg from the first picture to the last, and shows
// one who speaks and then the other, nothing else.
func TestListenerFilmsWhoSpeaks(t *testing.T) {
	for codec, name := range map[string]string{"vp8": "film.ivf", "h264": "film.h264"} {
		t.Run(codec, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, 2)
			c := startConfd(t, at(l.Hosts[0]), serverOptions{})
			x := newCinema(t, at(l.Hosts[0]), c)
			r, _, sdp := screened(t, x, codec, client.MulticastFields{Srtp: client.Set(true)})
			dir := t.TempDir()
			file, film := filepath.Join(dir, "group.sdp"), filepath.Join(dir, name)
			if err := os.WriteFile(file, []byte(sdp), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := l.Hosts[1].Lose(5); err != nil {
				t.Fatal(err)
			}
			e := listen(t, l.Hosts[1], file, "--video", film)
			so := e.await(t, "two seconds of green", func(l heardLine) bool { return l.Video.Pictures >= 50 })
			x.floor(r)
			e.await(t, "four seconds, red ones among them", func(l heardLine) bool { return l.Video.Pictures >= so.Video.Pictures+100 })
			got, _ := e.stop(t)
			t.Logf("%+v", got.Video)
			if n := got.Video.Network; n.Before == 0 || n.Again == 0 || n.Unproven != 0 {
				t.Errorf("%+v", n)
			}
			seen := filmed(t, film, red, green)
			if len(seen) != got.Video.Pictures || seen[0] != "green" || seen[len(seen)-1] != "red" {
				t.Errorf("%d pictures from %s to %s, and %d were written", len(seen), seen[0], seen[len(seen)-1], got.Video.Pictures)
			}
		})
	}
}

// filmed returns the colour of each picture of a file, as ffmpeg decodes it without a complaint.
func filmed(t *testing.T, path string, all ...camera.Colour) (seen []string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-i", path, "-fps_mode", "passthrough",
		"-vf", "crop=iw:ih/4:0:0,scale=1:1,setpts=N/25/TB", "-f", "rawvideo", "-pix_fmt", "rgb24", "-")
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil || said.Len() > 0 || out.Len() < 3 {
		t.Fatalf("ffmpeg: %v, %d bytes: %s", err, out.Len(), &said)
	}
	for b := out.Bytes(); len(b) >= 3; b = b[3:] {
		name, err := whose([3]byte(b), all)
		if err != nil {
			t.Errorf("picture %d: %v", len(seen), err)
		}
		seen = append(seen, name)
	}
	return seen
}
