package calls

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Config says whom the callers call, and who they are. Zero values are the defaults.
type Config struct {
	Transport string         // "udp" (default) or "tcp"
	Server    netip.AddrPort // where all calls are sent to; see Resolve
	Local     netip.Addr     // where our sockets are bound; default: the address of the route to Server
	Username  string         // for digest credentials
	Password  string
	From      string // user part of the callers' addresses; "load"
	UserAgent string // "confd-load"
	Lines     int    // sockets or connections that the calls are spread over, 1 to 1000; 4
	Timeouts  Timeouts
}

// Timeouts bound the waits for the server. Zero values are the defaults.
type Timeouts struct {
	Trying  time.Duration // for the first response to an INVITE; 10 s
	Answer  time.Duration // for the final one; 30 s
	Request time.Duration // for the answer to any other request; 64*T1, which is 32 s
	T1      time.Duration // estimate of the round trip, after which UDP repeats (RFC 3261); 500 ms
}

const (
	maxLines   = 1000
	defaultT1  = 500 * time.Millisecond
	t2         = 8 // times T1: the longest wait between repeated requests
	manyT1     = 64
	writeLimit = 10 * time.Second // for a server that does not read its connection
)

func (c *Config) complete() error {
	setDefault(&c.Transport, "udp")
	setDefault(&c.From, "load")
	setDefault(&c.UserAgent, "confd-load")
	setDefault(&c.Lines, 4)
	setDefault(&c.Timeouts.T1, defaultT1)
	setDefault(&c.Timeouts.Trying, 10*time.Second)
	setDefault(&c.Timeouts.Answer, 30*time.Second)
	setDefault(&c.Timeouts.Request, manyT1*c.Timeouts.T1)
	return c.check()
}

func setDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

func (c *Config) check() error {
	t := c.Timeouts
	switch {
	case c.Transport != "udp" && c.Transport != "tcp":
		return fmt.Errorf("calls: transport %q: want udp or tcp", c.Transport)
	case !c.Server.IsValid() || c.Server.Port() == 0:
		return fmt.Errorf("calls: server %v: want an address with a port", c.Server)
	case c.Local.IsValid() && c.Local.Unmap().Is4() != c.Server.Addr().Unmap().Is4():
		return fmt.Errorf("calls: source address %v and server %v: want both IPv4 or both IPv6", c.Local, c.Server)
	case c.Lines < 1 || c.Lines > maxLines:
		return fmt.Errorf("calls: %d lines: want 1 to %d", c.Lines, maxLines)
	case min(t.T1, t.Trying, t.Answer, t.Request) < 0:
		return errors.New("calls: a timeout is negative")
	case c.Password != "" && c.Username == "":
		return errors.New("calls: a password needs a user name")
	case unsafe(c.From, " \t<>\"@;,:") || unsafe(c.UserAgent, "") || unsafe(c.Username+c.Password, ""):
		return errors.New("calls: the callers' name, user agent or credentials have characters that SIP cannot carry there")
	}
	return nil
}

// unsafe reports whether text has control characters or one of others.
func unsafe(text, others string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) || strings.ContainsAny(text, others)
}

// Resolve returns the address of the host of a SIP URI such as sip:room@host:5060, by the
// system's resolver; without a port it is 5060. It looks for no SRV records.
func Resolve(ctx context.Context, uri string) (netip.AddrPort, error) {
	host, port, err := hostOf(uri)
	if err != nil {
		return netip.AddrPort{}, err
	}
	all, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("calls: the host of %s: %w", uri, err)
	}
	return netip.AddrPortFrom(all[0].Unmap(), port), nil
}

// hostOf returns host and port of a SIP URI.
func hostOf(uri string) (host string, port uint16, err error) {
	bad := func(why string) (string, uint16, error) {
		return "", 0, fmt.Errorf("calls: %q is no SIP address: %s; want sip:ROOM@HOST or sip:ROOM@HOST:PORT", uri, why)
	}
	rest, ok := cutScheme(uri)
	if !ok {
		return bad("it does not begin with sip:")
	}
	if unsafe(uri, " \t<>\"") {
		return bad("it has characters that must be escaped")
	}
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		rest = rest[at+1:]
	}
	if end := strings.IndexAny(rest, ";?"); end >= 0 {
		rest = rest[:end]
	}
	if host, number, err := net.SplitHostPort(rest); err == nil {
		n, err := strconv.ParseUint(number, 10, 16)
		if err != nil || n == 0 || host == "" {
			return bad("the port must be 1 to 65535")
		}
		return host, uint16(n), nil
	}
	host = strings.Trim(rest, "[]")
	if host == "" || strings.Contains(host, ":") != strings.HasPrefix(rest, "[") {
		return bad("it names no host")
	}
	return host, 5060, nil
}

func cutScheme(uri string) (string, bool) {
	if len(uri) < 4 || !strings.EqualFold(uri[:4], "sip:") {
		return "", false
	}
	return uri[4:], true
}
