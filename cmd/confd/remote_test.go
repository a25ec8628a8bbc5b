package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/confd/confd/internal/testkit/leak"
	"github.com/confd/confd/internal/testkit/phone"
)

// run runs a command line against a server.
func run(server string, args ...string) (status int, stdout, stderr string) {
	var out, err buffer
	m := &Main{Args: args, Env: []string{"CONFD_SERVER=" + server}, Stdout: &out, Stderr: &err}
	status = m.Run(context.Background())
	return status, out.String(), err.String()
}

// asked is what a scripted server was asked.
type asked struct {
	line string // method and path with query
	body string
	key  string
}

// scripted answers every request alike and notes the last one.
func scripted(t *testing.T, status int, answer string) (string, *asked) {
	t.Helper()
	last := &asked{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		*last = asked{r.Method + " " + r.URL.RequestURI(), string(body), r.Header.Get("Authorization")}
		w.WriteHeader(status)
		io.WriteString(w, answer)
	}))
	t.Cleanup(s.Close)
	return s.URL, last
}

// Each command line makes the request that it stands for.
func TestRemoteCommandsAsk(t *testing.T) {
	for _, c := range []struct{ args, line, body string }{
		{"rooms", "GET /v1/rooms?limit=500", ""},
		{"rooms list --prefix team-", "GET /v1/rooms?id_prefix=team-&limit=500", ""},
		{"rooms show a/b", "GET /v1/rooms/a%2Fb", ""},
		{"rooms show ..", "GET /v1/rooms/%2E%2E", ""},
		{"rooms create", "POST /v1/rooms", `{}`},
		{"rooms create x --locked --empty-timeout 5m --metadata {\"a\":1}", "POST /v1/rooms", `{"empty_timeout":300,"id":"x","locked":true,"metadata":{"a":1}}`},
		{"rooms set x --no-locked --talkers 4", "PATCH /v1/rooms/x", `{"locked":false,"talkers":4}`},
		{"rooms create x --multicast", "POST /v1/rooms", `{"id":"x","multicast":{}}`},
		{"rooms set x --no-multicast", "PATCH /v1/rooms/x", `{"multicast":null}`},
		{"rooms set x --multicast-mode ssm --multicast-family 6 --multicast-group ff35::8000:1 --multicast-port 5004 --multicast-ttl 2 --multicast-interface eth0", "PATCH /v1/rooms/x",
			`{"multicast":{"family":6,"group":"ff35::8000:1","interface":"eth0","mode":"ssm","port":5004,"ttl":2}}`},
		{"rooms set x --multicast --multicast-codec pcmu --multicast-ptime 20 --multicast-redundancy 1 --multicast-srtp --no-multicast-announce --multicast-offer always", "PATCH /v1/rooms/x",
			`{"multicast":{"announce":false,"codec":"pcmu","offer":"always","ptime":20,"redundancy":1,"srtp":true}}`},
		{"rooms set x --no-video", "PATCH /v1/rooms/x", `{"video":{"enabled":false}}`},
		{"rooms set x --video-policy fixed --video-codecs vp8,h264 --video-max-bitrate 1000000 --video-hold 500ms", "PATCH /v1/rooms/x",
			`{"video":{"codecs":["vp8","h264"],"hold":0.5,"max_bitrate":1000000,"policy":"fixed"}}`},
		{"rooms set x --video --video-codecs all", "PATCH /v1/rooms/x", `{"video":{"codecs":[],"enabled":true}}`},
		{"rooms rekey x", "POST /v1/rooms/x/multicast/rekey", ""},
		{"rooms delete x --reason bye", "DELETE /v1/rooms/x?reason=bye", ""},
		{"participants x", "GET /v1/rooms/x/participants?limit=500", ""},
		{"participants list list", "GET /v1/rooms/list/participants?limit=500", ""},
		{"participants show x id", "GET /v1/rooms/x/participants/id", ""},
		{"participants set x id --muted --no-deaf --input-gain=-3.5", "PATCH /v1/rooms/x/participants/id", `{"deaf":false,"input_gain":-3.5,"muted":true}`},
		{"participants set x id --hears everyone --heard-by nobody --groups none", "PATCH /v1/rooms/x/participants/id", `{"groups":[],"heard_by":[],"hears":null}`},
		{"participants set x id --hears a,group:b --groups c,d", "PATCH /v1/rooms/x/participants/id", `{"groups":["c","d"],"hears":["a","group:b"]}`},
		{"participants set x id --delivery multicast", "PATCH /v1/rooms/x/participants/id", `{"delivery":"multicast"}`},
		{"participants set x id --video-muted --no-video-stopped --video-low --video-pin b", "PATCH /v1/rooms/x/participants/id",
			`{"video_low":true,"video_muted":true,"video_pin":"b","video_stopped":false}`},
		{"participants remove x id", "DELETE /v1/rooms/x/participants/id", ""},
		{"participants move x id y", "POST /v1/rooms/x/participants/id/move", `{"room":"y"}`},
		{"participants dial x sip:a@127.0.0.1 --from b --timeout 30s --header X-A=1;2 --header X-B=3 --muted", "POST /v1/rooms/x/participants",
			`{"from":"b","headers":{"X-A":"1;2","X-B":"3"},"muted":true,"timeout":30,"to":"sip:a@127.0.0.1"}`},
		{"participants dial x tel:1 --username u --caller-name n", "POST /v1/rooms/x/participants", `{"caller_name":"n","to":"tel:1","username":"u"}`},
		{"calls", "GET /v1/calls?limit=50", ""},
		{"calls --outcome busy --direction outbound --uri sip:a@b --conference c", "GET /v1/calls?conference=c&direction=outbound&limit=50&outcome=busy&uri=sip%3Aa%40b", ""},
		{"calls show id", "GET /v1/calls/id", ""},
		{"conferences --limit 0", "GET /v1/conferences?limit=500", ""},
		{"conferences show id", "GET /v1/conferences/id", ""},
		{"announcements x", "GET /v1/rooms/x/announcements", ""},
		{"announcements play x a.wav --to group:g --loop --gain=-3", "POST /v1/rooms/x/announcements", `{"file":"a.wav","gain":-3,"loop":true,"to":["group:g"]}`},
		{"announcements stop x id", "DELETE /v1/rooms/x/announcements/id", ""},
		{"sounds", "GET /v1/sounds", ""},
		{"sounds delete a.wav", "DELETE /v1/sounds/a.wav", ""},
		{"webhooks", "GET /v1/webhooks", ""},
		{"webhooks show id", "GET /v1/webhooks/id", ""},
		{"webhooks create https://a.example --kinds digit,room. --room x --room y --description d", "POST /v1/webhooks",
			`{"description":"d","kinds":["digit","room."],"rooms":["x","y"],"url":"https://a.example"}`},
		{"webhooks test id", "POST /v1/webhooks/id/test", ""},
		{"webhooks delete id", "DELETE /v1/webhooks/id", ""},
		{"drain", "POST /v1/drain", `{}`},
		{"drain --timeout 10m --reason maintenance", "POST /v1/drain", `{"reason":"maintenance","timeout":600}`},
		{"drain --show", "GET /v1/drain", ""},
		{"log", "GET /v1/log", ""},
		{"log debug", "PATCH /v1/log", `{"level":"debug"}`},
		{"calls --room x --from 2026-03-01T00:00:00Z --limit 2", "GET /v1/calls?from=2026-03-01T00%3A00%3A00Z&limit=2&room=x", ""},
	} {
		answer := `{"rooms":[],"participants":[],"calls":[],"conferences":[],"announcements":[],"sounds":[],"webhooks":[],"delivered":true}`
		if strings.HasPrefix(c.args, "drain") {
			answer = `{"participants":3}`
		}
		server, last := scripted(t, 200, answer)
		status, _, stderr := run(server, append(strings.Fields(c.args), "--key", "secret")...)
		if status != 0 || last.line != c.line || last.body != c.body || last.key != "Bearer secret" {
			t.Errorf("%s: status %d %s\nasked %+v\nwant  %s %s", c.args, status, stderr, last, c.line, c.body)
		}
	}
}

// What a server refuses is one line, and status 1; what makes no sense is status 2.
func TestRemoteErrors(t *testing.T) {
	problem := `{"type":"urn:confd:problem:invalid","title":"Unprocessable Entity","status":422,"detail":"talkers: expected number <= 64\u001b[2J","field":"talkers"}`
	for _, c := range []struct {
		status int
		answer string
		args   string
		exit   int
		want   string
	}{
		{422, problem, "rooms set x --talkers 65", 1, "confd: talkers: expected number <= 64?[2J (422 invalid)\n"},
		{422, `{"type":"urn:confd:problem:invalid","detail":"a","errors":[{"location":"body.a","detail":"one"},{"location":"body.b","detail":"two"}]}`,
			"rooms create", 1, "confd: a: one; b: two (422 invalid)\n"},
		{401, `{"type":"urn:confd:problem:unauthorized","detail":"a key is wanted"}`, "rooms", 1, "confd: a key is wanted; --key or CONFD_KEY gives it (401 unauthorized)\n"},
		{502, "<html>", "rooms", 1, "confd: the server, or something before it, says Bad Gateway (502)\n"},
		{200, "<html>", "rooms", 1, "is it a confd?\n"},
		{200, `{"rooms":7}`, "rooms", 1, "no list of rooms"},
		{200, "[" + strings.Repeat(" ", 16<<20) + "]", "rooms", 1, "more than 16 MiB"},
		{404, `{"type":"urn:confd:problem:not_found","detail":"x"}`, "calls", 1, "keeps no records"},
		{200, `{}`, "rooms set x", 2, "nothing to change"},
		{200, `{}`, "rooms set x --no-multicast --multicast-srtp", 2, "--no-multicast leaves no group"},
		{200, `{}`, "rooms create --metadata {", 2, "is no JSON"},
		{200, `{}`, "rooms --server ftp://x", 2, "right is something like http://127.0.0.1:8080"},
		{200, `{}`, "rooms --key a\tb", 2, "no key has"},
		{200, `{}`, "participants dial x sip:a --password-file /nonexistent/x", 1, "--password-file"},
		{200, `{}`, "participants", 2, "room"},
		{200, `{}`, "calls --limit=-1", 2, "--limit"},
		{200, `{"id":"p"}`, "sounds upload /nonexistent/x", 1, "/nonexistent/x"},
		{422, problem, "events", 1, "talkers: expected number <= 64?[2J (422 invalid)"},
	} {
		server, _ := scripted(t, c.status, c.answer)
		status, stdout, stderr := run(server, strings.Split(c.args, " ")...)
		if status != c.exit || stdout != "" || !strings.Contains(stderr, c.want) || c.exit == 1 && strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: status %d, %q and %q; want %d and %q", c.args, status, stdout, stderr, c.exit, c.want)
		}
	}
}

// A key goes to no other server than the one that was named.
func TestKeyIsNotRedirected(t *testing.T) {
	other, last := scripted(t, 200, `{"rooms":[]}`)
	s := httptest.NewServer(http.RedirectHandler(other, http.StatusTemporaryRedirect))
	defer s.Close()
	status, _, stderr := run(s.URL, "rooms", "--key", "secret")
	if status != 1 || !strings.Contains(stderr, other) || last.line != "" {
		t.Errorf("status %d %q; the other was asked %+v", status, stderr, last)
	}
}

func TestNoServer(t *testing.T) {
	s := httptest.NewServer(nil)
	s.Close()
	if status, _, stderr := run(s.URL, "rooms"); status != 1 || !strings.Contains(stderr, "CONFD_SERVER") || !strings.Contains(stderr, "refused") {
		t.Errorf("status %d %q", status, stderr)
	}
}

// Lists are read to their end, page by page, and no further than asked.
func TestListsArePaged(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		after, next := r.FormValue("after"), ""
		if after < "c" {
			next = fmt.Sprintf(`,"next":%q`, map[string]string{"": "a", "a": "b", "b": "c"}[after])
		}
		fmt.Fprintf(w, `{"rooms":[{"id":"after-%s"}],"calls":[{"id":"after-%s"}]%s}`, after, after, next)
	}))
	defer s.Close()
	_, stdout, _ := run(s.URL, "rooms")
	if lines := strings.Split(strings.TrimSpace(stdout), "\n"); len(lines) != 5 || !strings.HasPrefix(lines[4], "after-c ") {
		t.Errorf("printed\n%s", stdout)
	}
	_, stdout, _ = run(s.URL, "calls", "--json", "--limit", "2")
	var got struct{ Calls []struct{ ID string } }
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || len(got.Calls) != 2 || got.Calls[1].ID != "after-a" {
		t.Errorf("%v: printed\n%s", err, stdout)
	}
}

const hostile = `{"id":"p1","room":"x","state":"connected","direction":"inbound","uri":"sip:\u001b]0;a\u0007@h","display_name":"a\u009b2Jb\u202ec\td\ne",
	"muted":true,"delivery_in_force":"multicast","talking":true,"metadata":{"k":"\u009b"},"stats":{"level":-23,"loss":0.0125,"jitter":0.004,"round_trip":0.031,"mos":4.31,"ingress_codec":"opus","egress_codec":"PCMU"}}`

// Whatever strangers call themselves, nothing of it reaches the terminal raw.
func TestNamesAreClean(t *testing.T) {
	server, _ := scripted(t, 200, `{"participants":[`+hostile+`]}`)
	_, stdout, _ := run(server, "participants", "x")
	if strings.ContainsAny(stdout, "\x1b\a\u009b\u202e\t") || strings.Count(stdout, "\n") != 2 {
		t.Errorf("printed %q", stdout)
	}
	for _, want := range []string{"a?2Jb?c?d?e", "connected,muted,multicast", "-23 dB", "opus/PCMU", "1.2 %", "4 ms", "31 ms", "4.3", "sip:?]0;a?@h"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("the table lacks %q:\n%s", want, stdout)
		}
	}
	server, _ = scripted(t, 200, hostile)
	_, shown, _ := run(server, "participants", "show", "x", "p1")
	_, text, _ := run(server, "participants", "show", "x", "p1", "--json")
	if strings.ContainsAny(shown+text, "\x1b\a\u009b\u202e") || !strings.Contains(shown, "stats.level") {
		t.Errorf("printed %q and %q", shown, text)
	}
	var was, is map[string]any
	if err := json.Unmarshal([]byte(text), &is); err != nil {
		t.Fatal(err)
	}
	if json.Unmarshal([]byte(hostile), &was) != nil || fmt.Sprint(was) != fmt.Sprint(is) {
		t.Errorf("--json changes what it says: %v, was %v", is, was)
	}
}

// The commands and a running server understand each other.
func TestRemoteAgainstServer(t *testing.T) {
	leak.Check(t)
	r := start(t, nil, "--sip", "udp:127.0.0.1:0", "--rtp-ports", "21600-21699")
	server := r.HTTP.String()
	p := r.dial(phone.Options{URI: "sip:lobby@" + r.SIP[0].Addr.String(), Tone: 700})
	ask := func(want string, args ...string) string {
		t.Helper()
		status, stdout, stderr := run(server, args...)
		if status != 0 || !strings.Contains(stdout, want) {
			t.Fatalf("%v: status %d %s\nprinted %s\nwant %q", args, status, stderr, stdout, want)
		}
		return stdout
	}
	ask("room side is there", "rooms", "create", "side", "--talkers", "3")
	ask("side", "rooms")
	ask("true", "rooms", "set", "side", "--locked")
	var list struct{ Participants []struct{ ID string } }
	if err := json.Unmarshal([]byte(ask("connected", "participants", "lobby", "--json")), &list); err != nil || len(list.Participants) != 1 {
		t.Fatalf("%v %+v", err, list)
	}
	id := list.Participants[0].ID
	ask("lobby   1 in it", "top", "--once")
	ask("muted", "participants", "set", "lobby", id, "--muted")
	ask(id+" is in side now", "participants", "move", "lobby", id, "side")
	ask("connected,muted", "participants", "side")
	ask("is removed", "participants", "remove", "side", id, "--reason", "time is up")
	<-p.Ended()
	ask("inbound", "calls", "--outcome", "answered")
	ask("answered", "calls", "show", id)
	ask("side", "conferences")
	ask("is deleted", "rooms", "delete", "side")
	ask("debug", "log", "debug")
	ask("debug", "log")
	ask("not draining; 0 participants", "drain", "--show")
	ask("draining; 0 participants are left", "drain", "--timeout", "1h")
	if status, _, stderr := run(server, "rooms", "show", "side"); status != 1 || !strings.Contains(stderr, "404") {
		t.Errorf("status %d %s", status, stderr)
	}
	r.drain()
	if status := r.wait(); status != 0 {
		t.Errorf("status %d\n%s", status, r.stderr.String())
	}
}
