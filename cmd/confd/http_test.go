package main

import (
	"strings"
	"testing"

	"github.com/confd/confd/api"
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
