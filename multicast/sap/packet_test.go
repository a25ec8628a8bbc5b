package sap

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

var (
	four = netip.MustParseAddr("192.0.2.7")
	six  = netip.MustParseAddr("2001:db8::7")
)

// As RFC 2974 section 3 draws it.
func TestPacketsAsBytes(t *testing.T) {
	for _, c := range []struct {
		packet Packet
		want   string
	}{
		{Packet{Hash: 0x1234, Source: four, Payload: []byte("v=0\r\n")},
			"20001234" + "c0000207" + hex.EncodeToString([]byte("application/sdp\x00v=0\r\n"))},
		{Packet{Delete: true, Hash: 1, Source: six, Payload: []byte("o=- 1\r\n")},
			"34000001" + "20010db8000000000000000000000007" + hex.EncodeToString([]byte("application/sdp\x00o=- 1\r\n"))},
		{Packet{Hash: 0xffff, Source: four, Type: "text/plain"}, "2000ffff" + "c0000207" + hex.EncodeToString([]byte("text/plain\x00"))},
	} {
		b, err := c.packet.Append([]byte{9})
		if err != nil || hex.EncodeToString(b) != "09"+c.want {
			t.Errorf("%+v is %x (%v), want %s after 09", c.packet, b, err, c.want)
			continue
		}
		got, err := Parse(b[1:])
		if c.packet.Type == "" {
			c.packet.Type = SDP
		}
		if err != nil || fmt.Sprint(got) != fmt.Sprint(c.packet) {
			t.Errorf("read as %+v (%v), want %+v", got, err, c.packet)
		}
	}
}

func TestAppendRefuses(t *testing.T) {
	for says, p := range map[string]Packet{
		"hash 0":         {Source: four},
		"without source": {Hash: 1},
		"payload type":   {Hash: 1, Source: four, Type: strings.Repeat("x", maxType+1)},
		"none 0":         {Hash: 1, Source: four, Type: "a\x00b"},
		"at most 1400":   {Hash: 1, Source: four, Payload: make([]byte, MaxPacket-8-len(SDP))},
	} {
		if b, err := p.Append(nil); err == nil || !strings.Contains(err.Error(), says) || len(b) != 0 {
			t.Errorf("%v: %d bytes, want an error that says %q", err, len(b), says)
		}
	}
	p := Packet{Hash: 1, Source: four, Payload: make([]byte, MaxPacket-8-len(SDP)-1)}
	if b, err := p.Append(nil); err != nil || len(b) != MaxPacket {
		t.Errorf("%d bytes, %v", len(b), err)
	}
}

func TestParseAtItsEdges(t *testing.T) {
	head := "\x20\x00\x00\x01\xc0\x00\x02\x07"
	for says, b := range map[string]string{
		"8 to 9000":           head[:7],
		"want 8 to 9000":      head + strings.Repeat("x", 8993),
		"version 0":           "\x00" + head[1:],
		"version 2":           "\x40" + head[1:],
		"encrypted":           "\x22" + head[1:],
		"compressed":          "\x21" + head[1:],
		"ends in its header":  "\x20\x01" + head[2:],
		"ends in its head":    "\x30" + head[1:],
		"no payload type":     head,
		"1 to 64":             head + "\x00v=0",
		"no payload type: w":  head + strings.Repeat("x", maxType+1) + "\x00",
		"payload type: want ": head + "text",
	} {
		if _, err := Parse([]byte(b)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%.20q: %v, want %q", b, err, says)
		}
	}
	for b, want := range map[string]Packet{
		head + "v=0\r\n":                             {Hash: 1, Source: four, Type: SDP, Payload: []byte("v=0\r\n")},
		"\x24" + head[1:] + "o=x\r\n":                {Delete: true, Hash: 1, Source: four, Type: SDP, Payload: []byte("o=x\r\n")},
		"\x20\x02" + head[2:] + "authenti" + "v=0":   {Hash: 1, Source: four, Type: SDP, Payload: []byte("v=0")},
		head + strings.Repeat("x", maxType) + "\x00": {Hash: 1, Source: four, Type: strings.Repeat("x", maxType), Payload: []byte{}},
	} {
		if p, err := Parse([]byte(b)); err != nil || fmt.Sprint(p) != fmt.Sprint(want) {
			t.Errorf("%.30q: %+v, %v, want %+v", b, p, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("\x20\x00\x00\x01\xc0\x00\x02\x07application/sdp\x00v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\n"))
	f.Add([]byte("\x34\x01\x00\x01\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x07authv=0\r\n"))
	f.Add([]byte("\x20\xff\x00\x01\xc0\x00\x02\x07"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Parse(b)
		if err != nil || p.Hash == 0 || len(b) > MaxPacket-len(SDP)-1 {
			return
		}
		again, err := p.Append(nil)
		if err != nil {
			t.Fatalf("%+v: %v", p, err)
		}
		q, err := Parse(again)
		if err != nil || q.Source != p.Source.Unmap() || q.Hash != p.Hash || q.Delete != p.Delete || q.Type != p.Type || !bytes.Equal(q.Payload, p.Payload) {
			t.Errorf("%+v became %+v (%v)", p, q, err)
		}
	})
}

func TestScopes(t *testing.T) {
	for group, want := range map[string]string{
		"239.255.1.1":     "239.255.255.255 255",
		"239.253.0.0":     "239.255.255.255 255",
		"239.252.255.255": "239.195.255.255 255",
		"239.192.3.4":     "239.195.255.255 255",
		"239.1.2.3":       "239.195.255.255 255",
		"224.2.128.1":     "224.2.127.254 7",
		"232.1.2.3":       "224.2.127.254 7",
		"ff15::8000:1":    "ff05::2:7ffe 255",
		"ff32::8000:1":    "ff02::2:7ffe 255",
		"ff1e::1":         "ff0e::2:7ffe 255",
	} {
		if to, hops := Address(netip.MustParseAddr(group), 7); fmt.Sprint(to, hops) != want {
			t.Errorf("%s is announced on %v with TTL %d, want %s", group, to, hops, want)
		}
	}
}

// The example of a busy scope: 1000 announcements of 600 bytes in 4000 bit/s take 20 minutes.
func TestIntervals(t *testing.T) {
	const least = 300 * time.Second
	for _, c := range []struct {
		announcements, size int
		want                time.Duration
	}{{1, 600, least}, {250, 600, least}, {251, 600, 301200 * time.Millisecond}, {1000, 600, 1200 * time.Second}} {
		if got := interval(c.announcements, c.size, 4000, least); got != c.want {
			t.Errorf("%d of %d bytes: %v, want %v", c.announcements, c.size, got, c.want)
		}
	}
	if a, b, c := spread(least, 0), spread(least, 0.5), spread(least, 1); a != 200*time.Second || b != least || c != 400*time.Second {
		t.Errorf("300 s spread to %v, %v, %v; want a third either way", a, b, c)
	}
}

func TestHeardIsBounded(t *testing.T) {
	h, now := heard{at: map[name]time.Time{}}, time.Now()
	p := Packet{Source: four}
	for range maxHeard {
		p.Hash++
		if !h.take(&p, now) {
			t.Fatalf("no room for number %d", p.Hash)
		}
	}
	p.Hash++
	if h.take(&p, now) || h.len() != maxHeard {
		t.Errorf("%d taken", h.len())
	}
	if !h.take(&Packet{Source: four, Hash: 1}, now.Add(time.Minute)) {
		t.Error("one that is known is refused")
	}
	if !h.take(&Packet{Delete: true, Source: four, Hash: 2}, now) || !h.take(&p, now) {
		t.Error("a deletion makes no room")
	}
	p.Hash++
	if !h.take(&p, now.Add(forget+time.Second)) || h.len() != 2 {
		t.Errorf("%d are remembered, want the one of a minute later and the last", h.len())
	}
}

func TestHashIsNeverZero(t *testing.T) {
	seen := map[uint16]bool{}
	for i := range 200_000 {
		h := hash(fmt.Append(nil, i))
		if h == 0 {
			t.Fatal("0")
		}
		seen[h] = true
	}
	if len(seen) < 60_000 {
		t.Errorf("only %d values", len(seen))
	}
}
