package multicast

import (
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/internal/clock"
	"github.com/confd/confd/internal/testkit/leak"
	"github.com/confd/confd/multicast/groupkey"
)

// told returns the key that a description has.
func told(t *testing.T, g *Group) groupkey.Key {
	t.Helper()
	sdp, _ := g.Description(true)
	for line := range strings.Lines(string(sdp)) {
		if attr, ok := strings.CutPrefix(line, "a=crypto:"); ok {
			k, err := groupkey.Parse(strings.TrimSpace(attr))
			if err != nil {
				t.Fatal(err)
			}
			return k
		}
	}
	t.Fatalf("no key in\n%s", sdp)
	return groupkey.Key{}
}

func TestRekey(t *testing.T) {
	leak.Check(t)
	g := opened(t, homeHost(t, nil), Spec{SRTP: true})
	rtp := hear(t, g, 0, home)
	v := newVoice(g.Format())
	before := told(t, g)
	ring, err := groupkey.NewOpener(before, 4)
	if err != nil {
		t.Fatal(err)
	}
	opens := func(why string) {
		t.Helper()
		v.speak(g)
		b, _ := rtp.next()
		if _, err := ring.RTP(nil, b, clock.Now()); err != nil {
			t.Errorf("%s: %v", why, err)
		}
	}
	opens("at first")
	_, version := g.Description(true)
	next, err := g.Rekey()
	if err != nil || next <= version {
		t.Fatalf("version %d after %d, %v", next, version, err)
	}
	after := told(t, g)
	if after.MKI == before.MKI || string(after.Master) == string(before.Master) {
		t.Errorf("%v after %v: want another, with another secret", after, before)
	}
	opens("described, not yet in force")
	if err := ring.Add(after, clock.Now(), time.Nanosecond); err != nil {
		t.Fatal(err)
	}
	g.useKey() // as the timer does
	time.Sleep(time.Millisecond)
	opens("under the new key alone")
	if n := g.Stats().Rekeyed; n != 1 {
		t.Errorf("rekeyed %d times", n)
	}
	g.useKey() // late, after all: nothing more to do
	opens("after a timer that came late")
}

// A closed group changes its key at once; it is used when it opens.
func TestRekeyWhileClosed(t *testing.T) {
	leak.Check(t)
	g := claim(t, homeHost(t, nil), "board", Spec{SRTP: true}, nil)
	if _, err := g.Rekey(); err != nil {
		t.Fatal(err)
	}
	if err := g.Open(); err != nil {
		t.Fatal(err)
	}
	rtp := hear(t, g, 0, home)
	ring, err := groupkey.NewOpener(told(t, g), 4)
	if err != nil {
		t.Fatal(err)
	}
	newVoice(g.Format()).speak(g)
	b, _ := rtp.next()
	if _, err := ring.RTP(nil, b, clock.Now()); err != nil {
		t.Error(err)
	}
	plain := claim(t, testHost(t, nil), "plain", Spec{}, nil)
	_, err = plain.Rekey()
	complains(t, err, Invalid, "srtp", "want srtp on")
}
