package focus

import (
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"

	"github.com/confd/confd/internal/testkit/leak"
)

// brief is a socket that has one datagram and is then closed.
type brief struct {
	net.PacketConn
	message string
	from    net.Addr
}

func (b *brief) ReadFrom(to []byte) (int, net.Addr, error) {
	n := copy(to, b.message)
	if b.message = ""; n == 0 {
		return 0, nil, net.ErrClosed
	}
	return n, b.from, nil
}

// A request that was read just before its listener was closed: sipgo looks for the socket to
// answer from on a goroutine of its own, and opens one if ours is gone by then.
func TestRequestAtTheLastMoment(t *testing.T) {
	leak.Check(t)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // the listener goes first
	for _, method := range []string{"ACK", "OPTIONS", "INVITE"} {
		s := start(t)
		p := dial(t, "UDP", s.addr(0))
		conn, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		from := net.UDPAddrFromAddrPort(netip.MustParseAddrPort(p.local))
		_ = s.tpl.ServeUDP(&brief{conn, strings.ReplaceAll(p.request(method, "", ""), "\n", "\r\n"), from})
		conn.Close()
	}
}
