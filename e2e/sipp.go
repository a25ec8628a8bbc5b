package e2e

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/internal/testkit/tone"
	"github.com/confd/confd/internal/testkit/wav"
)

// sippRun is one start of SIPp with a scenario of testdata.
type sippRun struct {
	scenario  string // file in testdata
	target    string // host:port; "" for a callee
	port      int    // where a callee listens
	room      string
	transport string // u1, t1 (one socket) or tn (one per call)
	calls     int
	rate      int     // new calls a second
	freq      float64 // Hz of the tone that each call plays; 0 for none
	level     float64 // dB of it; 0 is -20
	hold      time.Duration
	log       string // file that gets what the scenario logs
}

// startSipp starts it; wait for its end with sippDone.
func startSipp(t *testing.T, p *place, r sippRun) *process {
	t.Helper()
	need(t, "sipp")
	scenario, err := filepath.Abs(filepath.Join("testdata", r.scenario))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if r.freq != 0 {
		sound := wav.EncodeMuLaw(tone.Make(8000, time.Minute, cmp.Or(r.level, -20), r.freq))
		if err := os.WriteFile(filepath.Join(dir, "tone.ul"), sound, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if r.port == 0 {
		r.port = p.freePort(t)
	}
	args := []string{
		"-sf", scenario, "-s", r.room, "-i", p.ip, "-p", strconv.Itoa(r.port),
		"-t", r.transport, "-m", strconv.Itoa(r.calls), "-r", strconv.Itoa(r.rate), "-l", strconv.Itoa(r.calls),
		"-d", strconv.Itoa(int(r.hold / time.Millisecond)),
		"-nostdin", "-trace_err", "-error_file", filepath.Join(dir, "errors.log"),
		"-trace_stat", "-stf", filepath.Join(dir, "stat.csv"), "-timeout", "90s",
		"-mp", strconv.Itoa(p.freePort(t)), "-max_socket", "1000",
	}
	if r.target != "" {
		args = append([]string{r.target}, args...)
	}
	if r.log != "" {
		args = append(args, "-trace_logs", "-log_file", r.log)
	}
	cmd := p.Command("sipp", args...)
	cmd.Dir = dir
	said := &output{}
	cmd.Stderr = said // apart, for it would break up the statistics
	s := run(t, cmd)
	t.Cleanup(func() {
		if t.Failed() {
			b, _ := os.ReadFile(filepath.Join(dir, "errors.log"))
			t.Logf("SIPp's errors, %s:\n%s%s", r.scenario, tail(said.String(), 5000), tail(string(b), 5000))
		}
	})
	return s
}

// listens waits until a process, or another where it is, has a UDP port. To try the port would
// be to take it from it.
func (p *process) listens(t *testing.T, port int) {
	t.Helper()
	want := fmt.Sprintf(":%04X ", port)
	eventually(t, 10*time.Second, fmt.Sprintf("somebody at UDP port %d", port), func() error {
		var sockets []byte
		for _, table := range []string{"udp", "udp6"} {
			more, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", p.cmd.Process.Pid, table))
			if err != nil && !errors.Is(err, fs.ErrNotExist) { // without IPv6 there is no second
				return err
			}
			sockets = append(sockets, more...)
		}
		if !strings.Contains(string(sockets), want) {
			return errors.New("nobody is there")
		}
		return nil
	})
}

// sippDone waits for the end and returns an error unless every call succeeded.
func sippDone(s *process, calls int, limit time.Duration) error {
	err := s.wait(limit)
	good, bad := sippCount(s.out.String(), "Successful call"), sippCount(s.out.String(), "Failed call")
	if good != calls || bad != 0 {
		err = errors.Join(fmt.Errorf("SIPp: %d calls succeeded and %d failed, want %d and 0", good, bad, calls), err)
	}
	return err
}

var sippLine = regexp.MustCompile(`(?m)^\s*(Successful call|Failed call)\s*\|\s*\d+\s*\|\s*(\d+)`)

// sippCount reads the cumulative column of the last statistics screen.
func sippCount(out, what string) int {
	n := -1
	for _, m := range sippLine.FindAllStringSubmatch(out, -1) {
		if m[1] == what {
			n, _ = strconv.Atoi(m[2])
		}
	}
	return n
}

// hostPort joins for a command line.
func hostPort(ip string, port int) string { return net.JoinHostPort(ip, strconv.Itoa(port)) }

// uri is a SIP address with parameters such as "transport=tcp".
func uri(room, hostport string, params ...string) string {
	return strings.Join(append([]string{"sip:" + room + "@" + hostport}, params...), ";")
}
