package e2e

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/confd/confd/client"
	"github.com/confd/confd/internal/testkit/phone"
	"github.com/confd/confd/internal/testkit/tone"
	"github.com/confd/confd/internal/testkit/wav"
)

// TestMulticastOnLoopback: what two phones say into a room reaches whoever plays the description
// that the API serves, in a player that knows nothing of confd; who is heard by somebody else
// alone is not in it.
func TestMulticastOnLoopback(t *testing.T) {
	need(t, "ffmpeg")
	t.Parallel()
	c := startConfd(t, host(), serverOptions{env: []string{"CONFD_MULTICAST_INTERFACE=lo", "CONFD_MULTICAST_SOURCE=127.0.0.1"}})
	d, tones := c.desk(t, ""), tone.Spread(3)
	d.create(client.RoomCreate{ID: client.Set("hall"), Multicast: client.Set(client.MulticastFields{})})
	for i, f := range tones {
		c.call(t, phone.Options{URI: c.uri("hall"), Codecs: []phone.Codec{phone.PCMU}, Tone: f, Level: -20, Seed: uint64(i)})
	}
	people := d.list("hall")
	d.patch(&people[2], client.ParticipantFields{HeardBy: client.Set([]string{people[0].ID})})
	sdp, err := c.get("/v1/rooms/hall/multicast.sdp")
	if err != nil {
		t.Fatal(err)
	}
	e := tone.Expect{Present: tones[:2], Absent: tones[2:], Apart: 20}
	eventually(t, 40*time.Second, "a second of both tones", func() error { return bestSecond(played(t, c.place, sdp), 8000, e) })
	if c.metric(t, "confd_multicast_groups_sending") != 1 || c.metric(t, "confd_multicast_packets_total") < 50 ||
		c.metric(t, "confd_multicast_send_errors_total") != 0 {
		t.Errorf("metrics: %v groups, %v packets, %v errors", c.metric(t, "confd_multicast_groups_sending"),
			c.metric(t, "confd_multicast_packets_total"), c.metric(t, "confd_multicast_send_errors_total"))
	}
}

// played is two seconds of what a description leads to, as ffmpeg hears it, at 8 kHz.
func played(t *testing.T, p *place, sdp string) []int16 {
	t.Helper()
	dir := t.TempDir()
	file, sound := filepath.Join(dir, "group.sdp"), filepath.Join(dir, "group.wav")
	if err := os.WriteFile(file, []byte(sdp), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := p.Command("timeout", "20", "ffmpeg", "-hide_banner", "-loglevel", "error", "-protocol_whitelist", "file,udp,rtp",
		"-localaddr", "127.0.0.1", "-i", file, "-t", "2", "-ar", "8000", "-ac", "1", sound).CombinedOutput()
	if err != nil {
		t.Logf("ffmpeg: %v: %s", err, out)
		return nil
	}
	a, err := wav.Read(sound)
	if err != nil {
		t.Fatal(err)
	}
	return a.Mono()
}
