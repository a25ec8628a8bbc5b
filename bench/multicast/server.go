//go:build linux

package multicast

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/confd/confd/internal/netlab"
	"github.com/confd/confd/multicast/listen"
)

// Ports of the server, which has its host to itself.
const (
	sipPort = 5060
	web     = "127.0.0.1:8080"
)

// server is a confd in a host.
type server struct {
	host    *netlab.Host
	command *exec.Cmd
	log     bytes.Buffer
	exited  chan struct{}
	api     http.Client
}

// startServer runs the program in one of a lab's hosts and waits until it serves. It is apart if
// servers have the first processor to themselves, and the lab the last.
func startServer(ctx context.Context, lab *netlab.Lab, h *netlab.Host, program string, apart bool) (*server, error) {
	s := &server{host: h, exited: make(chan struct{})}
	s.api = http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DialContext: h.DialContext, DisableKeepAlives: true}}
	s.command = h.Command(program, "serve", "--store", "", "--http", web, "--log-level", "warn",
		"--sip", fmt.Sprintf("udp:%s:%d", h.IPv4, sipPort), "--sip", fmt.Sprintf("udp:127.0.0.1:%d", sipPort))
	s.command.Env = append(os.Environ(), "CONFD_SIP_LIMITS_LOAD=1")
	s.command.Stdout, s.command.Stderr = &s.log, &s.log
	start := s.command.Start
	if apart {
		if err := lab.SwitchOn(runtime.NumCPU()-1, h); err != nil {
			return nil, err
		}
		start = func() error { return startOn(0, s.command) }
	}
	if err := start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	go func() {
		_ = s.command.Wait()
		close(s.exited)
	}()
	if err := s.ready(ctx); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

func (s *server) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	for {
		_, err := s.ask(ctx, http.MethodGet, "/readyz", "")
		if err == nil {
			return nil
		}
		select {
		case <-s.exited:
			return fmt.Errorf("confd ended: %s", s.log.String())
		case <-ctx.Done():
			return fmt.Errorf("confd is not ready: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// stop ends it and waits.
func (s *server) stop() error {
	_ = s.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.exited:
	case <-time.After(10 * time.Second):
		_ = s.command.Process.Kill()
		<-s.exited
	}
	if code := s.command.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("confd ended with status %d: %s", code, s.log.String())
	}
	return nil
}

// ask does a request of the API and returns the answer's body.
func (s *server) ask(ctx context.Context, method, path, body string) ([]byte, error) {
	q, err := http.NewRequestWithContext(ctx, method, "http://"+web+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	if body != "" {
		q.Header.Set("Content-Type", "application/json")
	}
	answer, err := s.api.Do(q)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode > 299 {
		err = fmt.Errorf("%s %s: %s: %s", method, path, answer.Status, text)
	}
	return text, err
}

// uri is a room's address.
func (s *server) uri(room, ip string) string {
	return fmt.Sprintf("sip:%s@%s", room, net.JoinHostPort(ip, fmt.Sprint(sipPort)))
}

var tones = []int{400, 700, 1100}

// open makes a room, and has three talkers call it from the server's own host, whom no counter
// of the network sees.
func (s *server) open(ctx context.Context, room, multicast string) (talkers callers, err error) {
	if _, err := s.ask(ctx, http.MethodPost, "/v1/rooms", fmt.Sprintf(`{"id":%q,"multicast":%s}`, room, multicast)); err != nil {
		return nil, err
	}
	local := netip.MustParseAddr("127.0.0.1")
	for _, f := range tones {
		p, err := dial(ctx, s.host, local, s.uri(room, local.String()), voices["pcmu"], f)
		if err != nil {
			return nil, errors.Join(err, s.end(ctx, room, talkers))
		}
		talkers = append(talkers, p)
	}
	return talkers, nil
}

// end has the talkers hang up and takes the room away.
func (s *server) end(ctx context.Context, room string, talkers callers) error {
	ctx = context.WithoutCancel(ctx)
	err := talkers.leave(ctx)
	_, gone := s.ask(ctx, http.MethodDelete, "/v1/rooms/"+room, "")
	return errors.Join(err, gone)
}

// group is a room's, as its description tells.
type group struct {
	*listen.Session
	file      string  // of the description
	bandwidth float64 // bit/s with the headers of UDP and IP
}

// describe fetches the description of a room's group, and has its feedback counted.
func (s *server) describe(ctx context.Context, room, folder string) (g group, err error) {
	text, err := s.ask(ctx, http.MethodGet, "/v1/rooms/"+room+"/multicast.sdp", "")
	if err != nil {
		return g, err
	}
	if g.Session, err = listen.Parse(text); err != nil {
		return g, err
	}
	m := regexp.MustCompile(`(?m)^b=AS:(\d+)`).FindSubmatch(text)
	if m == nil {
		return g, fmt.Errorf("the description has no b=AS line: %s", text)
	}
	kilobits, err := strconv.Atoi(string(m[1]))
	g.bandwidth, g.file = 1000*float64(kilobits), filepath.Join(folder, room+".sdp")
	return g, errors.Join(err, s.host.Meter(g.RTCP.Port()), os.WriteFile(g.file, text, 0o600))
}
