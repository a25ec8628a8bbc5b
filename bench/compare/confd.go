//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"github.com/confd/confd/bench/callers"
	"github.com/confd/confd/bench/dial"
	"github.com/confd/confd/bench/measure"
	"github.com/confd/confd/media"
)

// confd is a server process that callers reach by SIP.
type confd struct {
	options *options
	load    *callers.Load
	line    *dial.Line
	command *exec.Cmd
	log     bytes.Buffer
	exited  chan struct{}
	failure error // of the process, once exited is closed
	sip     string
}

func startConfd(ctx context.Context, o *options, load *callers.Load) (server, error) {
	sip, err := freePort("udp4")
	if err != nil {
		return nil, err
	}
	http, err := freePort("tcp4")
	if err != nil {
		return nil, err
	}
	line, err := dial.Open()
	if err != nil {
		return nil, err
	}
	c := &confd{options: o, load: load, line: line, sip: sip, exited: make(chan struct{})}
	c.command = exec.Command(o.confd, "serve", "--store", "", "--sip", "udp:"+sip, "--http", http)
	c.command.Env = os.Environ()
	if o.codec == media.Opus {
		c.command.Env = append(c.command.Env,
			"CONFD_AUDIO_OPUS_COMPLEXITY="+strconv.Itoa(o.opus.Complexity),
			"CONFD_AUDIO_OPUS_BITRATE="+strconv.Itoa(o.opus.Bitrate))
	}
	c.command.Stdout, c.command.Stderr = &c.log, &c.log
	c.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := c.command.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start confd: %w", err), line.Close())
	}
	go func() {
		defer close(c.exited)
		c.failure = c.command.Wait()
	}()
	if err := c.ready(ctx); err != nil {
		return nil, errors.Join(err, c.stop())
	}
	return c, nil
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

// ready waits until confd answers OPTIONS.
func (c *confd) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		try, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
		err := c.line.Options(try, "sip:"+c.sip)
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-c.exited:
			return fmt.Errorf("confd ended: %w", c.failure)
		case <-ctx.Done():
			return fmt.Errorf("confd is not ready: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (c *confd) join(ctx context.Context) error {
	pace := time.NewTicker(time.Second / time.Duration(c.options.joins))
	defer pace.Stop()
	for i := range c.options.callers {
		<-pace.C
		if err := c.call(ctx, i); err != nil {
			return err
		}
	}
	return nil
}

func (c *confd) call(ctx context.Context, i int) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	offer := dial.Offer{Media: c.load.Local(i), RTCP: c.load.RTCP(), Codec: "PCMU/8000"}
	if c.options.codec == media.Opus {
		offer.PayloadType, offer.Codec = 111, "opus/48000/2"
		offer.Parameters = fmt.Sprintf("maxaveragebitrate=%d", c.options.opus.Bitrate)
		if c.options.opus.FEC {
			offer.Parameters += ";useinbandfec=1"
		}
	}
	call, err := c.line.Call(ctx, fmt.Sprintf("sip:bench-%d@%s", c.load.Room(i), c.sip), offer)
	if err != nil {
		return fmt.Errorf("caller %d: %w", i, err)
	}
	return c.load.Connect(i, call.Media, call.PayloadType)
}

func (c *confd) cpu() (time.Duration, error) {
	if n := c.line.Dropped(); n > 0 {
		return 0, fmt.Errorf("confd hung up %d calls", n)
	}
	return measure.CPU(c.command.Process.Pid)
}

// stop ends confd as an operator would; should it not end, it is killed.
func (c *confd) stop() error {
	failed := c.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-c.exited:
	case <-time.After(15 * time.Second):
		failed = errors.Join(errors.New("confd did not end on SIGTERM"), c.command.Process.Kill())
		<-c.exited
	}
	err := errors.Join(failed, c.failure, c.line.Close())
	if err != nil {
		err = fmt.Errorf("%w; confd said:\n%s", err, tail(c.log.Bytes(), 2000))
	}
	return err
}

func tail(text []byte, n int) []byte { return text[max(0, len(text)-n):] }
