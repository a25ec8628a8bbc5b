package focus

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// routeCache knows which of our addresses the route to a peer leaves from. It asks the
// kernel by connecting a UDP socket, which sends nothing, and remembers briefly.
type routeCache struct {
	mu sync.Mutex
	m  map[netip.Addr]route
}

type route struct {
	local netip.Addr
	until time.Time
}

const (
	routeLife = 10 * time.Second
	maxRoutes = 4096
)

func newRouteCache() *routeCache { return &routeCache{m: map[netip.Addr]route{}} }

// local returns the local address of the route to peer.
func (c *routeCache) local(peer netip.Addr) (netip.Addr, error) {
	now := time.Now()
	c.mu.Lock()
	r, ok := c.m[peer]
	c.mu.Unlock()
	if ok && now.Before(r.until) {
		return r.local, nil
	}
	local, err := localFor(peer)
	if err != nil {
		return netip.Addr{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.m) >= maxRoutes {
		clear(c.m)
	}
	c.m[peer] = route{local, now.Add(routeLife)}
	return local, nil
}

func localFor(peer netip.Addr) (netip.Addr, error) {
	if !peer.IsValid() {
		return netip.Addr{}, fmt.Errorf("the peer's address is not known")
	}
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(peer, 9)))
	if err != nil {
		return netip.Addr{}, err
	}
	defer conn.Close()
	ap, err := netip.ParseAddrPort(conn.LocalAddr().String())
	return ap.Addr().Unmap().WithZone(""), err
}
