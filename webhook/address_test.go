package webhook

import (
	"net/netip"
	"strings"
	"testing"
)

func TestOnlyPublicAddressesAreServed(t *testing.T) {
	for addr, word := range map[string]string{
		"8.8.8.8": "", "1.0.0.0": "", "9.255.255.255": "", "11.0.0.0": "", "100.63.255.255": "", "100.128.0.0": "",
		"126.255.255.255": "", "128.0.0.0": "", "172.15.255.255": "", "172.32.0.0": "", "192.167.255.255": "",
		"223.255.255.255": "", "2001:200::1": "", "2606:4700::1111": "", "2a00:1450::1": "", "3ffe::1": "",

		"10.0.0.0": "private", "10.255.255.255": "private", "172.16.0.1": "private", "172.31.255.255": "private",
		"192.168.1.1": "private", "fc00::1": "private", "fdff::1": "private", "fec0::1": "private",
		"127.0.0.1": "loopback", "127.255.255.254": "loopback", "::1": "loopback",
		"169.254.169.254": "link-local", "fe80::1": "link-local", "fe80::1%lo": "link-local",
		"100.64.0.0": "carrier NAT", "100.127.255.255": "carrier NAT",
		"0.0.0.0": "unspecified", "0.1.2.3": "unspecified", "::": "unspecified",
		"224.0.0.1": "multicast", "239.255.255.255": "multicast", "ff02::1": "multicast", "ff0e::1": "multicast",
		"240.0.0.1": "reserved", "255.255.255.255": "reserved", "192.0.0.8": "reserved", "192.88.99.1": "reserved",
		"198.18.0.1": "reserved", "2001::1": "reserved", "2001:1ff::": "reserved",
		"192.0.2.1": "documentation", "198.51.100.7": "documentation", "203.0.113.9": "documentation",
		"2001:db8::1": "documentation", "3fff::1": "documentation",
		"::ffff:127.0.0.1": "IPv4-mapped", "::ffff:8.8.8.8": "IPv4-mapped",
		"64:ff9b::7f00:1": "NAT64", "64:ff9b:1::1": "NAT64", "2002:7f00:1::": "6to4",
		"::127.0.0.1": "not global", "100::1": "not global", "4000::1": "not global", "5f00::1": "reserved",
	} {
		err := checkAddress(netip.MustParseAddr(addr), nil)
		switch {
		case word == "" && err != nil:
			t.Errorf("%s is refused: %v", addr, err)
		case word != "" && err == nil:
			t.Errorf("%s is served, want it refused as %s", addr, word)
		case word != "" && !strings.Contains(err.Error(), word):
			t.Errorf("%s: %q, want it refused as %s", addr, err, word)
		}
	}
	if checkAddress(netip.Addr{}, nil) == nil {
		t.Error("no address at all is served")
	}
}

func TestAllowedNetworksAreServed(t *testing.T) {
	allowed := []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00::/8"), netip.MustParsePrefix("127.0.0.1/32")}
	for addr, want := range map[string]bool{
		"10.1.2.3": true, "10.2.0.1": false, "fd12::1": true, "fc12::1": false, "127.0.0.1": true, "127.0.0.2": false,
		"::ffff:127.0.0.1": false, "::ffff:10.1.2.3": false, "8.8.8.8": true,
	} {
		if err := checkAddress(netip.MustParseAddr(addr), allowed); (err == nil) != want {
			t.Errorf("%s: %v, want served %v", addr, err, want)
		}
	}
}
