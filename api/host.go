package api

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/confd/confd/rooms"
)

// loopbackOnly serves who is on this machine and says so in Host.
func loopbackOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !isLoopbackPeer(r.RemoteAddr):
			WriteProblem(w, problem(http.StatusForbidden, string(rooms.Forbidden), "only this machine is served"))
		case !isLoopbackHost(r.Host):
			WriteProblem(w, problem(http.StatusForbidden, string(rooms.Forbidden),
				"the Host header is "+clip(r.Host)+"; served are localhost, 127.0.0.1 and [::1]"))
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func isLoopbackPeer(addr string) bool {
	a, err := netip.ParseAddrPort(addr)
	return err == nil && a.Addr().Unmap().IsLoopback()
}

// isLoopbackHost reports whether a Host header, with or without port, names this machine
// and nothing else can.
func isLoopbackHost(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	} else {
		host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	}
	if strings.EqualFold(strings.TrimSuffix(host, "."), "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
