package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/internal/netlab"
	"github.com/confd/confd/internal/testkit/phone"
	"github.com/confd/confd/internal/testkit/wav"
)

// newLab makes a network of so many hosts, or skips the test. With CONFD_E2E_STRICT set only
// the kernel is an excuse.
func newLab(t *testing.T, hosts int) *netlab.Lab {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: no network of its own")
	}
	l, err := netlab.New(hosts)
	var cannot *netlab.Unavailable
	if errors.As(err, &cannot) && (cannot.Kernel || os.Getenv("CONFD_E2E_STRICT") == "") {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// at is a host as a place.
func at(h *netlab.Host) *place { return &place{Namespace: h.Namespace, ip: h.IPv4.String()} }

// joined waits until the switch has, or has no more, a host's membership.
func joined(t *testing.T, l *netlab.Lab, m netlab.Membership, there bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := l.Await(ctx, m, there); err != nil {
		t.Error(err)
	}
}

// post has the API do something, with a body of JSON or none.
func (c *confd) post(t *testing.T, path, body string) {
	t.Helper()
	res, err := c.place.client().Post("http://"+c.http+path, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode >= http.StatusMultipleChoices {
		var b bytes.Buffer
		_, _ = b.ReadFrom(res.Body)
		t.Fatalf("POST %s %s: %s: %s", path, body, res.Status, b.String())
	}
}

// lecture is a room with a multicast group, and with who talks in it.
type lecture struct {
	name  string
	sdp   string // file of its description
	text  string // what is in it
	tones []float64
}

// lecture makes a room whose group is as multicast says (JSON), and has callers talk in it
// from the server's own host.
func (c *confd) lecture(t *testing.T, name, multicast string, tones ...float64) *lecture {
	t.Helper()
	c.post(t, "/v1/rooms", fmt.Sprintf(`{"id":%q,"multicast":%s}`, name, multicast))
	for _, f := range tones {
		c.call(t, phone.Options{URI: c.uri(name), Tone: f})
	}
	text, err := c.get("/v1/rooms/" + name + "/multicast.sdp")
	if err != nil {
		t.Fatal(err)
	}
	l := &lecture{name: name, text: text, tones: tones, sdp: filepath.Join(t.TempDir(), name+".sdp")}
	if err := os.WriteFile(l.sdp, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return l
}

// eardrum is a "confd listen" in a host.
type eardrum struct {
	*process
	wav  string
	said *output // for people
}

// heardLine is what tests read of its lines.
type heardLine struct {
	Version   uint64  `json:"sdp_version"`
	Received  int     `json:"received"`
	Before    int     `json:"lost_before_repair"`
	Lost      int     `json:"lost"`
	Redundant int     `json:"repaired_by_redundancy"`
	Again     int     `json:"repaired_by_retransmission"`
	Foreign   int     `json:"foreign"`
	Unproven  int     `json:"unauthenticated"`
	Malformed int     `json:"malformed"`
	Reports   int     `json:"reports"`
	Rejoins   int     `json:"rejoins"`
	Played    float64 `json:"played_seconds"`
	Concealed float64 `json:"concealed_share"`
	LossAfter float64 `json:"loss_after"`
	Video     struct {
		Pictures int `json:"pictures"`
		Broken   int `json:"broken"`
		Network  struct {
			Before   int `json:"lost_before_repair"`
			Again    int `json:"repaired_by_retransmission"`
			Unproven int `json:"unauthenticated"`
		} `json:"network"`
	} `json:"video"`
}

// listen has a host listen to a description, a file or an address.
func listen(t *testing.T, h *netlab.Host, sdp string, args ...string) *eardrum {
	t.Helper()
	e := &eardrum{wav: filepath.Join(t.TempDir(), "heard.wav"), said: new(output)}
	cmd := h.Command(binary, append([]string{"listen", sdp, "--json", "--wav", e.wav}, args...)...)
	cmd.Stderr = e.said
	e.process = run(t, cmd)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s said: %s", cmd.Args, e.said.String())
		}
	})
	return e
}

// last is its newest line.
func (e *eardrum) last() (l heardLine, err error) {
	lines := strings.Split(e.out.String(), "\n") // what follows the last end of line is no whole one
	if len(lines) < 2 {
		return l, errors.New("it has said nothing yet")
	}
	return l, json.Unmarshal([]byte(lines[len(lines)-2]), &l)
}

// await waits until it has said what is right.
func (e *eardrum) await(t *testing.T, what string, right func(heardLine) bool) (l heardLine) {
	t.Helper()
	eventually(t, 30*time.Second, what, func() (err error) {
		select {
		case <-e.done:
			t.Fatalf("%v ended: %v: %s", e.cmd.Args, e.err, e.said.String())
		default:
		}
		if l, err = e.last(); err == nil && !right(l) {
			err = fmt.Errorf("it says %+v", l)
		}
		return err
	})
	return l
}

// play waits until each has played so many seconds more than now.
func play(t *testing.T, seconds float64, ears ...*eardrum) {
	t.Helper()
	from := make([]heardLine, len(ears))
	for i, e := range ears {
		from[i], _ = e.last() // none yet is 0
	}
	for i, e := range ears {
		e.await(t, "sound", func(l heardLine) bool { return l.Played >= from[i].Played+seconds })
	}
}

// stop ends it as Ctrl-C does, and returns what it said last, and what it heard.
func (e *eardrum) stop(t *testing.T) (heardLine, *wav.Audio) {
	t.Helper()
	if err := e.terminate(10 * time.Second); err != nil {
		t.Fatalf("%v: %v: %s", e.cmd.Args, err, e.said.String())
	}
	l, err := e.last()
	if err != nil {
		t.Fatal(err)
	}
	a, err := wav.Read(e.wav)
	if err != nil {
		t.Fatal(err)
	}
	return l, a
}
