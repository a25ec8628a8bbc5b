package camera

import (
	"fmt"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/internal/netlab"
	"github.com/confd/confd/internal/testkit/netsim"
	"github.com/confd/confd/internal/testkit/wait"
)

// camera makes one, or skips the test where there is no ffmpeg.
func camera(t *testing.T, o Options) *Camera {
	t.Helper()
	if _, err := exec.LookPath("ffmpeg"); err != nil || testing.Short() {
		t.Skip("ffmpeg is not installed, or -short")
	}
	n := netlab.Namespace("")
	o.Network, o.Command, o.Context = n, n.Command, t.Context()
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// connect has two see each other, and waits until the screens have shown so many pictures.
func connect(t *testing.T, a, b *Camera, pictures int) {
	t.Helper()
	loopback := netip.MustParseAddr("127.0.0.1")
	for _, err := range []error{a.Apply(loopback, b.Describe()), b.Apply(loopback, a.Describe())} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []*Camera{a, b} {
		wait.For(t, fmt.Sprint(pictures, " pictures"), func() bool { return len(c.Frames()) >= pictures },
			func() any { return len(c.Frames()) }, func() any { return c.Faults() }, func() any { return c.Stats() })
	}
}

func TestScreenShowsWhatAnotherFilms(t *testing.T) {
	for _, c := range []Codec{VP8, VP9, H264, H265} {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			bad := netsim.Impairment{Loss: 0.05, Delay: 5 * time.Millisecond}
			a := camera(t, Options{Codec: c, Colour: Red, Down: bad, RTX: true, Seed: 1})
			b := camera(t, Options{Codec: c, Colour: Blue, Down: bad, OnDemand: true, Seed: 2})
			connect(t, a, b, 40)
			for _, see := range []struct {
				by     *Camera
				colour Colour
			}{{a, Blue}, {b, Red}} {
				for i, f := range see.by.Frames() {
					if f.Colour != see.colour || f.Number != i {
						t.Errorf("%s's picture %d is %+v", see.by.Name(), i, f)
						break
					}
				}
				if f := see.by.Faults(); f != nil {
					t.Errorf("%s's screen: %q", see.by.Name(), f)
				}
			}
			for _, s := range []Stats{a.Stats(), b.Stats()} {
				if s.Repaired == 0 || s.Repeated == 0 || s.Lost != 0 || s.Streams != 1 {
					t.Errorf("%+v", s)
				}
			}
		})
	}
}

// What is not asked for again is missed by the decoder.
func TestScreenTellsOfLoss(t *testing.T) {
	a := camera(t, Options{Codec: VP8, Colour: Red, Seed: 1})
	b := camera(t, Options{Codec: VP8, Colour: Green, Seed: 2})
	connect(t, a, b, 1)
	b.upRTP.Set(netsim.Impairment{Loss: 0.2})
	b.upRTCP.Set(netsim.Impairment{Loss: 1})
	a.upRTCP.Set(netsim.Impairment{Loss: 1}) // its NACKs
	wait.For(t, "a fault to be told", func() bool { return a.Faults() != nil && a.Stats().Lost > 0 }, func() any { return a.Stats() })
}

func TestRefusedVideo(t *testing.T) {
	a := camera(t, Options{Codec: VP8, Colour: Red})
	err := a.Apply(netip.MustParseAddr("127.0.0.1"), "m=video 0 RTP/AVP 96\r\n")
	if err == nil || !strings.Contains(err.Error(), "refused") {
		t.Error(err)
	}
}
