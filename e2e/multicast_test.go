package e2e

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/internal/netlab"
	"github.com/confd/confd/internal/testkit/tone"
	"github.com/confd/confd/internal/testkit/wav"
)

// groupOf finds the group in a description, and its source if that is the only one wanted.
func groupOf(t *testing.T, sdp string) (m netlab.Membership) {
	t.Helper()
	c := regexp.MustCompile(`(?m)^c=IN IP[46] ([^/\s]+)`).FindStringSubmatch(sdp)
	if c == nil {
		t.Fatalf("no group in %s", sdp)
	}
	m.Group = netip.MustParseAddr(c[1])
	if f := regexp.MustCompile(`(?m)^a=source-filter: ?incl IN IP[46] \S+ (\S+)`).FindStringSubmatch(sdp); f != nil {
		m.Source = netip.MustParseAddr(f[1])
	}
	return m
}

// member is a host that listens to a room.
type member struct {
	*eardrum
	room  *lecture
	place netlab.Membership
	loss  int // percent
}

// TestMulticast: four rooms at once have groups, of any source and of one, over IPv4 and
// IPv6, with each codec. Hosts that lose up to a fifth of what comes hear their room's
// callers, and no other's. The switch sees who joins and leaves. ffmpeg plays what it is
// given, and who wants another source hears nothing.
func TestMulticast(t *testing.T) {
	need(t, "ffmpeg")
	t.Parallel()
	l := newLab(t, 10)
	c := startConfd(t, at(l.Hosts[0]), serverOptions{})
	tones := tone.Spread(8)
	rooms := []*lecture{
		c.lecture(t, "asm4", `{}`, tones[:2]...),
		c.lecture(t, "ssm4", `{"mode":"ssm","redundancy":1}`, tones[2:4]...),
		c.lecture(t, "asm6", `{"family":6,"codec":"pcmu","redundancy":2}`, tones[4:6]...),
		c.lecture(t, "ssm6", `{"mode":"ssm","family":6,"codec":"l16","ptime":10}`, tones[6:8]...),
	}
	var members []member
	var ears []*eardrum
	for i, loss := range []int{0, 5, 0, 10, 0, 20, 0, 5} {
		m := join(t, l, i+1, rooms[i/2], loss)
		members, ears = append(members, m), append(ears, m.eardrum)
	}
	for _, m := range members {
		joined(t, l, m.place, true)
	}
	players := []*player{startPlayer(t, l.Hosts[9], rooms[0]), startPlayer(t, l.Hosts[9], rooms[3])}
	strangers := []*eardrum{mislead(t, l, 7, rooms[1]), mislead(t, l, 7, rooms[3])}

	play(t, 4, ears...)
	for _, m := range members {
		m.leave(t, l, tones)
	}
	for _, p := range players {
		judge(t, "ffmpeg in "+p.room.name, p.heard(t), expect(tones, p.room.tones...))
	}
	for _, e := range strangers {
		e.heardNothing(t)
	}
}

func join(t *testing.T, l *netlab.Lab, host int, room *lecture, loss int) member {
	t.Helper()
	if err := l.Hosts[host].Lose(loss); err != nil {
		t.Fatal(err)
	}
	place := groupOf(t, room.text)
	place.Host = host
	return member{listen(t, l.Hosts[host], room.sdp), room, place, loss}
}

// leave ends a member, which must have heard its room alone, of all the tones.
func (m *member) leave(t *testing.T, l *netlab.Lab, tones []float64) {
	t.Helper()
	who := fmt.Sprintf("%s at %d %% loss", m.room.name, m.loss)
	got, sound := m.stop(t)
	joined(t, l, m.place, false)
	judge(t, who, sound, expect(tones, m.room.tones...))
	clean := got.Before+got.Lost == 0
	mended := got.Before > 0 && got.Redundant+got.Again > 0
	if m.loss == 0 && !clean || m.loss > 0 && !mended || got.Malformed+got.Foreign > 0 {
		t.Errorf("%s: %+v", who, got)
	}
}

// player is an ffmpeg that plays a description, as it is, for some seconds.
type player struct {
	*process
	room *lecture
	file string
}

func startPlayer(t *testing.T, h *netlab.Host, room *lecture) *player {
	t.Helper()
	p := &player{room: room, file: filepath.Join(t.TempDir(), "played.wav")}
	p.process = run(t, h.Command("ffmpeg", "-nostdin", "-loglevel", "warning", "-protocol_whitelist", "file,udp,rtp",
		"-i", room.sdp, "-t", "4", "-c:a", "pcm_s16le", "-y", p.file))
	return p
}

func (p *player) heard(t *testing.T) *wav.Audio {
	t.Helper()
	if err := p.wait(40 * time.Second); err != nil {
		t.Fatalf("%v: %s", err, tail(p.out.String(), 3000))
	}
	a, err := wav.Read(p.file)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// mislead has a host listen to a room's group for another source than the room's.
func mislead(t *testing.T, l *netlab.Lab, host int, room *lecture) *eardrum {
	t.Helper()
	m := groupOf(t, room.text)
	source := m.Source.String()
	m.Host, m.Source = host, l.Hosts[host].IPv4
	if m.Group.Is6() {
		m.Source = l.Hosts[host].IPv6
	}
	file := filepath.Join(t.TempDir(), "wrong.sdp")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(room.text, source, m.Source.String())), 0o644); err != nil {
		t.Fatal(err)
	}
	e := listen(t, l.Hosts[host], file, "--for", "3s", "--no-feedback")
	joined(t, l, m, true)
	return e
}

func (e *eardrum) heardNothing(t *testing.T) {
	t.Helper()
	err := e.wait(20 * time.Second)
	if failed, ok := err.(*exec.ExitError); !ok || failed.ExitCode() != 1 || !strings.Contains(e.said.String(), "nothing came from") {
		t.Errorf("%v: %v, %s", e.cmd.Args, err, e.said.String())
	}
	if got, err := e.last(); err != nil || got.Received+got.Foreign > 0 {
		t.Errorf("%v: %+v, %v", e.cmd.Args, got, err)
	}
	if b, err := os.ReadFile(e.wav); err == nil && len(bytes.Trim(b[min(44, len(b)):], "\x00")) > 0 {
		t.Errorf("%v: there is sound", e.cmd.Args)
	}
}
