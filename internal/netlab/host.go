//go:build linux

package netlab

import (
	"encoding/json"
	"fmt"
	"net/netip"
)

// Interface is the name of every host's interface on the switch.
const Interface = "eth0"

// Host is one of a lab. Its methods may be called by any goroutine, but those that change
// it by one at a time.
type Host struct {
	Namespace
	IPv4, IPv6 netip.Addr // on Interface; Readdress changes IPv4

	link netip.Addr // of IPv6, from which MLD is spoken
}

// newHost is the i-th, from 0 on.
func newHost(n Namespace, i int) *Host {
	return &Host{Namespace: n, IPv4: address("10.99.0.0", i+1), IPv6: address("fd99::", i+1), link: address("fe80::", i+1)}
}

// Up plugs the cable in. A host of a new lab is up.
func (h *Host) Up() error {
	return batch(h.Namespace, fmt.Sprintf(`link set lo up
link set eth0 addrgenmode none up
addr replace %s/16 dev eth0
addr replace %s/64 dev eth0 nodad
addr replace %s/64 dev eth0 nodad
route replace default dev eth0
route replace ::/0 dev eth0
`, h.IPv4, h.link, h.IPv6))
}

// Down pulls the cable out: the interface has no carrier, no routes, and no addresses of
// IPv6.
func (h *Host) Down() error { return batch(h.Namespace, "link set eth0 down\n") }

// Readdress takes the IPv4 address away and gives another, which must be in 10.99.0.0/16
// and nobody else's.
func (h *Host) Readdress(a netip.Addr) error {
	lines := fmt.Sprintf("addr del %s/16 dev eth0\naddr add %s/16 dev eth0\nroute replace default dev eth0\n", h.IPv4, a)
	if err := batch(h.Namespace, lines); err != nil {
		return err
	}
	h.IPv4 = a
	return nil
}

// Lose has the host lose so many of 100 UDP datagrams that arrive, at random; 0 ends that.
func (h *Host) Lose(percent int) error {
	if percent < 0 || percent > 100 {
		return fmt.Errorf("netlab: a loss of %d %%: right is 0 to 100", percent)
	}
	return h.nft(fmt.Sprintf(`table inet loss
delete table inet loss
table inet loss {
	chain arriving {
		type filter hook input priority 0
		meta l4proto udp numgen random mod 100 < %d counter drop
	}
}
`, percent))
}

// Traffic is what went one way.
type Traffic struct{ Packets, Bytes uint64 }

// Counters returns what the interface has received and sent since the host is, frames of
// Ethernet without their checksums. Lost datagrams count as received.
func (h *Host) Counters() (in, out Traffic, err error) {
	text, err := output("", "ip", "-n", string(h.Namespace), "-j", "-s", "link", "show", "dev", Interface)
	if err != nil {
		return in, out, err
	}
	var links []struct {
		Stats struct{ RX, TX Traffic } `json:"stats64"`
	}
	if err := json.Unmarshal(text, &links); err != nil || len(links) != 1 {
		return in, out, fmt.Errorf("netlab: ip describes %d interfaces %s: %w", len(links), Interface, err)
	}
	return links[0].Stats.RX, links[0].Stats.TX, nil
}

// Meter counts the UDP packets that have this port at either end, from now on, but not those
// that the host sends to itself. A host has one meter.
func (h *Host) Meter(port uint16) error {
	return h.nft(fmt.Sprintf(`table inet metered
delete table inet metered
table inet metered {
	counter in { }
	counter out { }
	chain arriving {
		type filter hook input priority -10
		ip saddr %s return
		ip6 saddr %s return
		udp dport %[3]d counter name in return
		udp sport %[3]d counter name in
	}
	chain leaving {
		type filter hook output priority -10
		udp dport %[3]d counter name out return
		udp sport %[3]d counter name out
	}
}
`, h.IPv4, h.IPv6, port))
}

// Metered returns what Meter has counted, whole IP packets.
func (h *Host) Metered() (in, out Traffic, err error) {
	text, err := finish(h.Command("nft", "-j", "list", "counters", "table", "inet", "metered"), "")
	if err != nil {
		return in, out, err
	}
	var list struct {
		Items []struct {
			Counter struct {
				Name string
				Traffic
			}
		} `json:"nftables"`
	}
	if err := json.Unmarshal(text, &list); err != nil {
		return in, out, fmt.Errorf("netlab: what nft lists: %w", err)
	}
	for _, item := range list.Items {
		switch c := item.Counter; c.Name {
		case "in":
			in = c.Traffic
		case "out":
			out = c.Traffic
		}
	}
	return in, out, nil
}

func (h *Host) nft(rules string) error {
	_, err := finish(h.Command("nft", "-f", "-"), rules)
	return err
}
