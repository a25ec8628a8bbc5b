//go:build linux

package floor_test

import (
	"net/netip"
	"os"
	"os/exec"
	"testing"

	"github.com/confd/confd/bench/coding"
	"github.com/confd/confd/bench/floor"
	"github.com/confd/confd/bench/load/fleet"
	"github.com/confd/confd/bench/load/signal"
	"github.com/confd/confd/bench/trial"
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

func voip() coding.Opus { return coding.Opus{Complexity: 5, Bitrate: 32000} }

// start runs a floor process for callers, who play, until the test ends.
func start(t *testing.T, config floor.Config, load trial.Load, change func(*fleet.Config)) *trial.Callers {
	t.Helper()
	callers, err := load.Play(change)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(callers.Close)
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), beFloor+"=1")
	p, err := floor.Start(command, config, callers.Locals())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := p.Stop(); err != nil {
			t.Error(err)
		}
	})
	if err := callers.Reach(p.Legs, config.PayloadType()); err != nil {
		t.Fatal(err)
	}
	return callers
}

// Everyone must hear all talkers of their room but themselves, and nobody of the other.
func TestEveryoneHearsTheTalkersButNotThemselves(t *testing.T) {
	load := trial.Load{Callers: 12, Rooms: 2, Talkers: 3}
	for name, config := range map[string]floor.Config{
		"PCMU":         {Codec: media.PCMU},
		"Opus all":     {Codec: media.Opus, DecodeAll: true, Opus: voip()},
		"Opus talkers": {Codec: media.Opus, Opus: voip()},
	} {
		t.Run(name, func(t *testing.T) {
			config.Rooms, config.Talkers = load.Rooms, load.Talkers
			callers := start(t, config, load, func(c *fleet.Config) {
				c.References, c.Ears, c.Plans = load.Rooms, load.Callers, load.Rooms // for all who do not hear what another does
				if config.Codec == media.Opus {
					c.Codec = trial.OpusOf(config.Opus)
				}
			})
			var r *fleet.Report
			for range 5 { // a busy machine needs time
				var err error
				if r, err = callers.Judged(t.Context(), everyone); err != nil {
					t.Fatal(err)
				}
				if everyone(r) {
					break
				}
			}
			all, _ := r.Heard()
			if !everyone(r) || all.Counts[signal.Own]+all.Counts[signal.Unexpected] > 0 {
				t.Errorf("verified %v, want all %d; %v; talkers %v and %v", r.Verified(), load.Callers, all.Counts, r.Rooms[0].Talkers, r.Rooms[1].Talkers)
			}
		})
	}
}

// everyone tells whether all are verified, and each talker was heard.
func everyone(r *fleet.Report) bool {
	for i := range r.Rooms {
		for _, t := range r.Rooms[i].Talkers {
			if t.Heard == 0 {
				return false
			}
		}
	}
	return r.Verified()[fleet.Unverified] == 0
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
