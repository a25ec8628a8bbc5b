package decode

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/confd/confd/internal/testkit/tone"
)

// What ffmpeg writes in many codings, rates and lengths: level and length are right.
func TestWhatFFmpegWrites(t *testing.T) {
	path, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("no ffmpeg")
	}
	dir := t.TempDir()
	for i, c := range []struct {
		args, name string
		rate       int
		level      float64
		within     float64
	}{
		{"-c:a pcm_u8 -ar 11025", "wav", 16000, -18.06, 0.3},
		{"-c:a pcm_s16le -ar 22050", "wav", 48000, -18.06, 0.1},
		{"-c:a pcm_s24le -ar 44100 -ac 2", "wav", 48000, -21.07, 0.1},
		{"-c:a pcm_s32le -ar 96000 -ac 6", "wav", 48000, -33.6, 0.5},
		{"-c:a pcm_f32le -ar 32000", "wav", 48000, -18.06, 0.1},
		{"-c:a pcm_mulaw -ar 16000", "wav", 16000, -18.06, 0.1},
		{"-c:a pcm_alaw -ar 8000 -rf64 always", "wav", 8000, -18.06, 0.1},
		{"-c:a libopus -b:a 16k -application voip -ar 8000", "opus", 8000, -18.06, 2},
		{"-c:a libopus -b:a 64k -frame_duration 2.5", "opus", 48000, -18.06, 0.5},
		{"-c:a libopus -b:a 32k -frame_duration 120 -page_duration 20000", "ogg", 48000, -18.06, 0.5},
		{"-c:a libopus -b:a 96k -ac 2 -vbr off", "opus", 48000, -21.07, 0.5},
	} {
		out := filepath.Join(dir, fmt.Sprintf("%d.%s", i, c.name))
		cmd := exec.Command("sh", "-c", path+" -v error -f lavfi -i sine=frequency=1000:sample_rate=48000:duration=1.2345 "+c.args+" "+out)
		if msg, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", c.args, err, msg)
		}
		b, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		d, pcm, err := all(b, Options{})
		if err != nil {
			t.Errorf("%s: %v", c.args, err)
			continue
		}
		seconds := float64(len(pcm)) / float64(d.Rate())
		if d.Rate() != c.rate || math.Abs(seconds-1.2345) > 0.001 || math.Abs(d.Length().Seconds()-1.2345) > 0.001 {
			t.Errorf("%s: %.4f s, says %v, at %d Hz, want 1.2345 s at %d", c.args, seconds, d.Length(), d.Rate(), c.rate)
		}
		if l := tone.Level(pcm, d.Rate(), 1000); math.Abs(l-c.level) > c.within {
			t.Errorf("%s: %.2f dB, want %.2f", c.args, l, c.level)
		}
	}
}
