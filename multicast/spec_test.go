package multicast

import (
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/media"
)

func address(t testing.TB, text string) netip.Addr {
	t.Helper()
	a, err := netip.ParseAddr(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// complains wants an *Error of a code and a field whose text names what would be right.
func complains(t *testing.T, err error, code ErrorCode, field, says string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Code != code || e.Field != field || !strings.Contains(err.Error(), says) {
		t.Errorf("%v: want %s of field %q that says %q", err, code, field, says)
	}
}

func TestSpecAtItsEdges(t *testing.T) {
	c := DefaultConfig()
	for _, good := range []Spec{
		{},
		{Mode: SourceSpecific}, {Family: 6}, {Mode: SourceSpecific, Family: 6},
		{Group: address(t, "224.0.2.0")}, {Group: address(t, "239.255.254.255")}, {Group: address(t, "224.2.127.253")},
		{Mode: SourceSpecific, Group: address(t, "232.0.1.0")}, {Mode: SourceSpecific, Group: address(t, "232.255.255.255")},
		{Group: address(t, "ff12::1")}, {Group: address(t, "ff1e::1")}, {Group: address(t, "ff35:40:2001:db8::1")},
		{Mode: SourceSpecific, Group: address(t, "ff35::8000:0")}, {Mode: SourceSpecific, Group: address(t, "ff3e::ffff:ffff")},
		{Port: 1024}, {Port: 65534}, {TTL: 15}, {Interface: "fifteen-letters"},
		{Codec: "opus", PacketTime: 60, Redundancy: 2}, {Codec: "pcmu", PacketTime: 60, Redundancy: 1}, {Codec: "pcmu", PacketTime: 40, Redundancy: 2},
		{Codec: "l16"}, {Codec: "l16", PacketTime: 10, SRTP: true}, {Offer: OfferAlways},
	} {
		if err := good.Check(&c); err != nil {
			t.Errorf("%+v: %v", good, err)
		}
	}
	for _, bad := range []struct {
		spec        Spec
		field, says string
	}{
		{Spec{Mode: "any"}, "mode", "want asm"},
		{Spec{Family: 5}, "family", "want 4 or 6"},
		{Spec{Family: 6, Group: address(t, "239.255.1.1")}, "group", "agree"},
		{Spec{Family: 4, Group: address(t, "ff15::1")}, "group", "agree"},
		{Spec{Group: address(t, "192.0.2.1")}, "group", "no multicast address"},
		{Spec{Group: address(t, "240.0.0.1")}, "group", "no multicast address"},
		{Spec{Group: address(t, "::ffff:239.255.1.1")}, "group", "want plain IPv4"},
		{Spec{Group: address(t, "ff15::1%eth0")}, "group", "without a zone"},
		{Spec{Group: address(t, "224.0.0.255")}, "group", "one link"},
		{Spec{Group: address(t, "224.0.1.255")}, "group", "network protocols"},
		{Spec{Group: address(t, "224.2.127.254")}, "group", "announced"},
		{Spec{Group: address(t, "239.255.255.255")}, "group", "SAP and SSDP"},
		{Spec{Group: address(t, "239.255.255.0")}, "group", "SAP and SSDP"},
		{Spec{Group: address(t, "239.195.255.255")}, "group", "SAP"},
		{Spec{Group: address(t, "232.0.1.0")}, "group", "mode ssm"},
		{Spec{Mode: SourceSpecific, Group: address(t, "232.0.0.255")}, "group", "not for hosts"},
		{Spec{Mode: SourceSpecific, Group: address(t, "239.255.1.1")}, "group", "not source-specific"},
		{Spec{Mode: SourceSpecific, Group: address(t, "ff15::8000:0")}, "group", "not source-specific"},
		{Spec{Mode: SourceSpecific, Group: address(t, "ff35::3fff:ffff")}, "group", "not for hosts"},
		{Spec{Mode: SourceSpecific, Group: address(t, "ff35:0:1::8000:0")}, "group", "not for hosts"},
		{Spec{Group: address(t, "ff35::8000:0")}, "group", "mode ssm"},
		{Spec{Group: address(t, "ff11::1")}, "group", "never leaves"},
		{Spec{Group: address(t, "ff10::1")}, "group", "reserved scope 0"},
		{Spec{Group: address(t, "ff1f::1")}, "group", "reserved scope f"},
		{Spec{Group: address(t, "ff05::1:3")}, "group", "IANA"},
		{Spec{Port: 1022}, "port", "even port"}, {Spec{Port: 5005}, "port", "even port"}, {Spec{Port: 65536}, "port", "even port"}, {Spec{Port: -2}, "port", "even port"},
		{Spec{TTL: 16}, "ttl", "1 to 15"}, {Spec{TTL: -1}, "ttl", "1 to 15"},
		{Spec{Interface: "sixteen-letters-"}, "interface", "eth0"}, {Spec{Interface: "a/b"}, "interface", "eth0"},
		{Spec{Codec: "g722"}, "codec", "want opus"},
		{Spec{PacketTime: 30}, "ptime", "want 10"}, {Spec{Codec: "l16", PacketTime: 20}, "ptime", "at most 1400"},
		{Spec{Redundancy: 3}, "redundancy", "want 0, 1 or 2"}, {Spec{Redundancy: -1}, "redundancy", "want 0, 1 or 2"},
		{Spec{Codec: "l16", Redundancy: 1}, "redundancy", "at most 1400"},
		{Spec{Codec: "pcmu", PacketTime: 60, Redundancy: 2}, "redundancy", "at most 1400"},
		{Spec{Offer: "never"}, "offer", "asked or always"},
		{Spec{Video: true, Port: 65534}, "port", "65532"},
		{Spec{VideoBitrate: 64000}, "video_bitrate", "want video on"}, {Spec{VideoInterval: 1}, "video_interval", "want video on"},
		{Spec{Video: true, VideoBitrate: MinVideoBitrate - 1}, "video_bitrate", "want 64000 to 20000000"},
		{Spec{Video: true, VideoBitrate: MaxVideoBitrate + 1}, "video_bitrate", "want 64000 to 20000000"},
		{Spec{Video: true, VideoInterval: -1}, "video_interval", "want 1 to 60"}, {Spec{Video: true, VideoInterval: 61}, "video_interval", "want 1 to 60"},
	} {
		complains(t, bad.spec.Check(&c), Invalid, bad.field, bad.says)
	}
}

func TestVideoAtItsEdges(t *testing.T) {
	c := DefaultConfig()
	for _, good := range []Spec{
		{Video: true, Port: 65532}, {Video: true, VideoBitrate: MinVideoBitrate, VideoInterval: MinVideoInterval},
		{Video: true, VideoBitrate: MaxVideoBitrate, VideoInterval: MaxVideoInterval},
	} {
		if err := good.Check(&c); err != nil {
			t.Errorf("%+v: %v", good, err)
		}
	}
	if s := (Spec{Video: true}).Filled(); s.VideoBitrate != 1_000_000 || s.VideoInterval != 5 {
		t.Errorf("%+v", s)
	}
	if s := (Spec{}).Filled(); s.VideoBitrate != 0 || s.VideoInterval != 0 {
		t.Errorf("%+v", s)
	}
}

func TestConfigAtItsEdges(t *testing.T) {
	for _, bad := range []struct {
		field string
		spoil func(*Config)
	}{
		{"ports", func(c *Config) { c.Ports = [2]int{1023, 2000} }},
		{"ports", func(c *Config) { c.Ports = [2]int{10001, 10002} }},
		{"ports", func(c *Config) { c.Ports = [2]int{10000, 65536} }},
		{"max_ttl", func(c *Config) { c.MaxTTL = 0 }},
		{"max_ttl", func(c *Config) { c.MaxTTL = 256 }},
		{"interface", func(c *Config) { c.Interface = "no/name" }},
		{"source", func(c *Config) { c.Source = address(t, "239.255.1.1") }},
		{"feedback_share", func(c *Config) { c.FeedbackShare = 0.11 }},
		{"repair_share", func(c *Config) { c.RepairShare = -0.1 }},
		{"pool_asm4", func(c *Config) { c.Pools.ASM4 = mustPool("10.0.0.0/8") }},
		{"pool_asm4", func(c *Config) { c.Pools.ASM4 = mustPool("224.0.0.0/4") }},
		{"pool_asm4", func(c *Config) { c.Pools.ASM4 = mustPool("239.255.0.0-239.255.255.0") }},
		{"pool_ssm4", func(c *Config) { c.Pools.SSM4 = mustPool("232.0.0.0/8") }},
		{"pool_asm6", func(c *Config) { c.Pools.ASM6 = mustPool("239.0.0.0/24") }},
		{"pool_ssm6", func(c *Config) { c.Pools.SSM6 = mustPool("ff35::/97") }},
	} {
		c := DefaultConfig()
		bad.spoil(&c)
		complains(t, c.Check(), Invalid, bad.field, "want")
	}
	c := DefaultConfig()
	c.Ports = [2]int{65534, 65535}
	c.Pools.ASM4 = mustPool("224.0.0.0/4 !224.0.0.0/23 !224.2.127.254/31 !232.0.0.0/8 !239.195.255.0/24 !239.255.255.0/24")
	if err := c.Check(); err != nil {
		t.Error(err)
	}
}

func TestFormatAndBandwidth(t *testing.T) {
	c := DefaultConfig()
	for codec, want := range map[string]struct {
		format    media.Codec
		pt        uint8
		time      time.Duration
		bandwidth int
	}{
		"opus": {media.Opus, 96, 20 * time.Millisecond, 8 * (80 + 12 + 4 + 4 + 4 + 28) * 50},
		"pcmu": {media.PCMU, 0, 20 * time.Millisecond, 8 * (160 + 12 + 4 + 4 + 4 + 28) * 50},
		"l16":  {media.L16, 97, 10 * time.Millisecond, 8 * (960 + 12 + 4 + 4 + 4 + 28) * 100},
	} {
		s := Spec{Codec: codec}.Filled()
		f := s.format(&c)
		if f.Codec != want.format || f.PacketTime != want.time || codecs[codec].pt != want.pt {
			t.Errorf("%s: %+v", codec, f)
		}
		if got := bandwidth(f, s); got != want.bandwidth {
			t.Errorf("%s: %d bit/s, want %d", codec, got, want.bandwidth)
		}
	}
	own := media.Format{Codec: media.PCMU, ClockRate: 8000, SampleRate: 8000, Channels: 1}
	c.Formats = map[media.Codec]media.Format{media.PCMU: own}
	if f := (Spec{Codec: "pcmu", PacketTime: 40}).format(&c); f.PacketTime != 40*time.Millisecond {
		t.Errorf("a configured format lasts %v", f.PacketTime)
	}
}

func TestSpecAsJSON(t *testing.T) {
	if b, err := json.Marshal(Spec{}); err != nil || string(b) != "{}" {
		t.Errorf("an empty spec is %s, %v", b, err)
	}
	var s Spec
	if err := json.Unmarshal([]byte(`{"mode":"ssm","group":"232.1.2.3","ptime":40}`), &s); err != nil ||
		s != (Spec{Mode: SourceSpecific, Group: address(t, "232.1.2.3"), PacketTime: 40}) {
		t.Errorf("%+v, %v", s, err)
	}
	b, err := json.Marshal(Place{Group: s.Group, Port: 10000})
	if err != nil || string(b) != `{"group":"232.1.2.3","port":10000}` {
		t.Errorf("%s, %v", b, err)
	}
}
