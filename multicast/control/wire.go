package control

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/confd/confd/multicast/groupkey"
	"github.com/confd/confd/multicast/socket"
)

// wire is a session's outlet on sockets.
type wire struct {
	reports, packets *socket.Sender // to the group's RTCP and RTP port
	target           *net.UDPConn   // to listeners, from where they send to
	sealer           *groupkey.Sealer
	count            *counters
	sealed           []byte
}

// openWire opens a group's sockets.
func openWire(c *Config, count *counters) (*wire, error) {
	w := &wire{count: count, sealed: make([]byte, 0, 2048)}
	var err error
	if c.Key != nil {
		if w.sealer, err = groupkey.NewSealer(*c.Key); err != nil {
			return nil, err
		}
	}
	if w.target, err = openTarget(c.Target, c.Path.Interface.Name); err != nil {
		return nil, fmt.Errorf("cannot take feedback on %v: %w", c.Target, err)
	}
	to := socket.SenderConfig{Group: c.Group, Path: c.Path, TTL: c.TTL}
	if w.packets, err = socket.OpenSender(to); err == nil {
		to.Group = above(c.Group)
		w.reports, err = socket.OpenSender(to)
	}
	if err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

// above returns the port of RTCP.
func above(rtp netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(rtp.Addr(), rtp.Port()+1)
}

func (w *wire) control(b []byte) int { return w.send(w.reports, w.sealer.RTCP(w.sealed[:0], b)) }

func (w *wire) media(b []byte, to netip.AddrPort) int {
	b = w.sealer.RTP(w.sealed[:0], b)
	if !to.IsValid() {
		return w.send(w.packets, b)
	}
	return w.unicast(b, to)
}

func (w *wire) answer(b []byte, to netip.AddrPort) {
	if w.unicast(w.sealer.RTCP(w.sealed[:0], b), to) == 0 {
		w.count.failed.Add(1)
	}
}

func (w *wire) send(by *socket.Sender, b []byte) int {
	if len(b) == 0 || by.Send(b) != socket.Sent {
		return 0
	}
	return len(b)
}

func (w *wire) unicast(b []byte, to netip.AddrPort) int {
	if len(b) == 0 {
		return 0
	}
	if _, err := w.target.WriteToUDPAddrPort(b, to); err != nil {
		return 0
	}
	return len(b)
}

func (w *wire) close() {
	_ = w.target.Close()
	for _, s := range []*socket.Sender{w.packets, w.reports} {
		if s != nil {
			s.Close()
		}
	}
}
