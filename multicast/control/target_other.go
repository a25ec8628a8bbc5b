//go:build !linux

package control

import "net"

// countDrops does nothing: other systems do not tell what they dropped.
func countDrops(*net.UDPConn) {}

func drops([]byte) (uint32, bool) { return 0, false }
