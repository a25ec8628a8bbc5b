package main

import (
	"encoding/binary"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/api"
	"github.com/confd/confd/internal/testkit/leak"
	"github.com/confd/confd/internal/testkit/phone"
)

// An endpoint is told of a room, signed, and subscriptions survive a restart.
func TestWebhooksAreTold(t *testing.T) {
	leak.Check(t)
	told := make(chan string, 100)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var e api.Event
		_ = json.NewDecoder(r.Body).Decode(&e)
		if r.Header.Get("Webhook-Signature") == "" {
			e.Kind = "unsigned " + e.Kind
		}
		told <- e.Kind + " " + e.Room
	}))
	defer hook.Close()
	args := []string{"--sip", "udp:127.0.0.1:0"}
	env := []string{"CONFD_STORE_PATH=" + filepath.Join(t.TempDir(), "confd.db"), "CONFD_WEBHOOKS_ALLOW_NETWORKS=127.0.0.0/8", "CONFD_WEBHOOKS_ALLOW_HTTP=true"}
	r := start(t, env, args...)
	r.send(201, "POST", "/v1/webhooks", `{"url":"`+hook.URL+`","kinds":["room.created"]}`, nil)
	r.send(201, "POST", "/v1/rooms", `{"id":"a"}`, nil)
	if got := <-told; got != "room.created a" {
		t.Errorf("told %q", got)
	}
	r.drain()
	r.wait()
	r = start(t, env, args...)
	r.send(200, "GET", "/v1/rooms/a", "", nil)
	r.send(201, "POST", "/v1/rooms", `{"id":"b"}`, nil)
	if got := <-told; got != "room.created b" {
		t.Errorf("after a restart, told %q", got)
	}
	r.drain()
	r.wait()
}

// Where sounds.folder does not say, sound files are beside the store; where they cannot be,
// the server does without, and its log tells.
func TestSoundsAreBesideTheStore(t *testing.T) {
	leak.Check(t)
	good, bad := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(bad, "sounds"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		store  string
		status int
	}{{filepath.Join(good, "confd.db"), 200}, {filepath.Join(bad, "confd.db"), 404}, {"", 404}} {
		r := start(t, []string{"CONFD_STORE_PATH=" + c.store}, "--sip", "udp:127.0.0.1:0")
		r.send(c.status, "PUT", "/v1/sounds/short.wav", silence(100*time.Millisecond), nil)
		if told := strings.Contains(r.stderr.String(), "there are no announcements"); told != (c.status == 404) {
			t.Errorf("%q: the log is\n%s", c.store, r.stderr.String())
		}
		r.end()
	}
	if _, err := os.Stat(filepath.Join(good, "sounds", "short.wav")); err != nil {
		t.Error(err)
	}
}

// A file is uploaded, played to a phone, ends by itself, and can be stopped.
func TestAnnouncementsPlay(t *testing.T) {
	leak.Check(t)
	dir := t.TempDir()
	r := start(t, []string{"CONFD_STORE_PATH=", "CONFD_SOUNDS_FOLDER=" + dir}, "--sip", "udp:127.0.0.1:0", "--rtp-ports", "42000-42099")
	r.send(200, "PUT", "/v1/sounds/short.wav", silence(100*time.Millisecond), nil)
	r.send(422, "PUT", "/v1/sounds/bad.wav", "no sound", nil)
	if _, err := os.Stat(filepath.Join(dir, "short.wav")); err != nil {
		t.Error(err)
	}
	p := r.dial(phone.Options{URI: "sip:a@" + r.SIP[0].Addr.String()})
	defer p.Close()
	r.send(404, "POST", "/v1/rooms/a/announcements", `{"file":"none.wav"}`, nil)
	var a api.Announcement
	r.send(201, "POST", "/v1/rooms/a/announcements", `{"file":"short.wav","loop":true}`, &a)
	r.send(204, "DELETE", "/v1/rooms/a/announcements/"+a.ID, "", nil)
	r.send(201, "POST", "/v1/rooms/a/announcements", `{"file":"short.wav"}`, &a)
	var list struct{ Announcements []api.Announcement }
	for r.send(200, "GET", "/v1/rooms/a/announcements", "", &list); len(list.Announcements) > 0; {
		list.Announcements = nil
		r.send(200, "GET", "/v1/rooms/a/announcements", "", &list)
	}
	r.drain()
	r.wait()
}

// silence is a WAV file of that length, 8000 Hz, 16 bits, mono.
func silence(d time.Duration) string {
	data := make([]byte, 2*int(8000*d.Seconds()))
	b := []byte("RIFF")
	b = binary.LittleEndian.AppendUint32(b, uint32(36+len(data)))
	b = append(b, "WAVEfmt "...)
	b = binary.LittleEndian.AppendUint32(b, 16)
	for _, v := range []uint16{1, 1} {
		b = binary.LittleEndian.AppendUint16(b, v)
	}
	b = binary.LittleEndian.AppendUint32(b, 8000)
	b = binary.LittleEndian.AppendUint32(b, 16000)
	for _, v := range []uint16{2, 16} {
		b = binary.LittleEndian.AppendUint16(b, v)
	}
	b = append(b, "data"...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(data)))
	return string(append(b, data...))
}
