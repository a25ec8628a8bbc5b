//go:build linux

package forwarding

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"time"

	"github.com/confd/confd/bench/measure"
)

// Way names a server: how packets are forwarded.
type Way string

// The ways. The floor's loops receive, rewrite the header, protect and send; they know no RTCP,
// history, pacing or bandwidth.
const (
	Forwarder Way = "confd"     // the forwarder, a leg for each stream
	Batched   Way = "sendmmsg"  // the floor, 64 packets a call
	Segmented Way = "segmented" // the floor, a picture and receiver a message that the kernel cuts, 64 a call
	Sockets   Way = "sockets"   // the same with a socket for each receiver, as phones want it, and so a call
)

// order is what a server process reads first: whom it serves. Cameras and sinks are addresses
// of this machine, in the order of their streams.
type order struct {
	Way     Way              `json:"way"`
	Case    Case             `json:"case"`
	Cameras []netip.AddrPort `json:"cameras"`
	Sinks   []netip.AddrPort `json:"sinks"`
	Control netip.AddrPort   `json:"control"` // where RTCP goes
}

// receipt is what it answers: where the cameras send to.
type receipt struct {
	Ingress []netip.AddrPort `json:"ingress"`
	Error   string           `json:"error,omitempty"`
}

// Serve is the whole of a server process: it reads an order, answers with a receipt, and
// forwards until in ends.
func Serve(in io.Reader, out io.Writer) error {
	decoder, encoder := json.NewDecoder(in), json.NewEncoder(out)
	var o order
	if err := decoder.Decode(&o); err != nil {
		return fmt.Errorf("forwarding: read the order: %w", err)
	}
	start := startFloor
	if o.Way == Forwarder {
		start = startForwarder
	}
	at, stop, err := start(&o)
	if err != nil {
		return errors.Join(err, encoder.Encode(receipt{Error: err.Error()}))
	}
	defer stop()
	if err := encoder.Encode(receipt{Ingress: at}); err != nil {
		return fmt.Errorf("forwarding: write the receipt: %w", err)
	}
	_, _ = io.Copy(io.Discard, in) // until the parent closes it or is gone
	return nil
}

// process is a running server.
type process struct {
	way     Way
	ingress []netip.AddrPort
	cmd     *exec.Cmd
	in      io.Closer
}

// start runs a server by cmd, which must end in Serve.
func start(cmd *exec.Cmd, o *order) (*process, error) {
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("forwarding: start %s: %w", o.Way, err)
	}
	p := &process{way: o.Way, cmd: cmd, in: in}
	var r receipt
	err = errors.Join(json.NewEncoder(in).Encode(o), json.NewDecoder(out).Decode(&r))
	if err == nil && r.Error != "" {
		err = errors.New(r.Error)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("forwarding: %s: %w", o.Way, err), p.stop())
	}
	p.ingress = r.Ingress
	return p, nil
}

// cpu is the processor time that it has used.
func (p *process) cpu() (time.Duration, error) { return measure.CPU(p.cmd.Process.Pid) }

func (p *process) stop() error {
	p.in.Close()
	return p.cmd.Wait()
}
