package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/confd/confd/api"
	"github.com/confd/confd/rooms"
)

// keys returns the access keys, which Check has found right.
func (c *HTTPConfig) keys() (all []api.Key) {
	for _, text := range c.Keys {
		if k, err := parseKey(text); err == nil {
			all = append(all, k)
		}
	}
	return all
}

// parseKey reads NAME:SCOPE:SHA256, and :ROOM+ROOM behind it for a key of single rooms.
func parseKey(text string) (k api.Key, err error) {
	const right = "right is NAME:SCOPE:SHA256 or NAME:SCOPE:SHA256:ROOM+ROOM"
	parts := strings.Split(text, ":")
	if len(parts) < 3 || len(parts) > 4 || parts[0] == "" {
		return k, fmt.Errorf("%.20q... has %d parts; %s", text, len(parts), right)
	}
	k = api.Key{ID: "config:" + parts[0], Name: parts[0], Scope: api.Scope(parts[1])}
	if !api.IsScope(k.Scope) {
		return k, fmt.Errorf("%q has the scope %q; right is read, control or admin", parts[0], parts[1])
	}
	if err := k.Hash.UnmarshalText([]byte(parts[2])); err != nil {
		return k, fmt.Errorf("%q: %w", parts[0], err)
	}
	if len(parts) == 4 {
		for name := range strings.SplitSeq(parts[3], "+") {
			room, err := rooms.ParseName(name)
			if err != nil {
				return k, fmt.Errorf("%q: %w", parts[0], err)
			}
			k.Rooms = append(k.Rooms, room)
		}
	}
	return k, nil
}

// checkKeys tells what is wrong with c where there are so many keys, those of the store among
// them.
func (c *HTTPConfig) checkKeys(keys int) error {
	var w wrongs
	host, _, _ := net.SplitHostPort(c.Listen)
	ip, err := netip.ParseAddr(host)
	switch loopback := host == "localhost" || err == nil && ip.IsLoopback(); {
	case keys > 0:
	case !loopback:
		w.add("http.listen", c.Listen, "a loopback address, as in 127.0.0.1:8080, or a key, from confd key create or in http.keys: nothing but the machine itself protects it")
	case c.RequireKey:
		w.add("http.require_key", "true", "a key beside it, from confd key create or in http.keys: nobody could get in")
	}
	return errors.Join(w...)
}

// listen opens the socket of the API.
func (c *HTTPConfig) listen() (net.Listener, error) {
	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return nil, fmt.Errorf("http.listen: %w", err)
	}
	if c.TLSCert == "" {
		return l, nil
	}
	pair, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey)
	if err != nil {
		return nil, fmt.Errorf("http.tls_cert and http.tls_key: %w", errors.Join(err, l.Close()))
	}
	return tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}), nil
}
