package e2e

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/internal/testkit/tone"
	"github.com/confd/confd/internal/testkit/wav"
)

// recorder is a client that writes what it hears to a file as it goes.
type recorder interface {
	recording() string
	// bytesPerSecond is how the file grows. Its header is no help: Linphone writes it last.
	bytesPerSecond() int
}

// awaitRecording waits until each client has recorded d more than now. How long that takes
// is up to the client: a busy machine makes its sound card late.
func awaitRecording(t *testing.T, d time.Duration, clients ...recorder) {
	t.Helper()
	for _, c := range clients {
		from := recorded(c)
		eventually(t, 5*d+10*time.Second, fmt.Sprintf("%v of recording", d), func() error {
			if now := recorded(c); now < from+d {
				return fmt.Errorf("%s has %v", c.recording(), now-from)
			}
			return nil
		})
	}
}

func recorded(c recorder) time.Duration {
	info, err := os.Stat(c.recording())
	if err != nil {
		return 0
	}
	return time.Duration(info.Size()) * time.Second / time.Duration(c.bytesPerSecond())
}

// judge looks for a second of the recording that is as expected. One is enough: the client
// has a jitter buffer and a sound card of its own, which stumble on a busy machine, but what
// the server must not send is in every second of it. The phones of the test kit are judged
// without such mercy.
func judge(t *testing.T, who string, a *wav.Audio, e tone.Expect) {
	t.Helper()
	if err := bestSecond(a.Mono(), a.Rate, e); err != nil {
		t.Errorf("%s: %v", who, err)
	}
}

func bestSecond(pcm []int16, rate int, e tone.Expect) error {
	e.Shift = shift
	err := errors.New("the recording is shorter than a second")
	for from := 0; from+rate <= len(pcm); from += rate / 4 {
		if err = tone.Check(pcm[from:from+rate], rate, e); err == nil {
			return nil
		}
	}
	return err
}

// unsteady is the share of 20 ms windows that are more than 3 dB off the median: gaps,
// clicks and swells in what should be a steady tone. Under the race detector it is 0.
func unsteady(pcm []int16, rate int) float64 {
	if underRace {
		return 0
	}
	return unsteadyShare(pcm, rate)
}

func unsteadyShare(pcm []int16, rate int) float64 {
	levels := tone.Envelope(pcm, rate, 20*time.Millisecond)
	if len(levels) == 0 {
		return 1
	}
	sorted := slices.Sorted(slices.Values(levels))
	median := sorted[len(sorted)/2]
	bad := 0
	for _, l := range levels {
		if math.Abs(l-median) > 3 {
			bad++
		}
	}
	return float64(bad) / float64(len(levels))
}

// shift is by how much a tone may be off: the server moves its jitter buffers by playing up
// to 1 % slower or faster, and so do clients.
const shift = 0.015

// keep writes all that p heard into the folder that CONFD_E2E_KEEP names, if it is set.
func keep(t *testing.T, p listener, who string) {
	t.Helper()
	dir := os.Getenv("CONFD_E2E_KEEP")
	if dir == "" {
		return
	}
	pcm, err := p.Sound(0, p.Mark())
	if err != nil {
		t.Log(err)
		return
	}
	name := strings.NewReplacer("/", "_", " ", "_").Replace(t.Name() + "-" + who + ".wav")
	if err := wav.Write(filepath.Join(dir, name), p.Rate(), pcm); err != nil {
		t.Log(err)
	}
}
