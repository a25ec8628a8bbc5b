package socket

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
)

// Path is where a group's packets leave or enter this machine.
type Path struct {
	Interface *net.Interface
	Source    netip.Addr // an address of the interface, of the group's family, without a zone
}

// Find resolves an interface, by name or, if that is "", by source's if valid, or else by
// the route to the group. The path's source is source if that is valid, or else what the
// system would send to the group from. The error says what is missing.
func Find(group netip.Addr, name string, source netip.Addr) (Path, error) {
	if !group.IsMulticast() {
		return Path{}, fmt.Errorf("%v is not a multicast address (224.0.0.0/4, ff00::/8)", group)
	}
	if source.IsValid() && source.Unmap().Is4() != group.Unmap().Is4() {
		return Path{}, fmt.Errorf("source %v and group %v are not of the same IP version", source, group)
	}
	if name != "" {
		return named(group, name, source)
	}
	if !source.IsValid() {
		var err error
		if source, err = routed(group); err != nil {
			return Path{}, err
		}
	}
	i, err := holder(source)
	return Path{Interface: i, Source: plain(source)}, err
}

func named(group netip.Addr, name string, source netip.Addr) (Path, error) {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return Path{}, fmt.Errorf("interface %q: %w", name, err)
	}
	addrs := addresses(i)
	if source.IsValid() {
		for _, a := range addrs {
			if a == plain(source) {
				return Path{i, a}, nil
			}
		}
		return Path{}, fmt.Errorf("interface %q does not have the address %v, but %v", name, source, addrs)
	}
	if a := best(addrs, group); a.IsValid() {
		return Path{i, a}, nil
	}
	return Path{}, fmt.Errorf("interface %q has no IPv%d address", name, version(group))
}

// best prefers an address that reaches beyond the link, as long as the group does.
func best(addrs []netip.Addr, group netip.Addr) (found netip.Addr) {
	for _, a := range addrs {
		if a.Is4() != group.Unmap().Is4() {
			continue
		}
		if !found.IsValid() || found.IsLinkLocalUnicast() && !group.IsLinkLocalMulticast() {
			found = a
		}
	}
	return found
}

func version(a netip.Addr) int {
	if a.Unmap().Is4() {
		return 4
	}
	return 6
}

// routed asks the system where a packet to the group would come from; none is sent.
func routed(group netip.Addr) (netip.Addr, error) {
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(group, 9)))
	if err != nil {
		return netip.Addr{}, fmt.Errorf("no route to %v: name an interface: %w", group, err)
	}
	defer func() { _ = c.Close() }()
	return c.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap(), nil
}

// holder returns the interface that has an address.
func holder(a netip.Addr) (*net.Interface, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	for n := range all {
		for _, has := range addresses(&all[n]) {
			if has == plain(a) && (a.Zone() == "" || a.Zone() == all[n].Name) {
				return &all[n], nil
			}
		}
	}
	if a.Is4() && a.IsLoopback() {
		return loopback(all)
	}
	return nil, fmt.Errorf("no interface has the address %v", a)
}

// loopback serves the rest of 127.0.0.0/8.
func loopback(all []net.Interface) (*net.Interface, error) {
	for n := range all {
		if all[n].Flags&net.FlagLoopback != 0 {
			return &all[n], nil
		}
	}
	return nil, errors.New("no loopback interface")
}

func addresses(i *net.Interface) (all []netip.Addr) {
	list, _ := i.Addrs()
	for _, a := range list {
		if n, ok := a.(*net.IPNet); ok {
			if ip, ok := netip.AddrFromSlice(n.IP); ok {
				all = append(all, ip.Unmap())
			}
		}
	}
	return all
}

func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }
