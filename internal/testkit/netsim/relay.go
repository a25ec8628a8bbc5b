package netsim

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
)

// Relay is a UDP hop in front of one target: it passes on what the latest sender to Addr
// sends, and passes back to it what the target answers, through a Link each way.
type Relay struct {
	Up, Down *Link // towards the target, and back

	near, far *net.UDPConn
	peer      atomic.Pointer[netip.AddrPort]
	readers   sync.WaitGroup
}

// NewRelay listens on a free port of the target's loopback address. Close it.
func NewRelay(target netip.AddrPort, seed uint64, up, down Impairment) (*Relay, error) {
	near, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(target.Addr(), 0)))
	if err != nil {
		return nil, err
	}
	far, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(target))
	if err != nil {
		near.Close()
		return nil, err
	}
	r := &Relay{near: near, far: far}
	r.Up = NewLink(seed, up, func(b []byte) { _, _ = far.Write(b) })
	r.Down = NewLink(seed+1, down, func(b []byte) {
		if to := r.peer.Load(); to != nil {
			_, _ = near.WriteToUDPAddrPort(b, *to)
		}
	})
	r.readers.Add(2)
	go r.readNear()
	go r.readFar()
	return r, nil
}

// Addr is where to send instead of to the target.
func (r *Relay) Addr() netip.AddrPort { return r.near.LocalAddr().(*net.UDPAddr).AddrPort() }

// Far is the address that the target sees.
func (r *Relay) Far() netip.AddrPort { return r.far.LocalAddr().(*net.UDPAddr).AddrPort() }

// Close ends the relay and waits for its goroutines. It may be called more than once.
func (r *Relay) Close() error {
	r.near.Close()
	r.far.Close()
	r.readers.Wait()
	r.Up.Close()
	r.Down.Close()
	return nil
}

func (r *Relay) readNear() {
	defer r.readers.Done()
	buf := make([]byte, 65536)
	for {
		n, from, err := r.near.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		r.peer.Store(&from)
		r.Up.Send(buf[:n])
	}
}

func (r *Relay) readFar() {
	defer r.readers.Done()
	buf := make([]byte, 65536)
	for {
		n, err := r.far.Read(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		// A refused port shows up as an error of the read; the target may come back.
		if err == nil {
			r.Down.Send(buf[:n])
		}
	}
}
