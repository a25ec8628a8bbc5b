package mixer

import (
	"fmt"
	"testing"
	"time"

	"github.com/confd/confd/internal/testkit/tone"
	"github.com/confd/confd/media"
)

// Everyone hears everyone else and not themselves, in every codec.
func TestEveryoneHearsAllOthers(t *testing.T) {
	cases := []struct {
		name  string
		f     func(testing.TB) media.Format
		apart float64
	}{
		{"PCMU", func(t testing.TB) media.Format { return format(t, media.PCMU, 8000, 20*time.Millisecond) }, 40},
		{"PCMA", func(t testing.TB) media.Format { return format(t, media.PCMA, 8000, 20*time.Millisecond) }, 40},
		{"G722", func(t testing.TB) media.Format { return format(t, media.G722, 16000, 20*time.Millisecond) }, 40},
		{"L16/16000", func(t testing.TB) media.Format { return format(t, media.L16, 16000, 20*time.Millisecond) }, 70},
		{"L16/44100", func(t testing.TB) media.Format { return format(t, media.L16, 44100, 10*time.Millisecond) }, 60},
		{"L16/48000", func(t testing.TB) media.Format { return format(t, media.L16, 48000, 10*time.Millisecond) }, 60},
	}
	for _, c := range cases {
		for _, n := range []int{2, 3, 12} {
			t.Run(fmt.Sprintf("%s/%d", c.name, n), func(t *testing.T) {
				b := newBed(t, Config{Talkers: 12})
				freqs := tone.Spread(n)
				phones := make([]*testPhone, n)
				for i := range phones {
					net := network{phase: time.Duration(i*7%20) * time.Millisecond}
					phones[i] = b.phone(c.f(t), -26, freqs[i], net).join()
				}
				b.run(3 * time.Second)
				for i, p := range phones {
					others := append(append([]float64{}, freqs[:i]...), freqs[i+1:]...)
					err := tone.Check(p.tail(time.Second), p.recv.SampleRate,
						tone.Expect{Present: others, Absent: freqs[i : i+1], Apart: c.apart, AtLeast: -30})
					if err != nil {
						t.Errorf("phone %d: %v", i, err)
					}
					if p.breaks > 0 {
						t.Errorf("phone %d: %d breaks in media time", i, p.breaks)
					}
				}
			})
		}
	}
}
