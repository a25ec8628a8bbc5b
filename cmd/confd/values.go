package main

import (
	"fmt"
	"net"
	"strconv"
	"strings"
)

// ListenAddr is where to listen for SIP.
type ListenAddr struct {
	Network string // "udp", "tcp", "tls", or "" for UDP and TCP
	Addr    string // HOST:PORT; an empty HOST is every address
}

// UnmarshalText reads [NETWORK:]HOST:PORT.
func (l *ListenAddr) UnmarshalText(text []byte) error {
	s := string(text)
	network := ""
	for _, n := range []string{"udp", "tcp", "tls"} {
		if rest, ok := strings.CutPrefix(s, n+":"); ok {
			network, s = n, rest
		}
	}
	if err := checkHostPort(s); err != nil {
		return fmt.Errorf("%w; as in udp:192.0.2.1:5060, tls:[::]:5061 or 0.0.0.0:5060", err)
	}
	*l = ListenAddr{network, s}
	return nil
}

// MarshalText is the reverse of UnmarshalText.
func (l ListenAddr) MarshalText() ([]byte, error) {
	if l.Network == "" {
		return []byte(l.Addr), nil
	}
	return []byte(l.Network + ":" + l.Addr), nil
}

// networks returns the transports that l stands for.
func (l ListenAddr) networks() []string {
	if l.Network == "" {
		return []string{"udp", "tcp"}
	}
	return []string{l.Network}
}

func checkHostPort(s string) error {
	_, port, err := net.SplitHostPort(s)
	if err != nil {
		return fmt.Errorf("%q is not HOST:PORT", s)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("%q is not a port of 0 to 65535", port)
	}
	return nil
}

// PortRange is a range of UDP ports, both ends included.
type PortRange struct{ Low, High int }

// UnmarshalText reads LOW-HIGH.
func (r *PortRange) UnmarshalText(text []byte) error {
	low, high, ok := strings.Cut(string(text), "-")
	l, err1 := strconv.ParseUint(low, 10, 16)
	h, err2 := strconv.ParseUint(high, 10, 16)
	if !ok || err1 != nil || err2 != nil {
		return fmt.Errorf("%q is not LOW-HIGH with ports up to 65535, as in 16384-32767", text)
	}
	*r = PortRange{int(l), int(h)}
	return nil
}

// MarshalText is the reverse of UnmarshalText.
func (r PortRange) MarshalText() ([]byte, error) {
	return fmt.Appendf(nil, "%d-%d", r.Low, r.High), nil
}
