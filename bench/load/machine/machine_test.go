//go:build linux

package machine

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/confd/confd/bench/measure"
)

func sample(t *testing.T, p Probe) Sample {
	t.Helper()
	s, err := p.Sample(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Work shows in the processor time, memory that is touched in what is resident.
func TestProcessOfItsOwn(t *testing.T) {
	p, err := ByPID(os.Getpid(), false)
	if err != nil {
		t.Fatal(err)
	}
	before := sample(t, p)
	held := make([]byte, 64<<20)
	for i := 0; i < len(held); i += 1 << 10 {
		held[i] = 1
	}
	after := sample(t, p)
	if held[0] != 1 || after.RSS-before.RSS < 32<<20 || after.CPU <= before.CPU || after.Threads < 1 {
		t.Errorf("before %+v, with 64 MB more %+v", before, after)
	}
	if !strings.HasPrefix(p.String(), "process ") {
		t.Errorf("called %q", p)
	}
}

// beParent makes the test program one that waits for its input to end, in a child of a child.
const beParent = "CONFD_BENCH_PARENT"

func TestMain(m *testing.M) {
	switch os.Getenv(beParent) {
	case "":
		os.Exit(m.Run())
	case "wait":
		os.Stdout.WriteString("up\n")
		_, _ = io.Copy(io.Discard, os.Stdin)
		return
	}
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), beParent+"=wait")
	child.Stdin, child.Stdout = os.Stdin, os.Stdout
	if err := child.Run(); err != nil {
		os.Exit(1)
	}
	_, _ = os.Stdout.WriteString("alone\n")
	select {} // until it is killed
}

func TestChildren(t *testing.T) {
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), beParent+"=start")
	in, err := parent.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = parent.Process.Kill()
		_ = parent.Wait()
	}()
	expect(t, out, "up\n")
	one, err := ByPID(parent.Process.Pid, false)
	if err != nil {
		t.Fatal(err)
	}
	all, err := ByPID(parent.Process.Pid, true)
	if err != nil {
		t.Fatal(err)
	}
	alone, together := sample(t, one), sample(t, all)
	if together.RSS <= alone.RSS || together.Threads <= alone.Threads || together.CPU <= alone.CPU {
		t.Errorf("alone %+v, with its child %+v", alone, together)
	}
	in.Close() // ends the child
	expect(t, out, "alone\n")
	if after := sample(t, all); after.CPU < together.CPU || after.RSS >= together.RSS {
		t.Errorf("with its child %+v, after it %+v", together, after)
	}
}

func expect(t *testing.T, r io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(r, got); err != nil || string(got) != want {
		t.Fatalf("read %q, %v; want %q", got, err, want)
	}
}

func TestProcessThatIsNot(t *testing.T) {
	done := exec.Command("true")
	if err := done.Run(); err != nil {
		t.Fatal(err)
	}
	for _, pid := range []int{-1, 0, done.Process.Pid} {
		if _, err := ByPID(pid, true); err == nil || !strings.Contains(err.Error(), "run") {
			t.Errorf("%d: %v", pid, err)
		}
	}
}

// The page is what Prometheus's own client makes of this process.
func TestMetrics(t *testing.T) {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), collectors.NewGoCollector())
	page := promhttp.HandlerFor(r, promhttp.HandlerOpts{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.Header.Get("Authorization") != "Bearer secret" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		page.ServeHTTP(w, q)
	}))
	defer s.Close()
	m, err := ByMetrics(s.URL+"/metrics", "secret")
	if err != nil {
		t.Fatal(err)
	}
	own, err := measure.CPU(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	got := sample(t, m)
	if d := got.CPU - own; d < -time.Second || d > time.Minute || got.RSS < 1<<20 {
		t.Errorf("%+v, and by its own clock %v", got, own)
	}
	stranger, err := ByMetrics(s.URL, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stranger.Sample(context.Background()); err == nil || !strings.Contains(err.Error(), "access key") {
		t.Errorf("without a key: %v", err)
	}
	for _, address := range []string{"", "127.0.0.1:8080", "ftp://127.0.0.1/", "http://", "http://[::1"} {
		if _, err := ByMetrics(address, ""); err == nil {
			t.Errorf("%q was taken", address)
		}
	}
}

func TestReadSample(t *testing.T) {
	const good = "# HELP x y\nx{a=\"b} 5\\\"\"} 1 1700000000000\nprocess_cpu_seconds_total 1.5\nprocess_resident_memory_bytes 2.097152e+06\n"
	s, err := readSample(strings.NewReader(good))
	if err != nil || s.CPU != 1500*time.Millisecond || s.RSS != 2<<20 {
		t.Errorf("%+v, %v", s, err)
	}
	for text, want := range map[string]string{
		"":                              "not among the 0 figures",
		"x 1\n":                         "not among the 1 figures",
		"process_cpu_seconds_total 1\n": nameRSS + " is not",
		"process_cpu_seconds_total -1\nprocess_resident_memory_bytes 1":   "is -1",
		"process_cpu_seconds_total 1\nprocess_resident_memory_bytes NaN":  "is NaN",
		"process_cpu_seconds_total +Inf\nprocess_resident_memory_bytes 1": "is +Inf",
		"<html>":                       "no metric",
		"x{a=\"b} 1":                   "no metric",
		"x y":                          "no number",
		"x 1 2 3":                      "no metric",
		strings.Repeat("x", maxLine+1): "more than",
	} {
		if _, err := readSample(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %v, want …%q…", text, err, want)
		}
	}
}

func FuzzReadSample(f *testing.F) {
	f.Add([]byte("a{b=\"c\"} 1\nprocess_cpu_seconds_total 1\nprocess_resident_memory_bytes 1e300\n"))
	f.Fuzz(func(t *testing.T, page []byte) {
		s, err := readSample(strings.NewReader(string(page)))
		if err == nil && (s.CPU < 0 || s.RSS < 0) {
			t.Fatalf("%+v of %q", s, page)
		}
	})
}

type fake struct{}

func (fake) Sample(context.Context) (Sample, error) { return Sample{}, nil }
func (fake) String() string                         { return "fake" }

func TestSpent(t *testing.T) {
	at := time.Unix(1000, 0)
	idle := Sample{At: at, CPU: time.Second, RSS: 10 << 20}
	from := Sample{At: at.Add(10 * time.Second), CPU: 2 * time.Second, RSS: 20 << 20}
	to := Sample{At: at.Add(20 * time.Second), CPU: 4 * time.Second, RSS: 30 << 20, Threads: 7}
	s := Spent(fake{}, idle, from, to, 100)
	if s.CPUPercent != 20 || s.CPUPercentPerCaller != 0.2 || s.RSSBytesPerCaller != 20<<20/100 || s.RSSBytes != 30<<20 || s.Threads != 7 || s.Source != "fake" {
		t.Errorf("%+v", s)
	}
	if s := Spent(fake{}, idle, from, to, 0); s.CPUPercentPerCaller != 0 || s.RSSBytesPerCaller != 0 {
		t.Errorf("for nobody %+v", s)
	}
	if s := Spent(fake{}, idle, to, to, 1); s != nil {
		t.Errorf("in no time %+v", s)
	}
}

func TestHere(t *testing.T) {
	if m := Here(measure.Steal{}); m.Name == "" || m.Scheduling == "" || m.StealPercent < 0 || m.StealPercent > 100 {
		t.Errorf("%+v", m)
	}
}
