package multicast

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/confd/confd/codec"
	"github.com/confd/confd/internal/testkit/tone"
	"github.com/confd/confd/media"
)

// A player that knows nothing of confd plays the description as it is, and the tone is in it.
func TestPlaysInFFmpeg(t *testing.T) {
	path, err := exec.LookPath("ffmpeg")
	if err != nil {
		if os.Getenv("CONFD_E2E_STRICT") != "" {
			t.Fatal("ffmpeg is not installed: make setup-test")
		}
		t.Skip("ffmpeg is not installed")
	}
	for _, s := range []Spec{{}, {Codec: "pcmu"}, {Codec: "l16"}, {Codec: "pcmu", PacketTime: 40, Mode: SourceSpecific}} {
		t.Run(s.Codec+string(s.Mode), func(t *testing.T) {
			g := opened(t, homeHost(t, nil), s)
			defer g.Close()
			sdp, _ := g.Description(true)
			file := filepath.Join(t.TempDir(), "group.sdp")
			if err := os.WriteFile(file, sdp, 0o600); err != nil {
				t.Fatal(err)
			}
			player := exec.Command(path, "-hide_banner", "-loglevel", "error", "-protocol_whitelist", "file,udp,rtp",
				"-localaddr", "127.0.0.1", "-i", file, "-t", "1", "-ar", "8000", "-ac", "1", "-f", "s16le", "-")
			var sound, complaints bytes.Buffer
			player.Stdout, player.Stderr = &sound, &complaints
			if err := player.Start(); err != nil {
				t.Fatal(err)
			}
			done := make(chan error, 1)
			go func() { done <- player.Wait() }()
			if err := sing(t, g, done); err != nil {
				t.Fatalf("%v: %s\n%s", err, &complaints, sdp)
			}
			samples := make([]int16, sound.Len()/2)
			_ = binary.Read(&sound, binary.LittleEndian, samples)
			if level := tone.Near(samples, 8000, 1000, 0.01); len(samples) < 7000 || level < -12 || level > -8 {
				t.Errorf("%d samples with 1000 Hz at %.1f dB, want -10; ffmpeg says %q", len(samples), level, &complaints)
			}
		})
	}
}

// sing sends a tone in real time until the player is done.
func sing(t *testing.T, g *Group, done <-chan error) error {
	t.Helper()
	f := g.Format()
	e, err := codec.NewEncoder(f, codec.DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	source, v := tone.New(f.SampleRate, -10, 1000), newVoice(f)
	pcm := make([]int16, f.Samples(f.PacketTime))
	tick, end := time.NewTicker(f.PacketTime), time.After(30*time.Second)
	defer tick.Stop()
	for {
		select {
		case err := <-done:
			return err
		case <-end:
			t.Fatal("the player does not end")
		case <-tick.C:
		}
		source.Read(pcm)
		if v.o.Data, err = e.Encode(v.o.Data[:0], pcm); err != nil {
			t.Fatal(err)
		}
		v.speak(g)
	}
}

var _ media.Sink = (*Group)(nil)
