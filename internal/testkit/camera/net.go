package camera

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"sync"

	"github.com/confd/confd/internal/testkit/phone"
)

var loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// pair binds an even port and the next, below those that are given to who asks for any, and
// apart from those of the phones' audio.
func pair(n phone.Network, local netip.Addr) (rtp, rtcp *net.UDPConn, err error) {
	for range 200 {
		port := uint16(2 * (4000 + rand.IntN(4000)))
		var a, b net.PacketConn
		if a, err = n.ListenPacket("udp", netip.AddrPortFrom(local, port).String()); err != nil {
			continue
		}
		if b, err = n.ListenPacket("udp", netip.AddrPortFrom(local, port+1).String()); err != nil {
			a.Close()
			continue
		}
		return a.(*net.UDPConn), b.(*net.UDPConn), nil
	}
	return nil, nil, fmt.Errorf("no port pair on %v: %w", local, err)
}

// lines is what a program printed.
type lines struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lines) all() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
