package socket

import (
	"fmt"
	"net/netip"
)

// Verdict is what became of one send.
type Verdict uint8

// Verdicts.
const (
	Sent    Verdict = iota
	Busy            // the socket's buffer or the interface's queue is full
	Refused         // no way there at the moment: the interface is down, the address gone
	Failed
)

// SenderConfig says where packets go and how.
type SenderConfig struct {
	Group netip.AddrPort // destination, multicast, port 1 to 65535
	Path  Path           // of Find; the socket is bound to its source
	Port  int            // to send from, 0 to 65535; 0: any
	TTL   int            // or hop limit, 0 to 255; 0 stays on this machine, 1 on its links
}

func (c *SenderConfig) check() error {
	switch {
	case !c.Group.Addr().IsMulticast() || c.Group.Port() == 0:
		return fmt.Errorf("%v is not a multicast address and port", c.Group)
	case c.TTL < 0 || c.TTL > 255:
		return fmt.Errorf("TTL %d is not between 0 and 255", c.TTL)
	case c.Port < 0 || c.Port > 65535:
		return fmt.Errorf("port %d is not between 0 and 65535", c.Port)
	case c.Path.Interface == nil || c.Path.Source.Is4() != c.Group.Addr().Unmap().Is4():
		return fmt.Errorf("no path to %v: an interface and a source of its IP version are needed", c.Group)
	}
	return nil
}
