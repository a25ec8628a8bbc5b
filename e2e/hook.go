package e2e

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/confd/confd/client"
)

// hook is somebody's server that takes events. It checks each as Standard Webhooks has it:
// who made it, that it is fresh, and that its id was not there before.
type hook struct {
	url    string
	secret []byte

	mu     sync.Mutex
	events []*client.Event
	seen   map[string]bool
	faults []error
}

// hook starts one where the server is.
func (c *confd) hook(t *testing.T) *hook {
	t.Helper()
	h := &hook{secret: []byte("not so secret, but thirty-two by"), seen: map[string]bool{}}
	var l net.Listener
	err := c.place.Do(func() (err error) {
		l, err = net.Listen("tcp", "127.0.0.1:0")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	h.url = "http://" + l.Addr().String() + "/events"
	s := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		for _, err := range h.faults {
			t.Errorf("webhook: %v", err)
		}
	})
	return h
}

// hookSettings let a server's webhooks go to a hook.
var hookSettings = []string{"CONFD_WEBHOOKS_ALLOW_NETWORKS=127.0.0.0/8", "CONFD_WEBHOOKS_ALLOW_HTTP=true"}

// key is the secret as a subscription has it.
func (h *hook) key() string { return "whsec_" + base64.StdEncoding.EncodeToString(h.secret) }

// ServeHTTP takes an event. Faults are told when the test ends, and in the answer.
func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	h.mu.Lock()
	defer h.mu.Unlock()
	if err == nil {
		err = h.take(r.Header, body)
	}
	if err != nil {
		h.faults = append(h.faults, err)
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
}

func (h *hook) take(header http.Header, body []byte) error {
	id, at := header.Get("webhook-id"), header.Get("webhook-timestamp")
	mac := hmac.New(sha256.New, h.secret)
	fmt.Fprintf(mac, "%s.%s.%s", id, at, body)
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	if got := header.Get("webhook-signature"); !strings.Contains(" "+got+" ", " "+want+" ") {
		return fmt.Errorf("%s is signed %q, want %q", body, got, want)
	}
	if sec, err := strconv.ParseInt(at, 10, 64); err != nil || time.Since(time.Unix(sec, 0)).Abs() > 5*time.Minute {
		return fmt.Errorf("%s is of %q", body, at)
	}
	e := new(client.Event)
	if err := json.Unmarshal(body, e); err != nil {
		return err
	}
	if !h.seen[id] { // delivery is at least once
		h.seen[id] = true
		h.events = append(h.events, e)
	}
	return nil
}

// got returns what came so far, of one room.
func (h *hook) got(room string) (events []*client.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range h.events {
		if e.Room != nil && *e.Room == room {
			events = append(events, e)
		}
	}
	return events
}
