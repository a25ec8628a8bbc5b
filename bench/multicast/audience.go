//go:build linux

package multicast

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/confd/confd/internal/netlab"
	"github.com/confd/confd/multicast/listen"
)

// audience is a listener in each of some hosts.
type audience interface {
	qualities() []quality
	leave(context.Context) error
}

// callers are an audience of which each has a call of its own.
type callers []*phone

// gather has each host call a room, one after the other.
func gather(ctx context.Context, hosts []*netlab.Host, s *server, room string, v voice) (callers, error) {
	var all callers
	for _, h := range hosts {
		p, err := dial(ctx, h, h.IPv4, s.uri(room, s.host.IPv4.String()), v, 0)
		if err != nil {
			return nil, errors.Join(err, all.leave(ctx))
		}
		all = append(all, p)
	}
	return all, nil
}

func (c callers) qualities() (all []quality) {
	for _, p := range c {
		all = append(all, p.quality())
	}
	return all
}

func (c callers) leave(ctx context.Context) error {
	var all error
	for _, p := range c {
		all = errors.Join(all, p.hangUp(ctx))
	}
	return all
}

// members are an audience of which each is a "confd listen".
type members []*member

type member struct {
	command *exec.Cmd
	log     bytes.Buffer

	mu   sync.Mutex
	line []byte // the last whole one
	part []byte
}

// assemble has so many hosts, from one on, listen to a description, and waits until the switch
// knows them all.
func assemble(ctx context.Context, lab *netlab.Lab, from, hosts int, program, sdp string, s *listen.Session) (members, error) {
	var all members
	for _, h := range lab.Hosts[from : from+hosts] {
		m := &member{command: h.Command(program, "listen", sdp, "--json")}
		m.command.Stdout, m.command.Stderr = m, &m.log
		if err := m.command.Start(); err != nil {
			return nil, errors.Join(fmt.Errorf("start %s listen: %w", program, err), all.leave(ctx))
		}
		all = append(all, m)
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for i := range hosts {
		place := netlab.Membership{Host: from + i, Group: s.Group.Addr()}
		if s.Filter {
			place.Source = s.Source
		}
		if err := lab.Await(ctx, place, true); err != nil {
			return nil, errors.Join(err, all.leave(context.WithoutCancel(ctx)))
		}
	}
	return all, nil
}

// Write takes what it prints.
func (m *member) Write(b []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.part = append(m.part, b...)
	if end := bytes.LastIndexByte(m.part, '\n'); end >= 0 {
		whole := m.part[:end]
		m.line = bytes.Clone(whole[bytes.LastIndexByte(whole, '\n')+1:])
		m.part = bytes.Clone(m.part[end+1:])
	}
	return len(b), nil
}

func (m *member) quality() quality {
	m.mu.Lock()
	defer m.mu.Unlock()
	var s struct {
		Received uint64  `json:"received"`
		Jitter   float64 `json:"jitter_ms"`
		Loss     float64 `json:"loss_before"`
	}
	_ = json.Unmarshal(m.line, &s) // no line yet: it has heard nothing
	return quality{received: s.Received, lost: s.Loss, jitter: s.Jitter}
}

func (all members) qualities() (q []quality) {
	for _, m := range all {
		q = append(q, m.quality())
	}
	return q
}

// leave ends them as Ctrl-C does. Who heard nothing says so by its status, which is in the
// report already.
func (all members) leave(context.Context) error {
	var failed error
	for _, m := range all {
		_ = m.command.Process.Signal(syscall.SIGTERM)
	}
	for _, m := range all {
		if err := m.command.Wait(); err != nil && m.command.ProcessState.ExitCode() != 1 {
			failed = errors.Join(failed, fmt.Errorf("%v: %w: %s", m.command.Args, err, m.log.String()))
		}
	}
	return failed
}
