package e2e

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/internal/testkit/phone"
)

// binary is the program under test; TestMain builds it.
var binary string

// buildConfd builds the program and returns its path. CONFD_E2E_BINARY names one that is
// built already.
func buildConfd(dir string) (string, error) {
	if path := os.Getenv("CONFD_E2E_BINARY"); path != "" {
		return filepath.Abs(path)
	}
	path := filepath.Join(dir, "confd")
	args := []string{"build", "-tags", "nolibopusfile", "-o", path}
	if underRace {
		args = append(args, "-race")
	}
	out, err := exec.Command("go", append(args, "github.com/confd/confd/cmd/confd")...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building confd: %w\n%s", err, out)
	}
	return path, nil
}

// confd is a running server.
type confd struct {
	*process
	place *place
	sip   string // host:port of UDP and TCP
	tls   string // host:port, "" if it has none
	http  string // host:port
}

// serverOptions are what differs from test to test.
type serverOptions struct {
	env          []string // further settings
	store        string   // file of what survives; "" for none
	certificates *authority
	everywhere   bool // HTTP for others than the place itself, too, which then need a key
}

// startConfd starts the program in p and waits until it is ready. When the test ends it is
// sent SIGTERM and must exit with status 0.
func startConfd(t *testing.T, p *place, o serverOptions) *confd {
	t.Helper()
	port := p.freePort(t)
	c := &confd{place: p, sip: hostPort(p.ip, port), http: hostPort("127.0.0.1", port+10)}
	low, release := mediaPorts(p)
	t.Cleanup(release)
	web := c.http
	if o.everywhere {
		web = hostPort("0.0.0.0", port+10)
	}
	args := []string{
		"serve", "--store", o.store, "--sip", c.sip, "--http", web, "--media-ip", p.ip,
		"--rtp-ports", fmt.Sprintf("%d-%d", low, low+mediaRange-1),
	}
	if o.certificates != nil {
		c.tls = hostPort(p.ip, port+1)
		cert, key := o.certificates.server(t, p.ip)
		args = append(args, "--sip", "tls:"+c.tls, "--tls-cert", cert, "--tls-key", key)
	}
	cmd := p.Command(binary, args...)
	// How busy the machine is otherwise must not decide whether a call is let in.
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "CONFD_") })
	cmd.Env = append(cmd.Env, "CONFD_SIP_LIMITS_LOAD=1", "CONFD_LOG_LEVEL=debug")
	cmd.Env = append(cmd.Env, o.env...)
	c.process = run(t, cmd)
	t.Cleanup(func() {
		c.keepMetrics(t)
		if err := c.terminate(15 * time.Second); err != nil {
			t.Errorf("confd after SIGTERM: %v", err)
		}
		if out := c.out.String(); strings.Contains(out, "panic:") || strings.Contains(out, "DATA RACE") {
			t.Errorf("confd printed a fault:\n%s", tail(out, 20000))
		}
	})
	eventually(t, 15*time.Second, "confd's readiness", func() error {
		select {
		case <-c.done:
			t.Fatalf("confd ended: %v", c.err)
		default:
		}
		_, err := c.get("/readyz")
		return err
	})
	return c
}

// keepMetrics writes the metrics into the folder that CONFD_E2E_KEEP names, if it is set.
func (c *confd) keepMetrics(t *testing.T) {
	dir := os.Getenv("CONFD_E2E_KEEP")
	if dir == "" {
		return
	}
	if body, err := c.get("/metrics"); err == nil {
		_ = os.WriteFile(filepath.Join(dir, strings.ReplaceAll(t.Name(), "/", "_")+".metrics"), []byte(body), 0o644)
	}
}

// mediaRange is how many ports a server gets.
const mediaRange = 640

// mediaSlots are the ranges for servers on the host, where all share one port space; they
// lie below those of the test kit's phones. A namespace has its own.
var mediaSlots = func() chan int {
	slots := make(chan int, 5)
	for i := range cap(slots) {
		slots <- 16384 + i*mediaRange
	}
	return slots
}()

func mediaPorts(p *place) (low int, release func()) {
	if p.Namespace != "" {
		return 16384, func() {}
	}
	slot := <-mediaSlots
	return slot, func() { mediaSlots <- slot }
}

// get fetches a path; a status other than 200 is an error.
func (c *confd) get(path string) (string, error) {
	res, err := c.place.client().Get("http://" + c.http + path)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s: %s", path, res.Status, b)
	}
	return string(b), err
}

// metric returns the sum of the samples of a metric whose labels contain all of labels, each
// as name="value"; no such sample is 0.
func (c *confd) metric(t *testing.T, name string, labels ...string) float64 {
	t.Helper()
	body, err := c.get("/metrics")
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	lines := bufio.NewScanner(strings.NewReader(body))
	for lines.Scan() {
		if v, ok := sample(lines.Text(), name, labels); ok {
			sum += v
		}
	}
	return sum
}

func sample(line, name string, labels []string) (float64, bool) {
	rest, ok := strings.CutPrefix(line, name)
	if !ok || rest == "" || (rest[0] != ' ' && rest[0] != '{') {
		return 0, false
	}
	for _, l := range labels {
		if !strings.Contains(rest, l) {
			return 0, false
		}
	}
	fields := strings.Fields(rest[strings.LastIndex(rest, "}")+1:])
	if len(fields) == 0 {
		return 0, false
	}
	v, err := strconv.ParseFloat(fields[0], 64)
	return v, err == nil
}

// awaitMetric waits until a metric has a value.
func (c *confd) awaitMetric(t *testing.T, want float64, name string, labels ...string) {
	t.Helper()
	eventually(t, 10*time.Second, name, func() error {
		if got := c.metric(t, name, labels...); got != want {
			return fmt.Errorf("it is %v, want %v", got, want)
		}
		return nil
	})
}

// uri is the address of a room.
func (c *confd) uri(room string, params ...string) string { return uri(room, c.sip, params...) }

// call makes a call with a phone of the test kit that hangs up at the end of the test.
func (c *confd) call(t *testing.T, o phone.Options) *phone.Phone {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	o.Network, o.Local = c.place, c.place.ip
	p, err := phone.Dial(ctx, o)
	if err != nil {
		t.Fatalf("calling %s: %v", o.URI, err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("hanging up: %v", err)
		}
	})
	return p
}
