package api

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/confd/confd/multicast"
	"github.com/confd/confd/rooms"
)

// newGroups is a host whose groups stay on this machine.
func newGroups(t testing.TB) *multicast.Host {
	t.Helper()
	c := multicast.DefaultConfig()
	c.Interface, c.Source = "lo", netip.MustParseAddr("127.0.0.1")
	c.Pools.SSM6 = multicast.Pool{}
	h, err := multicast.NewHost(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return h
}

func groupBench(t *testing.T) *bench {
	groups := newGroups(t)
	return newBench(t, func(c *Config, rc *rooms.Config) {
		rc.Groups = groups
		c.Keys = newRing(t, []Key{
			{ID: "eye", Scope: ScopeRead, Hash: HashKey("eye")}, {ID: "ear", Scope: ScopeListen, Hash: HashKey("ear")},
			{ID: "desk", Scope: ScopeControl, Hash: HashKey("desk")},
		}, &fakeKeys{kept: map[string]Key{}})
	})
}

// The setting is merged, field by field.
func TestMulticastSetting(t *testing.T) {
	b := groupBench(t)
	var r Room
	b.want(201, "POST", "/v1/rooms", `{"id":"a"}`, &r)
	if r.Multicast != nil || r.MulticastGroup != nil {
		t.Errorf("%+v %+v", r.Multicast, r.MulticastGroup)
	}
	patch := func(body string) (m Multicast, g MulticastGroup) {
		t.Helper()
		r := Room{}
		b.want(200, "PATCH", "/v1/rooms/a", body, &r)
		if r.Multicast == nil || r.MulticastGroup == nil {
			t.Fatalf("%s: %+v %+v", body, r.Multicast, r.MulticastGroup)
		}
		return *r.Multicast, *r.MulticastGroup
	}
	want := Multicast{Mode: "asm", Family: 4, TTL: 1, Codec: "opus", PacketTime: 20, Offer: "asked"}
	first, group := patch(`{"multicast":{}}`)
	if first != want || !strings.HasPrefix(group.Group, "239.255.") || group.Port%2 != 0 || group.Source != "127.0.0.1" || group.Sending || group.SDPVersion == 0 {
		t.Errorf("%+v %+v", first, group)
	}
	want.Codec, want.Redundancy, want.Group = "pcmu", 2, "239.255.3.4"
	if m, g := patch(`{"multicast":{"codec":"pcmu","redundancy":2,"group":"239.255.3.4"}}`); m != want || g.Group != want.Group || g.SDPVersion <= group.SDPVersion {
		t.Errorf("%+v %+v", m, g)
	}
	want.Codec, want.Group = "opus", ""
	if m, g := patch(`{"multicast":{"codec":null,"group":null}}`); m != want || !strings.HasPrefix(g.Group, "239.255.") {
		t.Errorf("%+v %+v", m, g)
	}
	for body, field := range map[string]string{
		`{"multicast":{"ttl":200}}`: "multicast.ttl", `{"multicast":{"group":"1.2.3.4"}}`: "multicast.group", `{"multicast":{"group":"x"}}`: "multicast.group",
		`{"multicast":{"codec":"mp3"}}`: "multicast.codec", `{"multicast":{"colour":1}}`: "multicast.colour", `{"multicast":7}`: "multicast",
		`{"multicast":{"port":5001}}`: "multicast.port", `{"multicast":{"codec":"l16","ptime":60}}`: "multicast.ptime",
	} {
		if p := wantProblem(t, b.do("PATCH", "/v1/rooms/a", body), 422, "invalid"); p.Field != field {
			t.Errorf("%s: field %q, want %q: %s", body, p.Field, field, p.Detail)
		}
	}
	r = Room{}
	if b.want(200, "PATCH", "/v1/rooms/a", `{"multicast":null}`, &r); r.Multicast != nil || r.MulticastGroup != nil {
		t.Errorf("%+v %+v", r.Multicast, r.MulticastGroup)
	}
	wantProblem(t, b.do("GET", "/v1/rooms/a/multicast.sdp", ""), 404, "not_found")
}

// The key is for those who may listen; the ETag is the version.
func TestMulticastDescription(t *testing.T) {
	b := groupBench(t)
	b.want(201, "POST", "/v1/rooms", `{"id":"a","name":"Town hall","multicast":{"srtp":true}}`, nil)
	read := func(key string) (sdp, tag string) {
		t.Helper()
		w := b.want(200, "GET", "/v1/rooms/a/multicast.sdp", "", nil, "Authorization", "Bearer "+key)
		if c := w.Header().Get("Content-Type"); c != "application/sdp" {
			t.Errorf("type %q", c)
		}
		return w.Body.String(), w.Header().Get("ETag")
	}
	for key, knows := range map[string]bool{"eye": false, "ear": true, "desk": true} {
		sdp, _ := read(key)
		if !strings.HasPrefix(sdp, "v=0\r\n") || !strings.Contains(sdp, "s=Town hall\r\n") || strings.Contains(sdp, "a=crypto:") != knows {
			t.Errorf("%s reads %s", key, sdp)
		}
	}
	before, tag := read("ear")
	w := b.do("POST", "/v1/rooms/a/multicast/rekey", "", "Authorization", "Bearer ear")
	wantProblem(t, w, 403, "forbidden")
	var r Room
	b.want(200, "POST", "/v1/rooms/a/multicast/rekey", "", &r)
	if after, now := read("ear"); after == before || now == tag || now != etag(r.MulticastGroup.SDPVersion) || r.MulticastGroup.Rekeyed != 1 {
		t.Errorf("%s, then %s of %+v", tag, now, r.MulticastGroup)
	}
}
