package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/confd/confd/client"
)

// TestVideoWithLinphone: linphone, whose camera is a still picture, and baresip see each other.
func TestVideoWithLinphone(t *testing.T) {
	need(t, "linphonec")
	t.Parallel()
	place := newPlace(t)
	x := newCinema(t, place, startConfd(t, place, serverOptions{}))
	r := x.enter("vp8", red)
	l := startLinphone(t, place, linphoneOptions{freq: 900, codec: "PCMU", still: &blue})
	l.dial(t, x.c.uri(x.room))
	x.line(r, "showing linphone", func(v client.VideoLine) bool { return said(v.Sees) != "" })
	awaitSight(t, "red", r.baresip, blue, red, blue)
	seen := filepath.Join(l.dir, "seen.jpg")
	eventually(t, 15*time.Second, "linphone's sight of red", func() error {
		_ = os.Remove(seen)
		l.say(t, "snapshot "+seen)
		eventually(t, 3*time.Second, "linphone's snapshot", func() error { _, err := os.Stat(seen); return err })
		got, err := colourOf(t, seen, red, blue)
		if err == nil && got != red.Name {
			err = fmt.Errorf("it sees %s", got)
		}
		return err
	})
	l.quit(t)
	x.close()
}
