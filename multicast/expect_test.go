package multicast

import (
	"net/netip"
	"testing"
)

func TestExpectations(t *testing.T) {
	g, phone, other := &Group{}, netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("192.0.2.8")
	first, second := g.Expect(phone, netip.Addr{}, phone), g.Expect(other, phone)
	alone := g.Expect(netip.MustParseAddr("::ffff:192.0.2.8"))
	g.reported(netip.MustParseAddr("192.0.2.9"))
	if first.Met() || second.Met() || alone.Met() {
		t.Error("a stranger's report is taken")
	}
	g.reported(other)
	if first.Met() || !second.Met() || !alone.Met() {
		t.Errorf("after a report of %v: %v, %v, %v", other, first.Met(), second.Met(), alone.Met())
	}
	second.Close()
	g.reported(phone)
	if !first.Met() {
		t.Error("the report is not taken")
	}
	for range 2 {
		first.Close()
		alone.Close()
	}
	if n := len(g.expected.from); n != 0 {
		t.Errorf("%d addresses are still kept", n)
	}
}
