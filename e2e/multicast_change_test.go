package e2e

import (
	"crypto/sha256"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/confd/confd/internal/testkit/tone"
	"github.com/confd/confd/internal/testkit/wav"
)

// TestMulticastRepair: what one packet in ten is lost of is whole again by a redundant copy
// and by asking: under 0.5 % of what was sent, and of the sound, is missing.
func TestMulticastRepair(t *testing.T) {
	t.Parallel()
	l := newLab(t, 5)
	c := startConfd(t, at(l.Hosts[0]), serverOptions{})
	room := c.lecture(t, "repaired", `{"redundancy":1}`, tone.Spread(1)...)
	var ears []*eardrum
	for _, h := range l.Hosts[1:] {
		if err := h.Lose(10); err != nil {
			t.Fatal(err)
		}
		ears = append(ears, listen(t, h, room.sdp))
	}
	for _, e := range ears {
		e.await(t, "20 s of sound", func(l heardLine) bool { return l.Played >= 20 })
	}
	for i, e := range ears {
		got, sound := e.stop(t)
		t.Logf("host %d: %+v", i, got)
		judge(t, fmt.Sprint("host ", i), sound, tone.Expect{Present: room.tones})
		sent := got.Received + got.Before
		if got.Before < sent*6/100 || got.Before > sent*14/100 {
			t.Errorf("host %d: of %d packets the network lost %d, want 10 %%", i, sent, got.Before)
		}
		if got.LossAfter >= 0.005 || got.Concealed >= 0.005 || got.Redundant == 0 || got.Again == 0 {
			t.Errorf("host %d: %+v", i, got)
		}
	}
}

// TestMulticastRekey: a listener that follows its room hears no gap when the group gets
// another key, and nothing under the old one is in force after that.
func TestMulticastRekey(t *testing.T) {
	t.Parallel()
	l := newLab(t, 2)
	const key = "open-sesame"
	c := startConfd(t, at(l.Hosts[0]), serverOptions{everywhere: true,
		env: []string{fmt.Sprintf("CONFD_HTTP_KEYS=ear:listen:%x", sha256.Sum256([]byte(key)))}})
	room := c.lecture(t, "secret", `{"srtp":true}`, tone.Spread(1)...)
	port := netip.MustParseAddrPort(c.http).Port()
	url := fmt.Sprintf("http://%s/v1/rooms/secret/multicast.sdp", netip.AddrPortFrom(l.Hosts[0].IPv4, port))
	e := listen(t, l.Hosts[1], url, "--key", key)
	play(t, 2, e)
	before, err := e.last()
	if err != nil {
		t.Fatal(err)
	}
	c.post(t, "/v1/rooms/secret/multicast/rekey", "")
	e.await(t, "the new version", func(l heardLine) bool { return l.Version != before.Version })
	play(t, 4, e) // the key described is in force 2 s later
	got, sound := e.stop(t)
	if got.Lost+got.Unproven > 0 || got.Concealed > 0 {
		t.Errorf("%+v", got)
	}
	gapless(t, sound)
	judge(t, "the listener", sound, tone.Expect{Present: room.tones})
}

// gapless fails the test if the sound, once it has begun, is ever gone for 20 ms.
func gapless(t *testing.T, a *wav.Audio) {
	t.Helper()
	levels := tone.Envelope(a.Mono(), a.Rate, 20*time.Millisecond)
	begin := slices.IndexFunc(levels, func(l float64) bool { return l > -30 })
	if begin < 0 || len(levels)-begin < 100 {
		t.Fatalf("there is no sound in %v", a.Duration())
	}
	for i, l := range levels[begin : len(levels)-5] {
		if l < -40 {
			t.Errorf("after %v the level is %.0f dB", time.Duration(i)*20*time.Millisecond, l)
		}
	}
}

// TestMulticastNetworkChanges: a listener whose cable is out for a second, and one that gets
// another address, hear on and are in the group again.
func TestMulticastNetworkChanges(t *testing.T) {
	t.Parallel()
	l := newLab(t, 4)
	c := startConfd(t, at(l.Hosts[0]), serverOptions{})
	room := c.lecture(t, "rough", `{"mode":"ssm"}`, tone.Spread(1)...)
	room6 := c.lecture(t, "rough6", `{"family":6}`, tone.Spread(1)...)
	ears := []*eardrum{listen(t, l.Hosts[1], room.sdp), listen(t, l.Hosts[2], room6.sdp), listen(t, l.Hosts[3], room.sdp)}
	m, m6 := groupOf(t, room.text), groupOf(t, room6.text)
	play(t, 2, ears...)
	if err := l.Hosts[3].Readdress(netip.MustParseAddr("10.99.7.7")); err != nil {
		t.Fatal(err)
	}
	for _, h := range l.Hosts[1:3] {
		if err := h.Down(); err != nil {
			t.Fatal(err)
		}
	}
	m.Host, m6.Host = 1, 2
	joined(t, l, m, false)
	joined(t, l, m6, false)
	for _, h := range l.Hosts[1:3] {
		if err := h.Up(); err != nil {
			t.Fatal(err)
		}
	}
	joined(t, l, m, true)
	joined(t, l, m6, true)
	m.Host = 3
	joined(t, l, m, true)
	before := make([]heardLine, len(ears))
	for i, e := range ears {
		before[i], _ = e.last()
	}
	for i, e := range ears {
		e.await(t, "packets", func(l heardLine) bool { return l.Received >= before[i].Received+150 })
		_, sound := e.stop(t)
		pcm := sound.Mono()
		last := &wav.Audio{Rate: sound.Rate, Channels: 1, Samples: pcm[max(0, len(pcm)-2*sound.Rate):]}
		judge(t, fmt.Sprint("after the change, listener ", i), last, tone.Expect{Present: room.tones})
	}
}
