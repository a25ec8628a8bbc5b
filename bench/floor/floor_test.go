//go:build linux

package floor_test

import (
	"context"
	"net/netip"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/confd/confd/bench/callers"
	"github.com/confd/confd/bench/coding"
	"github.com/confd/confd/bench/floor"
	"github.com/confd/confd/bench/measure"
	"github.com/confd/confd/media"
)

// beFloor makes the test program a floor process.
const beFloor = "CONFD_BENCH_FLOOR"

func TestMain(m *testing.M) {
	if os.Getenv(beFloor) != "" {
		if err := floor.Serve(os.Stdin, os.Stdout); err != nil {
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func voip() coding.Opus { return coding.Opus{Application: "voip", Complexity: 5, Bitrate: 32000} }

// start runs a floor process for load, and the load, until the test ends.
func start(t *testing.T, config floor.Config, load *callers.Load) *floor.Process {
	t.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), beFloor+"=1")
	p, err := floor.Start(command, config, load.Locals())
	if err != nil {
		t.Fatal(err)
	}
	for i, leg := range p.Legs {
		if err := load.Connect(i, leg, config.PayloadType()); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		load.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
		load.Close()
	})
	return p
}

// hear waits until every caller kept n payloads.
func hear(t *testing.T, load *callers.Load, legs, n int) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for i := 0; i < legs; {
		if len(load.Kept(i)) >= n {
			i++
			continue
		}
		if time.Now().After(deadline) {
			t.Fatalf("caller %d heard %d packets in 20 s, want %d", i, len(load.Kept(i)), n)
		}
		time.Sleep(10 * time.Millisecond) // between looks; the deadline decides
	}
}

// Each talker sends a tone. Everyone must hear all of them but their own.
func TestEveryoneHearsTheTalkersButNotThemselves(t *testing.T) {
	const legs, talkers, seconds = 10, 3, 1
	for name, c := range map[string]struct {
		config floor.Config
		self   float64 // share of a tone's amplitude that its sender may hear
	}{
		"PCMU": {floor.Config{Codec: media.PCMU, Talkers: talkers}, 0.05},
		// Opus itself puts sound where none is (FINDINGS 13: 24 dB under).
		"Opus all":     {floor.Config{Codec: media.Opus, Talkers: talkers, DecodeAll: true, Opus: voip()}, 0.15},
		"Opus talkers": {floor.Config{Codec: media.Opus, Talkers: talkers, Opus: voip()}, 0.15},
	} {
		t.Run(name, func(t *testing.T) {
			load, err := callers.New(callers.Config{
				Callers: legs, Talkers: talkers, Sound: callers.Tones,
				Codec: c.config.Codec, Opus: voip(), Keep: 50 * (seconds + 1),
			})
			if err != nil {
				t.Fatal(err)
			}
			p := start(t, c.config, load)
			hear(t, load, legs, 50*(seconds+1))
			if _, err := p.Stop(); err != nil {
				t.Error(err)
			}
			for i := range legs {
				pcm, rate := decode(t, c.config.Codec, load.Kept(i)[50:]) // the first second settles
				checkTones(t, i, talkers, pcm, rate, c.self)
			}
		})
	}
}

func checkTones(t *testing.T, caller, talkers int, pcm []int16, rate int, self float64) {
	t.Helper()
	const sent = 6000
	for k := range talkers {
		heard := measure.Tone(pcm, rate, callers.ToneOf(k)) / sent
		switch {
		case k == caller && heard > self:
			t.Errorf("caller %d hears itself at %.3f of its tone", caller, heard)
		case k != caller && (heard < 0.3 || heard > 1.2):
			t.Errorf("caller %d hears talker %d at %.3f of its tone", caller, k, heard)
		}
	}
}

func decode(t *testing.T, codec media.Codec, payloads [][]byte) (pcm []int16, rate int) {
	t.Helper()
	if codec == media.PCMU {
		frame := make([]int16, 160)
		for _, p := range payloads {
			coding.DecodeUlaw(frame, p)
			pcm = append(pcm, frame...)
		}
		return pcm, 8000
	}
	d, err := coding.NewOpusDecoder()
	if err != nil {
		t.Fatal(err)
	}
	frame := make([]int16, 960)
	for _, p := range payloads {
		n, err := d.Decode(p, frame)
		if err != nil {
			t.Fatal(err)
		}
		pcm = append(pcm, frame[:n]...)
	}
	return pcm, coding.OpusRate
}

// Two rooms in one process: what one says must not be heard in the other.
func TestRoomsAreApart(t *testing.T) {
	load, err := callers.New(callers.Config{
		Callers: 4, Rooms: 2, Talkers: 1, Sound: callers.Tones, Codec: media.PCMU, Keep: 100,
	})
	if err != nil {
		t.Fatal(err)
	}
	p := start(t, floor.Config{Codec: media.PCMU, Rooms: 2, Talkers: 1}, load)
	hear(t, load, 4, 100)
	if _, err := p.Stop(); err != nil {
		t.Error(err)
	}
	for i, want := range []bool{false, true, false, true} { // the second of each room hears the first
		pcm, rate := decode(t, media.PCMU, load.Kept(i)[50:])
		if heard := measure.Tone(pcm, rate, callers.ToneOf(0)) > 2000; heard != want {
			t.Errorf("caller %d hears a talker: %v, want %v", i, heard, want)
		}
	}
}

func TestStartRefusesWhatCannotBeMixed(t *testing.T) {
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), beFloor+"=1")
	if _, err := floor.Start(command, floor.Config{Codec: media.G722, Talkers: 3}, nil); err == nil {
		t.Fatal("a floor of G722 started")
	}
	command = exec.Command(os.Args[0])
	command.Env = append(os.Environ(), beFloor+"=1")
	if _, err := floor.Start(command, floor.Config{Codec: media.PCMU, Rooms: 2, Talkers: 3}, make([]netip.AddrPort, 3)); err == nil {
		t.Fatal("a floor of three peers in two rooms started")
	}
}
