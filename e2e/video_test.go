package e2e

import (
	"testing"
)

// TestVideoFollowsWhoSpeaks: three baresip callers with video are in one room. Each sees who
// speaks, and who speaks sees who spoke before; what they decode is whole.
func TestVideoFollowsWhoSpeaks(t *testing.T) {
	need(t, "baresip", "ffmpeg")
	for _, codec := range []string{"vp8", "h264"} {
		t.Run(codec, func(t *testing.T) {
			t.Parallel()
			place := newPlace(t)
			c := startConfd(t, place, serverOptions{})
			all := []colour{red, green, blue}
			var phones []*baresip
			for i, colour := range all {
				b := startBaresipWith(t, place, baresipPCMU, 500+float64(i)*300, &picture{codec, colour})
				phones = append(phones, b)
				b.dial(t, c.uri("cameras"))
				b.command(t, "mute", "") // nobody speaks
			}
			speaks := func(i int) { phones[i].command(t, "mute", "") }
			falls := speaks // silent: the command toggles
			watch := func(when string, wants ...colour) {
				t.Helper()
				for i, want := range wants {
					awaitSight(t, all[i].name+" "+when, phones[i], want, all...)
				}
			}
			speaks(1)
			watch("while green speaks first", green, red, green)
			falls(1)
			speaks(2)
			watch("while blue speaks", blue, blue, green)
			falls(2)
			speaks(0)
			watch("while red speaks", blue, red, red)
			for i, b := range phones {
				b.hangUp(t)
				b.decodesAll(t, all[i].name)
			}
		})
	}
}
