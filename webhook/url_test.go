package webhook

import (
	"net/netip"
	"strings"
	"testing"
)

var urlCases = []struct {
	url string
	ok  bool
}{
	{"https://example.com/hook", true}, {"https://example.com", true}, {"https://example.com.:443/", true},
	{"https://a_b.example.com/x?token=1%20", true}, {"https://example.com:8443/", true}, {"HTTPS://EXAMPLE.com/", true},
	{"https://8.8.8.8/x", true}, {"https://[2606:4700::1111]:443/", true}, {"https://xn--bcher-kva.example/", true},
	{"https://3com.example/", true}, {"https://0xcafe.example/", true},

	{"", false}, {"example.com/hook", false}, {"//example.com/", false}, {"/hook", false}, {"https:", false},
	{"https:example.com", false}, {"https://", false}, {"https:///x", false}, {"https://:443/", false},
	{"http://example.com/", false}, {"ftp://example.com/", false}, {"file:///etc/passwd", false}, {"gopher://example.com/", false},
	{"https://user@example.com/", false}, {"https://user:pass@example.com/", false}, {"https://@example.com/", false},
	{"https://example.com/#x", false}, {"https://example.com:/", false}, {"https://example.com:0/", false},
	{"https://example.com:22/", false}, {"https://example.com:25/", false}, {"https://example.com:1023/", false},
	{"https://example.com:1024/", true}, {"https://example.com:65535/", true}, {"https://example.com:65536/", false},
	{"https://example.com:0443/", false}, {"https://example.com:5060/", false}, {"https://example.com:5061/", false},
	{"https://example.com:6000/", false}, {"https://example.com:-1/", false}, {"https://example.com:x/", false},
	{"https://bücher.example/", false}, {"https://example.com/ü", false}, {"https://example.com/a b", false},
	{"https://example.com/\n", false}, {"https://exa\tmple.com/", false}, {"https://example..com/", false},
	{"https://-a.example/", false}, {"https://a-.example/", false}, {"https://exa%6dple.com/", false}, {"https://exa%00mple.com/", false},
	{"https://127.0.0.1/", false}, {"https://10.0.0.1/", false}, {"https://127.1/", false}, {"https://2130706433/", false},
	{"https://0x7f.1/", false}, {"https://0x7f000001/", false}, {"https://0177.0.0.1/", false}, {"https://127.0.0.1./", false},
	{"https://1.2.3.4.5/", false}, {"https://example.123/", false}, {"https://[::1]/", false}, {"https://[::ffff:8.8.8.8]/", false},
	{"https://[fe80::1%25eth0]/", false}, {"https://[2606:4700::1111%25eth0]/", false}, {"https://[::]/", false},
	{"https://localhost/", false}, {"https://LOCALHOST./", false}, {"https://x.localhost/", false}, {"https://notlocalhost/", true},
	{"https://169.254.169.254/latest/meta-data", false},
	{"https://" + strings.Repeat("a", 63) + ".example/", true}, {"https://" + strings.Repeat("a", 64) + ".example/", false},
	{"https://example.com/" + strings.Repeat("a", MaxURL-20), true}, {"https://example.com/" + strings.Repeat("a", MaxURL-19), false},
}

func TestURLsOfEndpoints(t *testing.T) {
	for _, c := range urlCases {
		_, err := policy{}.parseURL(c.url)
		if (err == nil) != c.ok {
			t.Errorf("%s: %v, want ok %v", clip(c.url, 100), err, c.ok)
		}
		if err != nil && (CodeOf(err) != Invalid || err.(*Error).Field != "url") {
			t.Errorf("%s: %#v", c.url, err)
		}
	}
}

func TestConfigurationAllowsMoreURLs(t *testing.T) {
	open := policy{allowHTTP: true, allowed: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	for _, url := range []string{"http://example.com/", "http://127.0.0.1:8080/", "https://localhost:9000/", "https://127.0.0.1/"} {
		if _, err := open.parseURL(url); err != nil {
			t.Errorf("%s: %v", url, err)
		}
		if _, err := (policy{}).parseURL(url); err == nil {
			t.Errorf("%s passes without having been allowed", url)
		}
	}
}

func FuzzParseURL(f *testing.F) {
	for _, c := range urlCases {
		f.Add(c.url)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := policy{}.parseURL(raw)
		if err != nil {
			if CodeOf(err) != Invalid {
				t.Errorf("%q: code %q", raw, CodeOf(err))
			}
			return
		}
		if u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != "" {
			t.Errorf("%q passes as %#v", raw, u)
		}
		if a, err := netip.ParseAddr(strings.TrimSuffix(u.Hostname(), ".")); err == nil && checkAddress(a, nil) != nil {
			t.Errorf("%q passes with the address %s", raw, a)
		}
		if _, err := (policy{}).parseURL(u.String()); err != nil && len(u.String()) <= MaxURL {
			t.Errorf("%q passes, what it is read as, %q, does not: %v", raw, u, err)
		}
	})
}
