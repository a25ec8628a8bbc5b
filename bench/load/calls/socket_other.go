//go:build !linux

package calls

import "net"

// prepare raises a socket's buffers.
func prepare(conn *net.UDPConn) error {
	_ = conn.SetReadBuffer(socketBuffer) // as much as there may be
	_ = conn.SetWriteBuffer(socketBuffer)
	return nil
}

// Elsewhere nobody tells which datagram came back: calls to nobody end by "no-answer".
func isRejection(error) bool         { return false }
func rejected(*net.UDPConn) []string { return nil }
