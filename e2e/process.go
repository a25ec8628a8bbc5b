package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/confd/confd/internal/testkit/wait"
)

// process is a running program with everything that it printed. It is ended by its own
// process id only.
type process struct {
	cmd   *exec.Cmd
	out   output
	stdin io.WriteCloser
	done  chan struct{}
	err   error // valid after done
}

// output is a buffer that may be read while it grows.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(b)
}

// String is what was printed so far.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// run starts cmd and sees to it that it is gone when the test is over. What it printed is
// logged if the test failed; standard error is apart if cmd says where it goes.
func run(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{cmd: cmd, done: make(chan struct{})}
	cmd.Stdout = &p.out
	if cmd.Stderr == nil {
		cmd.Stderr = &p.out
	}
	// A group of its own: a Ctrl-C at the terminal is for the test, which then cleans up.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: 0}
	cmd.WaitDelay = 5 * time.Second
	var err error
	if p.stdin, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v: %v", cmd.Args, err)
	}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%v printed:\n%s", cmd.Args, tail(p.out.String(), 20000))
		}
	})
	return p
}

func tail(s string, n int) string {
	if len(s) > n {
		return "[…]" + s[len(s)-n:]
	}
	return s
}

func (p *process) kill() {
	select {
	case <-p.done:
	default:
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// terminate sends SIGTERM and waits for the end.
func (p *process) terminate(limit time.Duration) error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return p.wait(limit)
}

// wait waits for the end by itself; an exit status other than 0 is an error.
func (p *process) wait(limit time.Duration) error {
	select {
	case <-p.done:
		return p.err
	case <-time.After(limit):
		return fmt.Errorf("%v still runs after %v", p.cmd.Args, limit)
	}
}

// eventually polls until f returns nil, and fails the test with its last error if that
// takes longer than limit.
func eventually(t *testing.T, limit time.Duration, what string, f func() error) {
	t.Helper()
	wait.Within(t, limit, what, f)
}

// need skips the test unless the programs are installed. With CONFD_E2E_STRICT set, as in
// the project's own runs, a missing program is a failure.
func need(t *testing.T, programs ...string) {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: no real clients")
	}
	for _, name := range programs {
		if _, err := exec.LookPath(name); err != nil {
			if os.Getenv("CONFD_E2E_STRICT") != "" {
				t.Fatalf("%s is not installed", name)
			}
			t.Skipf("%s is not installed", name)
		}
	}
}
