package focus

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/confd/confd/rooms"
)

// A caller whose connection is gone is told of the end over a new one, which the guard reads.
func TestOwnConnectionsAreGuarded(t *testing.T) {
	s := start(t, withListen(Listen{"tcp", "127.0.0.1:0"}))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	p := dial(t, "TCP", s.addr(0))
	p.contact = l.Addr().String()
	p.call("")
	d := s.only().confirmed(t)
	p.conn.Close()
	eventually(t, "the connection to be forgotten", func() bool { return s.cfg.Guard.Stats().Connections == 0 })
	d.End(rooms.Reason{Code: rooms.ReasonRemoved})
	_ = l.(*net.TCPListener).SetDeadline(time.Now().Add(patience))
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	lines := bufio.NewReader(conn)
	first, err := lines.ReadString('\n')
	if err != nil || !strings.HasPrefix(first, "BYE ") {
		t.Fatalf("got %q, %v, want BYE", first, err)
	}
	before := s.cfg.Guard.Stats()
	if before.Connections != 1 {
		t.Errorf("the guard knows of %d connections, want 1", before.Connections)
	}
	if _, err := io.WriteString(conn, "\x01\x02 no message\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, lines); err != nil && !errors.Is(err, net.ErrClosed) && !strings.Contains(err.Error(), "reset") {
		t.Errorf("the connection is not closed: %v", err)
	}
	after := s.cfg.Guard.Stats()
	if after.Messages != before.Messages+1 || after.Refused["method"] != before.Refused["method"]+1 {
		t.Errorf("the guard has not read and refused it: %+v", after)
	}
}

// sipgo itself opens no connection: neither guard nor limits would know of it.
func TestLibraryDialsNobody(t *testing.T) {
	streams := ownStreams()
	for name, create := range map[string]func(net.Addr) net.Dialer{
		"TCP": streams.TCP.DialerCreate, "TLS": streams.TLS.DialerCreate,
	} {
		d := create(nil)
		if c, err := d.DialContext(context.Background(), "tcp", "127.0.0.1:9"); !errors.Is(err, errOwnConnections) {
			t.Errorf("%s: %v, %v", name, c, err)
		}
	}
}

// What the library cannot read is counted, whichever of its parts says so.
func TestUnparsableIsCounted(t *testing.T) {
	s := start(t)
	before := s.Stats().Unparsable
	sip.DefaultLogger().Error("failed to parse")
	if n := s.Stats().Unparsable; n != before+1 {
		t.Errorf("%d messages are counted, want %d", n, before+1)
	}
}
