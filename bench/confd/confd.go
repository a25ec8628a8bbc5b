//go:build linux

// Package confd runs the program under measurement: a process of its own, with free ports
// of loopback, that callers reach by SIP and others by HTTP.
package confd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/confd/confd/bench/forwarding"
	"github.com/confd/confd/bench/load/calls"
	"github.com/confd/confd/bench/load/fleet"
	"github.com/confd/confd/bench/measure"
	"github.com/confd/confd/bench/trial"
	"github.com/confd/confd/bench/wire"
)

// Config says which program is run, and how.
type Config struct {
	Program string
	Store   string   // file of what survives a restart; empty: memory
	Env     []string // NAME=VALUE, beside what this process has
}

// Process is a running confd.
type Process struct {
	SIP, HTTP string // HOST:PORT

	agent   *calls.Agent
	dropped atomic.Int64 // calls that it has ended
	deaf    *wire.Socket // takes what those of Show are sent of sound, and is not read
	command *exec.Cmd
	log     bytes.Buffer
	exited  chan struct{}
	failure error // of the process, once exited is closed
}

// Start returns once confd answers. It ends with this process at the latest.
func Start(ctx context.Context, c Config) (*Process, error) {
	sip, err := freePort("udp4")
	if err != nil {
		return nil, err
	}
	web, err := freePort("tcp4")
	if err != nil {
		return nil, err
	}
	agent, err := calls.Open(calls.Config{Server: netip.MustParseAddrPort(sip), From: "bench", UserAgent: "confd-bench"})
	if err != nil {
		return nil, err
	}
	p := &Process{SIP: sip, HTTP: web, agent: agent, exited: make(chan struct{})}
	p.command = exec.Command(c.Program, "serve", "--store", c.Store, "--sip", "udp:"+sip, "--http", web)
	p.command.Env = append(os.Environ(), c.Env...)
	p.command.Stdout, p.command.Stderr = &p.log, &p.log
	p.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.launch(); err != nil {
		return nil, errors.Join(fmt.Errorf("start confd: %w", err), agent.Close())
	}
	if err := p.ready(ctx); err != nil {
		return nil, errors.Join(err, p.Stop())
	}
	return p, nil
}

// launch starts the process and waits for its end, on a thread that lives as long: the kernel
// ends it with the thread that started it.
func (p *Process) launch() error {
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.command.Start()
		started <- err
		if err == nil {
			p.failure = p.command.Wait()
			close(p.exited)
		}
	}()
	return <-started
}

// freePort returns an address on loopback where nobody listens just now.
func freePort(network string) (string, error) {
	if network == "udp4" {
		conn, err := net.ListenPacket(network, "127.0.0.1:0")
		if err != nil {
			return "", fmt.Errorf("find a free port: %w", err)
		}
		defer conn.Close()
		return conn.LocalAddr().String(), nil
	}
	listener, err := net.Listen(network, "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}

// ready waits until confd answers OPTIONS, which it does last.
func (p *Process) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		try, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
		err := p.agent.Options(try, "sip:"+p.SIP)
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-p.exited:
			return fmt.Errorf("confd ended: %w", p.failure)
		case <-ctx.Done():
			return fmt.Errorf("confd is not ready: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Room returns the id of the room that the callers' room number n is here.
func Room(n int) string { return fmt.Sprintf("bench-%d", n) }

// Join has callers, by their numbers, call their rooms, one after the other, so many a second.
func (p *Process) Join(ctx context.Context, of *trial.Callers, who []int, perSecond int) error {
	pace := time.NewTicker(time.Second / time.Duration(perSecond))
	defer pace.Stop()
	for _, i := range who {
		<-pace.C
		if err := p.call(ctx, of, i); err != nil {
			return fmt.Errorf("caller %d: %w", i, err)
		}
	}
	return nil
}

func (p *Process) call(ctx context.Context, of *trial.Callers, i int) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	a, err := p.invite(ctx, Room(of.Room(i)), calls.Offer{
		Media: of.Local(i), RTCP: of.RTCP(), Formats: []calls.Format{calls.FormatOf(of.Format())}, Level: of.Config().Codec.Level,
	})
	if err != nil {
		return err
	}
	return of.Connect(i, fleet.Peer{Media: a.Media, PayloadType: a.PayloadType})
}

func (p *Process) invite(ctx context.Context, room string, o calls.Offer) (calls.Answer, error) {
	call, err := p.agent.Call(ctx, "sip:"+room+"@"+p.SIP, o)
	if err != nil {
		return calls.Answer{}, err
	}
	call.OnEnd(func(e calls.End) {
		if e.Far {
			p.dropped.Add(1)
		}
	})
	return call.Answer(), nil
}

// Show has everyone who shows pictures in s, and everyone who looks, call a room of their own, so
// many a second: phones that say nothing, and do not read what they are sent of sound. It is
// called once.
func (p *Process) Show(ctx context.Context, s *forwarding.Show, perSecond int) (err error) {
	if p.deaf, err = wire.Listen(); err != nil {
		return err
	}
	var at []netip.AddrPort
	pace := time.NewTicker(time.Second / time.Duration(perSecond))
	defer pace.Stop()
	cameras := s.Cameras()
	for i, own := range append(cameras, s.Screens()...) {
		<-pace.C
		sends := i < len(cameras)
		peer, err := p.showTo(ctx, own, sends)
		if err != nil {
			return fmt.Errorf("caller %d with video: %w", i, err)
		}
		if sends {
			at = append(at, peer)
		}
	}
	return s.Aim(at)
}

// showTo has who shows pictures from an address, or looks there, call, and returns where the server takes pictures.
func (p *Process) showTo(ctx context.Context, own netip.AddrPort, sends bool) (netip.AddrPort, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	deaf := p.deaf.Local()
	a, err := p.invite(ctx, "bench-show", calls.Offer{
		Media: deaf, RTCP: deaf, Formats: []calls.Format{{PayloadType: 0, Name: "PCMU/8000"}},
		Video: &calls.Video{Media: own, RTCP: deaf, Format: calls.Format{PayloadType: forwarding.PayloadType, Name: "VP8/90000"}, Sends: sends},
	})
	if err == nil && a.Video.Refused != "" {
		err = fmt.Errorf("no video: %s", a.Video.Refused)
	}
	return a.Video.Media, err
}

// Leave has everyone who has joined hang up, so many a second.
func (p *Process) Leave(ctx context.Context, perSecond int) error {
	return p.agent.HangUp(ctx, float64(perSecond))
}

// PID is the number of the process.
func (p *Process) PID() int { return p.command.Process.Pid }

// CPU returns the processor time that it has used. It is an error if a call has ended.
func (p *Process) CPU() (time.Duration, error) {
	if n := p.dropped.Load(); n > 0 {
		return 0, fmt.Errorf("confd hung up %d calls", n)
	}
	return measure.CPU(p.PID())
}

// Metrics returns what the process says of itself at /metrics, by series. No connection is
// left behind, which would cost it memory.
func (p *Process) Metrics(ctx context.Context) (measure.Metrics, error) {
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.HTTP+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	q.Close = true
	answer, err := http.DefaultClient.Do(q)
	if err != nil {
		return nil, fmt.Errorf("read confd's metrics: %w", err)
	}
	defer answer.Body.Close()
	return measure.ReadMetrics(answer.Body)
}

// Stop ends confd as an operator would; should it not end, it says where it stands and is
// killed. It is called once.
func (p *Process) Stop() error {
	failed := p.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(15 * time.Second):
		failed = errors.Join(errors.New("confd did not end within 15 s of SIGTERM"), p.command.Process.Signal(syscall.SIGQUIT))
		select {
		case <-p.exited:
		case <-time.After(10 * time.Second):
			failed = errors.Join(failed, p.command.Process.Kill())
			<-p.exited
		}
	}
	err := errors.Join(failed, p.failure, p.agent.Close())
	if p.deaf != nil {
		p.deaf.Close()
	}
	if err != nil {
		err = fmt.Errorf("%w; confd said:\n%s", err, lastWords(p.log.Bytes()))
	}
	return err
}

// lastWords are the end of a log, or the first of the stacks that a program writes on SIGQUIT,
// which are those that tell most.
func lastWords(log []byte) []byte {
	const enough = 6000
	if at := bytes.LastIndex(log, []byte("SIGQUIT: quit")); at >= 0 {
		return log[at:min(len(log), at+enough)]
	}
	return log[max(0, len(log)-enough):]
}
