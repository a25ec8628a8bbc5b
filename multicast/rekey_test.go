package multicast

import (
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/internal/clock"
	"github.com/confd/confd/internal/testkit/leak"
	"github.com/confd/confd/internal/testkit/wait"
	"github.com/confd/confd/multicast/groupkey"
)

// told returns the first key that a description has.
func told(t *testing.T, g *Group) groupkey.Key {
	t.Helper()
	return allTold(t, g)[0]
}

// allTold returns all keys that a description has.
func allTold(t *testing.T, g *Group) []groupkey.Key {
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
	return nil
}

// Who joins between the description of a new key and its use has both; after, the new one alone.
func TestBothKeysAreDescribedDuringTheLead(t *testing.T) {
	leak.Check(t)
	g := opened(t, homeHost(t, nil), Spec{SRTP: true})
	before := told(t, g)
	for range 2 { // of two new keys the second takes the place of the first
		if _, err := g.Rekey(time.Hour); err != nil {
			t.Fatal(err)
		}
		if keys := allTold(t, g); len(keys) != 2 || keys[0].Equal(before) || !keys[1].Equal(before) {
			t.Errorf("%v; want a new one, then %v", keys, before)
		}
	}
	_, version := g.Description(true)
	leadOver(g)
	if keys := allTold(t, g); len(keys) != 1 || keys[0].Equal(before) {
		t.Errorf("%v; want the new one alone", keys)
	}
	if _, after := g.Description(true); after <= version {
		t.Errorf("version %d after %d: the description has changed", after, version)
	}
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
	next, err := g.Rekey(time.Hour)
	if err != nil || next <= version {
		t.Fatalf("version %d after %d, %v", next, version, err)
	}
	after := told(t, g)
	if after.MKI == before.MKI || string(after.Master) == string(before.Master) {
		t.Errorf("%v after %v: want another, with another secret", after, before)
	}
	opens("described, not yet in force")
	g.useKey()
	opens("a timer that another has replaced does nothing")
	if ring, err = groupkey.NewOpener(after, 4); err != nil {
		t.Fatal(err)
	}
	leadOver(g)
	opens("under the new key alone")
	if n := g.Stats().Rekeyed; n != 1 {
		t.Errorf("rekeyed %d times", n)
	}
	g.useKey() // late, after all: nothing more to do
	opens("after a timer that came late")
}

// leadOver does as the timer does when a key's time has come.
func leadOver(g *Group) {
	g.mu.Lock()
	g.due = time.Time{}
	g.mu.Unlock()
	g.useKey()
}

// A key that replaces one that is not in force yet is described as long, once: keys that come
// without end do not keep the first one, which somebody is to lose, in force.
func TestRekeyWhileAnotherWaits(t *testing.T) {
	leak.Check(t)
	g := opened(t, homeHost(t, nil), Spec{SRTP: true})
	due := func() time.Duration {
		t.Helper()
		if _, err := g.Rekey(time.Hour); err != nil {
			t.Fatal(err)
		}
		g.mu.Lock()
		defer g.mu.Unlock()
		return time.Until(g.due)
	}
	due()
	g.mu.Lock()
	g.due, g.latest = g.due.Add(-50*time.Minute), g.latest.Add(-50*time.Minute) // as long ago
	g.mu.Unlock()
	if in := due(); in < 59*time.Minute {
		t.Errorf("the second key is used in %v: want an hour, as its listeners need", in)
	}
	g.mu.Lock()
	g.latest = g.latest.Add(-50 * time.Minute)
	g.mu.Unlock()
	if in := due(); in > 21*time.Minute {
		t.Errorf("the third key is used in %v: want it when two leads of the first are over", in)
	}
	g.Close()
	if g.rekey != nil {
		t.Error("a timer runs on after Close")
	}
}

// Listeners report under a new key as soon as they know it.
func TestFeedbackUnderAKeyThatIsDescribed(t *testing.T) {
	leak.Check(t)
	g := opened(t, homeHost(t, nil), Spec{SRTP: true})
	before := told(t, g)
	if _, err := g.Rekey(time.Hour); err != nil {
		t.Fatal(err)
	}
	target := net.UDPAddrFromAddrPort(netip.AddrPortFrom(home, uint16(g.Place().Port+1)))
	conn, err := net.DialUDP("udp4", nil, target)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	for _, k := range []groupkey.Key{told(t, g), before} {
		s, err := groupkey.NewSealer(k)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write(s.RTCP(nil, []byte{2 << 6, 201, 0, 1, 0, 0, 0, byte(k.MKI)})); err != nil {
			t.Fatal(err)
		}
	}
	wait.For(t, "feedback under both keys", func() bool { return g.Stats().Control.Taken >= 2 }, func() any { return g.Stats().Control })
	if c := g.Stats().Control; c.Forged != 0 {
		t.Errorf("%+v", c)
	}
}

// A closed group changes its key at once; it is used when it opens.
func TestRekeyWhileClosed(t *testing.T) {
	leak.Check(t)
	g := claim(t, homeHost(t, nil), "board", Spec{SRTP: true}, nil)
	if _, err := g.Rekey(time.Hour); err != nil {
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
	_, err = plain.Rekey(time.Hour)
	complains(t, err, Invalid, "srtp", "want srtp on")
}
