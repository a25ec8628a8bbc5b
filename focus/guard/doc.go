// Package guard stands between the open internet and the SIP library. It wraps the packet
// connection and the listeners that the library serves, so that nothing reaches the
// library's parser and transaction layer but whole messages that passed our own check of
// size, rate and syntax, written anew in one canonical form:
//
//	datagram or stream -> rate of the source prefix -> framing -> Check -> canonical form -> library
//
// The canonical form has no folded lines, no white space around separators and one Via
// value a line, so the library's more forgiving parser cannot read a message in another way
// than the check did. The top Via gets its received parameter (RFC 3261 section 18.2.1),
// which also keeps the library from ever answering to, or resolving, a host that only the
// message names.
//
// A malformed request whose Via, From, To, Call-ID and CSeq can be read is answered here,
// statelessly (RFC 3261 section 8.2.7), to the address that it came from and no other. All
// else that is wrong is dropped and counted by reason; nothing is logged message by message.
//
// A server takes one Guard for all its sockets:
//
//	g, err := guard.New(guard.DefaultLimits(), nil)
//	go guard.ServeUDP(guard.PacketConn(udp, g), library.ServeUDP)
//	go library.ServeTCP(guard.Listener(tcp, g))
//	go library.ServeTLS(guard.Listener(tls.NewListener(tcp2, config), g))
//
// and asks g.AllowCall for each new INVITE.
package guard
