package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/internal/testkit/camera"
	"github.com/confd/confd/internal/testkit/wav"
)

// linphone is a running linphonec with files for a sound card.
type linphone struct {
	*process
	dir   string
	codec string
}

// linphoneOptions are its set-up.
type linphoneOptions struct {
	freq   float64        // of what it says, Hz
	secure string         // path of a CA file: signal by TLS, demand SRTP
	codec  string         // the only one to offer, a key of linphoneCodecs; "" for its usual list
	still  *camera.Colour // what its camera shows; nil: it has no video
}

// linphoneRate is that of the file that it plays.
const linphoneRate = 16000

// startLinphone starts one in p.
func startLinphone(t *testing.T, p *place, o linphoneOptions) *linphone {
	t.Helper()
	config := linphoneConfig(p, p.freePort(t), p.freePort(t), o)
	var more []string
	if o.still != nil {
		more = []string{"-V"}
	}
	process, dir := runLinphone(t, p, config, toneFile(linphoneRate, 1, o.freq, time.Minute), more...)
	l := &linphone{process: process, dir: dir, codec: o.codec}
	if o.still != nil {
		picture := filepath.Join(dir, "camera.jpg")
		photo(t, *o.still, picture)
		l.say(t, "staticpic set "+picture)
	}
	if o.codec != "" {
		l.say(t, "codec disable all")
		l.say(t, fmt.Sprintf("codec enable %d", linphoneCodecs[o.codec]))
	}
	return l
}

// runLinphone starts linphonec in a folder of its own. It plays sound, a WAV file at
// linphoneRate, and records rec.wav.
func runLinphone(t *testing.T, p *place, config string, sound []byte, args ...string) (program *process, dir string) {
	t.Helper()
	need(t, "linphonec")
	dir = t.TempDir()
	for _, sub := range []string{".local/share/linphone", ".config/linphone"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range map[string][]byte{"in.wav": sound, "rc": []byte(config)} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := p.Command("linphonec", append([]string{"-c", filepath.Join(dir, "rc"), "-d", "0"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_CONFIG_HOME="+filepath.Join(dir, ".config"), "XDG_DATA_HOME="+filepath.Join(dir, ".local/share"))
	l := &linphone{process: run(t, cmd)}
	l.say(t, "soundcard use files")
	l.say(t, "play "+filepath.Join(dir, "in.wav"))
	l.say(t, "record "+filepath.Join(dir, "rec.wav"))
	return l.process, dir
}

// linphoneCodecs are the numbers of its codec list, in Debian's linphonec 5.1.
var linphoneCodecs = map[string]int{"opus": 0, "PCMU": 3, "PCMA": 4, "G722": 6}

func linphoneConfig(p *place, sip, rtp int, o linphoneOptions) string {
	lines := []string{
		"[sip]",
		fmt.Sprintf("sip_port=%d", sip),
		fmt.Sprintf("sip_tcp_port=%d", sip),
		"sip_tls_port=0",
		"guess_hostname=0",
		"contact=sip:linphone@" + p.ip,
		"use_ipv6=0",
		"verify_server_certs=1",
		"verify_server_cn=1",
		"root_ca=" + o.secure,
	}
	if o.secure != "" {
		lines[3] = "sip_tls_port=-1"
		lines = append(lines, "media_encryption=srtp", "media_encryption_mandatory=1")
	}
	lines = append(lines,
		"[rtp]",
		fmt.Sprintf("audio_rtp_port=%d", rtp),
		"audio_adaptive_jitt_comp_enabled=1",
		"[net]",
		"firewall_policy=0",
		"stun_server=",
		"[sound]",
		"echocancellation=0",
		"noisegate=0",
		"agc=0",
		"[misc]",
		"config_version=6",
	)
	if o.still != nil { // that display is the one that does without a screen
		lines = append(lines,
			"[video]", "enabled=1", "capture=1", "display=1", "automatically_initiate=1", "automatically_accept=1",
			"device=StaticImage: Static picture", "size=cif", "displaytype=MSOGL")
	}
	return strings.Join(lines, "\n") + "\n"
}

func (l *linphone) say(t *testing.T, line string) {
	t.Helper()
	if _, err := fmt.Fprintln(l.stdin, line); err != nil {
		t.Fatalf("linphonec %s: %v", line, err)
	}
}

// expect waits until the program has printed text.
func (l *linphone) expect(t *testing.T, text string) {
	t.Helper()
	eventually(t, 15*time.Second, "linphonec's "+text, func() error {
		if out := l.out.String(); !strings.Contains(out, text) {
			return fmt.Errorf("printed %q", tail(out, 600))
		}
		return nil
	})
}

// dial calls uri and waits until the call is up.
func (l *linphone) dial(t *testing.T, uri string) {
	t.Helper()
	l.say(t, "call "+uri)
	l.expect(t, "connected")
}

// recording is the path of what the client hears.
func (l *linphone) recording() string { return filepath.Join(l.dir, "rec.wav") }

// bytesPerSecond: the recording is at the rate of the codec.
func (l *linphone) bytesPerSecond() int {
	switch l.codec {
	case "PCMU", "PCMA":
		return 2 * 8000
	case "G722":
		return 2 * 16000
	}
	return 2 * 48000
}

// quit hangs up, ends the program and returns what the call sounded like.
func (l *linphone) quit(t *testing.T) *wav.Audio {
	t.Helper()
	l.say(t, "terminate")
	l.expect(t, "ended")
	l.say(t, "quit")
	if err := l.wait(15 * time.Second); err != nil {
		t.Fatalf("linphonec: %v", err)
	}
	a, err := wav.Read(l.recording())
	if err != nil {
		t.Fatal(err)
	}
	return a
}
