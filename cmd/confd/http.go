package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/confd/confd/api"
	"github.com/confd/confd/rooms"
)

// configuredKeys are the access keys of the configuration.
type configuredKeys []api.Key

// Keys implements api.Keys.
func (k configuredKeys) Keys() []api.Key { return k }

// keys returns the access keys, which Check has found right.
func (c *HTTPConfig) keys() (all configuredKeys) {
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
