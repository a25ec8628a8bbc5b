package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/internal/testkit/camera"
)

// What somebody's camera sees: which one is shown tells whose picture it is.
var red, green, blue = camera.Red, camera.Green, camera.Blue

// picture is the video of a baresip: a coding, as its accounts name it, and what the camera sees.
type picture struct {
	codec  string // vp8, vp9, h264, h265
	colour camera.Colour
	secure bool // SRTP, or no call
}

// account is what the account says of video; a nil picture has none.
func (v *picture) account() string {
	if v == nil {
		return ""
	}
	if v.secure {
		return ";mediaenc=srtp-mand;video_codecs=" + v.codec
	}
	return ";video_codecs=" + v.codec
}

// config has baresip take its picture from a file. What it decodes is looked at with snapshots.
func (v *picture) config(t *testing.T, dir string) string {
	t.Helper()
	if v == nil {
		return ""
	}
	need(t, "ffmpeg")
	path := filepath.Join(dir, "camera.mp4")
	film(t, v.colour, path, time.Minute)
	lines := []string{
		"video_source avformat," + path, "video_display fakevideo,null",
		"video_size 320x240", "video_bitrate 400000", "video_fps 25", "video_fullscreen no",
	}
	for _, m := range []string{"fakevideo", "avformat", "swscale", "vp8", "vp9", "avcodec", "snapshot"} {
		lines = append(lines, "module "+m+".so")
	}
	return strings.Join(lines, "\n") + "\n"
}

// film makes a file of the colour with a box that moves, so that every picture differs from
// the one before.
func film(t *testing.T, c camera.Colour, path string, d time.Duration) {
	t.Helper()
	runs(t, "ffmpeg", "-v", "error", "-y",
		"-f", "lavfi", "-i", fmt.Sprintf("color=c=0x%02x%02x%02x:s=320x240:r=25:d=%.0f", c.R, c.G, c.B, d.Seconds()),
		"-vf", "drawbox=x='mod(t*60,280)':y=100:w=40:h=40:color=gray:t=fill",
		"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "25", path)
}

// photo makes a still picture of the colour.
func photo(t *testing.T, c camera.Colour, path string) {
	t.Helper()
	runs(t, "ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", fmt.Sprintf("color=c=0x%02x%02x%02x:s=352x288", c.R, c.G, c.B),
		"-frames:v", "1", path)
}

// runs runs a program to its end, and returns what it printed. The test ends unless it succeeds.
func runs(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).Output()
	if err != nil {
		t.Fatalf("%s %s: %v", name, strings.Join(args, " "), err)
	}
	return out
}

// colourOf tells which of all colours most of an image file has.
func colourOf(t *testing.T, path string, all ...camera.Colour) (string, error) {
	t.Helper()
	// The upper left is always free of the box.
	b, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-i", path,
		"-vf", "crop=iw:ih/4:0:0,scale=1:1", "-f", "rawvideo", "-pix_fmt", "rgb24", "-").Output()
	if err != nil || len(b) != 3 {
		return "", fmt.Errorf("%s cannot be read: %v, % x", path, err, b)
	}
	name, err := whose([3]byte(b), all)
	if err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return name, nil
}

// whose tells which of all colours a pixel has.
func whose(pixel [3]byte, all []camera.Colour) (string, error) {
	for _, c := range all {
		if c.Is(pixel) {
			return c.Name, nil
		}
	}
	return "", fmt.Errorf("the colour #%x, which nobody shows", pixel)
}

// sees returns the colour that baresip has decoded last: of whole pictures of one of all.
func (b *baresip) sees(t *testing.T, all ...camera.Colour) (string, error) {
	t.Helper()
	path := filepath.Join(b.dir, "seen.png")
	_ = os.Remove(path)
	before := strings.Count(b.out.String(), "png: wrote "+path)
	b.command(t, "snapshot_recv", path)
	for deadline := time.Now().Add(3 * time.Second); strings.Count(b.out.String(), "png: wrote "+path) == before; {
		if time.Now().After(deadline) {
			return "", fmt.Errorf("%s shows no picture", b.sip)
		}
		time.Sleep(10 * time.Millisecond)
	}
	return colourOf(t, path, all...)
}

// awaitSight waits until a client sees a colour.
func awaitSight(t *testing.T, who string, b *baresip, want camera.Colour, all ...camera.Colour) {
	t.Helper()
	eventually(t, 15*time.Second, who+"'s sight of "+want.Name, func() error {
		got, err := b.sees(t, all...)
		if err == nil && got != want.Name {
			err = fmt.Errorf("it sees %s", got)
		}
		return err
	})
}

// decodesAll fails the test if baresip met anything that it could not decode.
func (b *baresip) decodesAll(t *testing.T, who string) {
	t.Helper()
	for line := range strings.Lines(b.out.String()) {
		if strings.Contains(line, "hardware accel disabled") { // its usual greeting
			continue
		}
		for _, word := range []string{"decode error", "decode:", "could not decode", "corrupt", "Error while decoding", "non-existing PPS", "no frame!", "concealing"} {
			if strings.Contains(line, word) {
				t.Errorf("%s: %s", who, strings.TrimSpace(line))
			}
		}
	}
}
