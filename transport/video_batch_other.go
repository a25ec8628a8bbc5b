//go:build !linux

package transport

// batchSystem is nothing: only Linux cuts.
type batchSystem struct{}

func (*batchSystem) begin() {}

func (m *batch) send(s *socket, connected bool, first, n int) verdict {
	b := m.slice(first, n)
	switch {
	case n > 1:
		return ioUncut
	case len(b) == 0:
		return ioFailed // could not be sealed
	}
	return s.sendTo(b)
}

func (s *socket) segments() bool { return false }

func (s *socket) enlarge(receive, send int) {
	_ = s.conn.SetReadBuffer(receive)
	_ = s.conn.SetWriteBuffer(send)
}

func (s *socket) descriptors() []int { return nil }
