package stream

import (
	"net/netip"
	"testing"

	"github.com/confd/confd/multicast/socket"
)

// BenchmarkSend times a packet to a group on the loopback interface, beside the same bytes
// through the socket alone.
func BenchmarkSend(b *testing.B) {
	for _, c := range []struct {
		name   string
		change func(*Config)
	}{
		{"plain", nil},
		{"redundant", redundant(2)},
		{"AES_CM_128_HMAC_SHA1_80", protected},
		{"all", func(c *Config) { redundant(2)(c); protected(c); c.History = 64 }},
	} {
		b.Run(c.name, func(b *testing.B) {
			s, _ := begin(b, func(g *Config) {
				if c.change != nil {
					c.change(g)
				}
				g.Socket = group(b)
			})
			o := spoken(0)
			o.Data = make([]byte, 160)
			b.ReportAllocs()
			for i := int64(0); b.Loop(); i++ {
				o.Time = i * ptime
				s.Send(o)
			}
			b.StopTimer()
			if st := s.Stats(); st.Packets == 0 {
				b.Fatalf("%+v", st)
			}
		})
	}
	b.Run("raw", func(b *testing.B) {
		g, packet := group(b), make([]byte, 188)
		for b.Loop() {
			g.Send(packet)
		}
	})
}

func group(b *testing.B) *socket.Sender {
	b.Helper()
	to := netip.MustParseAddrPort("239.255.7.9:17000")
	p, err := socket.Find(to.Addr(), "", netip.MustParseAddr("127.0.0.1"))
	if err != nil {
		b.Fatal(err)
	}
	s, err := socket.OpenSender(socket.SenderConfig{Group: to, Path: p})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(s.Close)
	return s
}
