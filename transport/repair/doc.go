// Package repair reads and writes what makes good for lost packets: redundant payloads
// (RFC 2198), retransmitted ones (RFC 4588) and requests for them (RFC 4585 section 6.2.1).
// It is pure: no socket, no clock, no state but the caller's. Readers yield views into what
// they are given and allocate nothing; any goroutine may call anything.
package repair
