//go:build linux

package floor

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
)

// request and reply are the first lines that a floor process reads and writes.
type request struct {
	Config Config
	Peers  []netip.AddrPort
}

type reply struct {
	Legs  []netip.AddrPort
	Error string
}

// Serve is the whole of a floor process: it reads what to mix and for whom, answers with
// the addresses of the legs, and mixes until in ends; then it writes its report.
func Serve(in io.Reader, out io.Writer) error {
	decoder, encoder := json.NewDecoder(in), json.NewEncoder(out)
	var q request
	if err := decoder.Decode(&q); err != nil {
		return fmt.Errorf("floor: read the request: %w", err)
	}
	rooms, err := open(q.Config, q.Peers)
	defer rooms.close()
	if err != nil {
		return errors.Join(err, encoder.Encode(reply{Error: err.Error()}))
	}
	var a reply
	for _, m := range rooms {
		for i := range m.legs {
			a.Legs = append(a.Legs, m.Local(i))
		}
	}
	if err := encoder.Encode(a); err != nil {
		return fmt.Errorf("floor: write the reply: %w", err)
	}
	stop := make(chan struct{})
	go func() {
		defer close(stop)
		_, _ = io.Copy(io.Discard, in) // until the parent closes it or is gone
	}()
	return encoder.Encode(rooms.run(func(int) bool {
		select {
		case <-stop:
			return false
		default:
			return true
		}
	}))
}

// open makes the rooms of a process.
func open(config Config, peers []netip.AddrPort) (rooms, error) {
	n := max(config.Rooms, 1)
	if len(peers)%n != 0 {
		return nil, fmt.Errorf("floor: %d peers in %d rooms: want the same number in each", len(peers), n)
	}
	var all rooms
	for each := len(peers) / n; len(all) < n; peers = peers[each:] {
		m, err := New(config, peers[:each])
		if err != nil {
			return all, err
		}
		all = append(all, m)
	}
	return all, nil
}

func (all rooms) close() {
	for _, m := range all {
		m.Close()
	}
}

// Process is a floor that runs in a process of its own.
type Process struct {
	Legs []netip.AddrPort // by peer

	command *exec.Cmd
	in      io.WriteCloser
	out     *json.Decoder
}

// Start runs command, which must call Serve on its standard input and output, for peers.
// The floor ends with Stop, or with this process.
func Start(command *exec.Cmd, config Config, peers []netip.AddrPort) (*Process, error) {
	in, err := command.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("floor: %w", err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("floor: %w", err)
	}
	command.Stderr = os.Stderr
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("floor: %w", err)
	}
	p := &Process{command: command, in: in, out: json.NewDecoder(out)}
	if err := p.greet(config, peers); err != nil {
		in.Close()
		return nil, errors.Join(err, command.Wait())
	}
	return p, nil
}

func (p *Process) greet(config Config, peers []netip.AddrPort) error {
	if err := json.NewEncoder(p.in).Encode(request{config, peers}); err != nil {
		return fmt.Errorf("floor: write the request: %w", err)
	}
	var a reply
	if err := p.out.Decode(&a); err != nil {
		return fmt.Errorf("floor: read the reply: %w", err)
	}
	if a.Error != "" {
		return errors.New(a.Error)
	}
	p.Legs = a.Legs
	return nil
}

// PID returns the process's id.
func (p *Process) PID() int { return p.command.Process.Pid }

// Stop ends the process and returns what it measured.
func (p *Process) Stop() (Report, error) {
	var r Report
	p.in.Close()
	err := p.out.Decode(&r)
	if err != nil {
		err = fmt.Errorf("floor: read the report: %w", err)
	}
	return r, errors.Join(err, p.command.Wait())
}
