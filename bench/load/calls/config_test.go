package calls

import (
	"net"
	"net/netip"
	"testing"
	"time"
)

func TestConfigsThatCannotBe(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"transport":        func(c *Config) { c.Transport = "tls" },
		"no server":        func(c *Config) { c.Server = netip.AddrPort{} },
		"no port":          func(c *Config) { c.Server = netip.MustParseAddrPort("127.0.0.1:0") },
		"two families":     func(c *Config) { c.Local = netip.MustParseAddr("::1") },
		"too many lines":   func(c *Config) { c.Lines = maxLines + 1 },
		"negative lines":   func(c *Config) { c.Lines = -1 },
		"negative timeout": func(c *Config) { c.Timeouts.Answer = -1 },
		"password only":    func(c *Config) { c.Password = "x" },
		"a line in a name": func(c *Config) { c.From = "a\r\nX: y" },
		"a host in a name": func(c *Config) { c.From = "a@b" },
		"a line in agent":  func(c *Config) { c.UserAgent = "a\nb" },
		"not our address":  func(c *Config) { c.Local = netip.MustParseAddr("192.0.2.1") },
	} {
		c := Config{Server: netip.MustParseAddrPort("127.0.0.1:5060")}
		change(&c)
		if a, err := Open(c); err == nil {
			t.Errorf("%s is accepted", name)
			a.Close()
		}
	}
	c := Config{Server: netip.MustParseAddrPort("127.0.0.1:5060"), Lines: maxLines}
	if err := c.complete(); err != nil {
		t.Errorf("%d lines: %v", maxLines, err)
	}
	if o := c.Timeouts; o.Request != 32*time.Second || o.Trying != 10*time.Second || o.Answer != 30*time.Second {
		t.Errorf("%+v is not what is documented", o)
	}
}

func TestHostOf(t *testing.T) {
	for uri, want := range map[string]string{
		"sip:room@example.org":              "example.org 5060",
		"SIP:room:pw@10.0.0.1:5070;x=y?z=1": "10.0.0.1 5070",
		"sip:10.0.0.1;transport=udp":        "10.0.0.1 5060",
		"sip:a@[2001:db8::1]:5062":          "2001:db8::1 5062",
		"sip:a@[2001:db8::1]":               "2001:db8::1 5060",
		"sips:a@b":                          "", "tel:1": "", "a@b": "", "sip:": "", "sip:a@": "", "sip:a@b:0": "",
		"sip:a@b:65536": "", "sip:a b@c": "", "sip:a@2001:db8::1": "", "sip:a@b>": "",
	} {
		host, port, err := hostOf(uri)
		got := host + " " + netip.AddrPortFrom(netip.IPv4Unspecified(), port).String()[len("0.0.0.0:"):]
		if want == "" && err == nil || want != "" && got != want {
			t.Errorf("%s: %s, %v; want %q", uri, got, err, want)
		}
	}
}

func TestResolve(t *testing.T) {
	got, err := Resolve(deadline(t), "sip:room@127.0.0.1:5070")
	if err != nil || got != netip.MustParseAddrPort("127.0.0.1:5070") {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := Resolve(deadline(t), "sip:room@nowhere.invalid"); err == nil {
		t.Error("a name that does not exist is found")
	}
}

// Where requests within a call go: what the server wrote, if that can be reached from here.
func TestNextHop(t *testing.T) {
	for _, test := range [][3]string{
		{"sip:a@198.51.100.1:5070", "198.51.100.9:5060", "198.51.100.1:5070"},
		{"sip:a@198.51.100.1", "198.51.100.9:5080", "198.51.100.1:5060"},
		{"sip:a@10.0.0.1", "198.51.100.9:5080", "198.51.100.9:5080"},
		{"sip:a@10.0.0.1", "10.0.0.2:5080", "10.0.0.1:5060"},
		{"sip:a@127.0.0.1", "10.0.0.2:5080", "10.0.0.2:5080"},
		{"sip:a@0.0.0.0", "10.0.0.2:5080", "10.0.0.2:5080"},
		{"sip:a@[2001:db8::1]", "10.0.0.2:5080", "10.0.0.2:5080"},
		{"sip:a@pbx.invalid", "10.0.0.2:5080", "10.0.0.2:5080"},
		{"nonsense", "10.0.0.2:5080", "10.0.0.2:5080"},
	} {
		if got := nextHop(test[0], netip.MustParseAddrPort(test[1])); got.String() != test[2] {
			t.Errorf("%s at %s: %v, want %s", test[0], test[1], got, test[2])
		}
	}
}

// ICMP tells over IPv6, too, and addresses have their brackets.
func TestIPv6(t *testing.T) {
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv6loopback})
	if err != nil {
		t.Skipf("no IPv6: %v", err)
	}
	nobody := conn.LocalAddr().(*net.UDPAddr).AddrPort()
	conn.Close()
	a := open(t, nobody)
	o := someOffer()
	o.Media = netip.MustParseAddrPort("[::1]:3000")
	_, err = a.Call(deadline(t), "sip:room@"+nobody.String(), o)
	wantCause(t, err, Refused, "refused")
	if got := a.lines[0].from("x", "t"); got != "<sip:x@[::1]>;tag=t" {
		t.Errorf("From %s", got)
	}
}
