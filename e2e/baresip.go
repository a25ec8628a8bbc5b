package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/internal/testkit/tone"
	"github.com/confd/confd/internal/testkit/wav"
)

// baresip is a running baresip that is steered over its control connection.
type baresip struct {
	*process
	dir    string
	codec  baresipCodec
	sip    string // host:port, where it answers calls by itself
	ctrl   net.Conn
	reader *bufio.Reader
}

// baresipCodec is a coding as baresip's accounts name it, with the file that feeds it:
// its aufile module plays nothing but the codec's own rate.
type baresipCodec struct {
	name     string
	rate     int
	channels int
}

var (
	baresipOpus = baresipCodec{"opus/48000/2", 48000, 2}
	baresipG722 = baresipCodec{"G722/16000/1", 16000, 1}
	baresipPCMU = baresipCodec{"PCMU/8000/1", 8000, 1}
)

// startBaresip starts one in p that will say a tone of freq Hz at -20 dB for a minute.
func startBaresip(t *testing.T, p *place, c baresipCodec, freq float64) *baresip {
	t.Helper()
	return startBaresipWith(t, p, c, freq, nil)
}

// startBaresipWith starts one that shows a picture as well, unless that is nil.
func startBaresipWith(t *testing.T, p *place, c baresipCodec, freq float64, v *picture) *baresip {
	t.Helper()
	need(t, "baresip")
	dir := t.TempDir()
	rtp := p.freePort(t)
	ctrl := p.freePort(t)
	sip := p.freePort(t)
	files := map[string]string{
		"accounts": fmt.Sprintf("<sip:baresip@%s>;regint=0;answermode=auto;audio_codecs=%s%s\n", p.ip, c.name, v.account()),
		"contacts": "",
		"config":   baresipConfig(dir, p.ip, sip, ctrl, rtp, c) + v.config(t, dir),
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "rec"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "in.wav"), toneFile(c.rate, c.channels, freq, time.Minute), 0o600); err != nil {
		t.Fatal(err)
	}
	b := &baresip{process: run(t, p.Command("baresip", "-4", "-f", dir, "-t", "100")), dir: dir, codec: c, sip: hostPort(p.ip, sip)}
	eventually(t, 10*time.Second, "baresip's control port", func() (err error) {
		b.ctrl, err = p.DialContext(context.Background(), "tcp", net.JoinHostPort(p.ip, strconv.Itoa(ctrl)))
		return err
	})
	t.Cleanup(func() { b.ctrl.Close() })
	b.reader = bufio.NewReader(b.ctrl)
	return b
}

func baresipConfig(dir, ip string, sip, ctrl, rtp int, c baresipCodec) string {
	lines := []string{
		fmt.Sprintf("sip_listen %s:%d", ip, sip),
		fmt.Sprintf("rtp_ports %d-%d", rtp, rtp+20),
		fmt.Sprintf("ctrl_tcp_listen %s:%d", ip, ctrl),
		"audio_source aufile," + filepath.Join(dir, "in.wav"),
		"audio_player aubridge,sink",
		"audio_alert aubridge,sink",
		"snd_path " + filepath.Join(dir, "rec"),
		"module_path /usr/lib/baresip/modules",
		"opus_bitrate 32000",
		"opus_application voip",
	}
	for _, m := range []string{"stdio", "g711", "g722", "opus", "aufile", "aubridge", "sndfile", "uuid", "srtp"} {
		lines = append(lines, "module "+m+".so")
	}
	lines = append(lines, "module_tmp account.so")
	for _, m := range []string{"menu", "contact", "ctrl_tcp"} {
		lines = append(lines, "module_app "+m+".so")
	}
	return strings.Join(lines, "\n") + "\n"
}

// toneFile is a WAV file of one tone at -20 dB, the same in all channels.
func toneFile(rate, channels int, freq float64, d time.Duration) []byte {
	mono := tone.Make(rate, d, -20, freq)
	samples := make([]int16, 0, len(mono)*channels)
	for _, s := range mono {
		for range channels {
			samples = append(samples, s)
		}
	}
	return wav.Encode(&wav.Audio{Rate: rate, Channels: channels, Samples: samples})
}

// command sends one command as a netstring of JSON.
func (b *baresip) command(t *testing.T, name, params string) {
	t.Helper()
	body, err := json.Marshal(map[string]string{"command": name, "params": params})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(b.ctrl, "%d:%s,", len(body), body); err != nil {
		t.Fatalf("baresip %s: %v", name, err)
	}
}

// event waits for an event of the type.
func (b *baresip) event(t *testing.T, kind string) baresipMessage {
	t.Helper()
	_ = b.ctrl.SetReadDeadline(time.Now().Add(15 * time.Second))
	for {
		m, err := b.message()
		if err != nil {
			t.Fatalf("waiting for baresip's %s: %v", kind, err)
		}
		if m.Event && m.Type == kind {
			return m
		}
		if m.Event && m.Type == "CALL_CLOSED" {
			t.Fatalf("waiting for baresip's %s: the call is closed: %s", kind, m.Param)
		}
	}
}

type baresipMessage struct {
	Event bool   `json:"event"`
	Type  string `json:"type"`
	Param string `json:"param"`
}

func (b *baresip) message() (m baresipMessage, err error) {
	head, err := b.reader.ReadString(':')
	if err != nil {
		return m, err
	}
	n, err := strconv.Atoi(strings.TrimSuffix(head, ":"))
	if err != nil || n < 0 || n > 1<<20 {
		return m, fmt.Errorf("netstring of %q bytes", head)
	}
	body := make([]byte, n+1) // with the comma
	for read := 0; read < len(body); {
		k, err := b.reader.Read(body[read:])
		if err != nil {
			return m, err
		}
		read += k
	}
	return m, json.Unmarshal(body[:n], &m)
}

// dial calls uri and waits until the call is up.
func (b *baresip) dial(t *testing.T, uri string) {
	t.Helper()
	b.command(t, "dial", uri)
	b.event(t, "CALL_ESTABLISHED")
}

// refused calls uri in vain, and returns with what words.
func (b *baresip) refused(t *testing.T, uri string) string {
	t.Helper()
	b.command(t, "dial", uri)
	return b.closed(t)
}

// closed waits for the end of a call, and returns what baresip says of it.
func (b *baresip) closed(t *testing.T) string {
	t.Helper()
	return b.event(t, "CALL_CLOSED").Param
}

// hangUp ends the call.
func (b *baresip) hangUp(t *testing.T) {
	t.Helper()
	b.command(t, "hangup", "")
	b.event(t, "CALL_CLOSED")
}

// recording is the path of what the client hears in its newest call, "" before there is one.
func (b *baresip) recording() string {
	files, _ := filepath.Glob(filepath.Join(b.dir, "rec", "dump-*-dec.wav"))
	if len(files) == 0 {
		return ""
	}
	return files[len(files)-1] // their names are of the time
}

func (b *baresip) bytesPerSecond() int { return 2 * b.codec.rate * b.codec.channels }

// quit ends the program and returns what the call sounded like.
func (b *baresip) quit(t *testing.T) *wav.Audio {
	t.Helper()
	b.command(t, "quit", "")
	if err := b.wait(10 * time.Second); err != nil {
		t.Fatalf("baresip: %v", err)
	}
	a, err := wav.Read(b.recording())
	if err != nil {
		t.Fatal(err)
	}
	return a
}
