//go:build !linux

package transport

// videoScratch holds packets one behind the other. Nothing but Linux cuts.
type videoScratch struct {
	segment int
	packets int
	from    [maxSegments + 1]int
	used    int
	heads   [maxVideoHead]byte
	bulk    [maxRun + MaxVideoDatagram]byte
}

func newVideoScratch() *videoScratch { return new(videoScratch) }

func (m *videoScratch) start(size int) { m.segment, m.packets, m.used = size, 0, 0 }

func (m *videoScratch) head() []byte { return m.heads[:0] }

func (m *videoScratch) slab() []byte { return m.bulk[m.used:m.used:len(m.bulk)] }

func (m *videoScratch) plain(header, head, body []byte) {
	m.sealed(append(append(append(m.slab(), header...), head...), body...))
}

func (m *videoScratch) sealed(b []byte) {
	m.used += len(b)
	m.packets++
	m.from[m.packets] = m.used
}

func (m *videoScratch) send(s *socket, connected bool, first, n int) verdict {
	if n > 1 {
		return ioUncut
	}
	if m.from[first] == m.from[first+1] {
		return ioFailed // could not be sealed
	}
	return s.sendTo(m.bulk[m.from[first]:m.from[first+1]])
}

func (m *videoScratch) forget() {}

func (s *socket) segments() bool { return false }

func (s *socket) enlarge(receive, send int) {
	_ = s.conn.SetReadBuffer(receive)
	_ = s.conn.SetWriteBuffer(send)
}

func (s *socket) descriptors() []int { return nil }
