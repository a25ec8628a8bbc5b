package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/confd/confd/api"
	"github.com/confd/confd/internal/testkit/leak"
)

func TestParseKey(t *testing.T) {
	hash, _ := api.HashKey("secret").MarshalText()
	k, err := parseKey("crm:control:" + string(hash) + ":Sales+support")
	if err != nil || k.Name != "crm" || k.Scope != api.ScopeControl || k.Hash != api.HashKey("secret") || len(k.Rooms) != 2 || k.Rooms[0] != "sales" {
		t.Errorf("%+v, %v", k, err)
	}
	for _, bad := range []string{"", "crm", "crm:control", ":control:" + string(hash), "crm:all:" + string(hash), "crm:read:" + string(hash)[2:], "crm:read:" + string(hash) + ":a b", "crm:read:" + string(hash) + ":a:b"} {
		if _, err := parseKey(bad); err == nil {
			t.Errorf("%q is taken", bad)
		} else if !strings.Contains(err.Error(), "right") && !strings.Contains(err.Error(), "name") {
			t.Errorf("%q: %v does not say what would be right", bad, err)
		}
	}
}

func TestHTTPConfig(t *testing.T) {
	hash, _ := api.HashKey("secret").MarshalText()
	key := "crm:control:" + string(hash)
	for _, c := range []struct {
		http HTTPConfig
		want string // of the error; "" for none
	}{
		{HTTPConfig{Listen: "127.0.0.1:0"}, ""},
		{HTTPConfig{Listen: "0.0.0.0:8080"}, "http.listen"},
		{HTTPConfig{Listen: "0.0.0.0:8080", Keys: []string{key}}, ""},
		{HTTPConfig{Listen: "127.0.0.1:0", Keys: []string{"x"}}, "http.keys"},
		{HTTPConfig{Listen: "127.0.0.1:0", RequireKey: true}, "http.require_key"},
		{HTTPConfig{Listen: "127.0.0.1:0", RequireKey: true, Keys: []string{key}}, ""},
		{HTTPConfig{Listen: "127.0.0.1:0", TLSCert: "x"}, "http.tls_cert"},
		{HTTPConfig{Listen: "127.0.0.1:0", CORS: []string{"*", "https://app.example", "http://localhost:3000"}}, ""},
		{HTTPConfig{Listen: "127.0.0.1:0", CORS: []string{"https://app.example/"}}, "http.cors"},
		{HTTPConfig{Listen: "127.0.0.1:0", CORS: []string{"app.example"}}, "http.cors"},
	} {
		var w wrongs
		c.http.check(&w)
		if err := c.http.checkKeys(len(c.http.keys())); err != nil {
			w = append(w, err)
		}
		if got := len(w); (got == 0) != (c.want == "") || got > 0 && !strings.Contains(w[0].Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.http, w, c.want)
		}
	}
}

func TestHTTPLimitsConfig(t *testing.T) {
	for _, c := range []struct {
		limits HTTPLimitsConfig
		want   string // of the error; "" for none
	}{
		{HTTPLimitsConfig{2, 1}, ""},
		{HTTPLimitsConfig{1_000_000, 999_999}, ""},
		{HTTPLimitsConfig{1, 1}, "http.limits.connections: 1 is wrong; right is 2 to 1000000"},
		{HTTPLimitsConfig{1_000_001, 1}, "http.limits.connections"},
		{HTTPLimitsConfig{10, 0}, "http.limits.event_streams: 0 is wrong; right is 1 to 9"},
		{HTTPLimitsConfig{10, 10}, "http.limits.event_streams: 10 is wrong; right is 1 to 9"},
	} {
		var w wrongs
		c.limits.check(&w)
		if (len(w) == 0) != (c.want == "") || len(w) > 0 && !strings.Contains(w[0].Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.limits, w, c.want)
		}
	}
}

// The limits of HTTP arrive: the second event stream is one too many, and commands that ask
// for it say so.
func TestHTTPLimits(t *testing.T) {
	leak.Check(t)
	r := start(t, []string{"CONFD_HTTP_LIMITS_EVENT_STREAMS=1", "CONFD_HTTP_LIMITS_CONNECTIONS=4", "CONFD_STORE_PATH="}, "--sip", "udp:127.0.0.1:0")
	resp, err := http.Get("http://" + r.HTTP.String() + "/v1/events")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if status, _, stderr := run(r.HTTP.String(), "events"); status != 1 || !strings.Contains(stderr, "1 event streams are open") {
		t.Errorf("status %d %q", status, stderr)
	}
	resp.Body.Close()
	r.end()
}
