package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/internal/testkit/phone"
	"github.com/confd/confd/internal/testkit/tone"
)

// do makes a request of the API and reads the answer, which must have the status, into out if
// that is not nil.
func (c *confd) do(t *testing.T, status int, method, path, body string, out any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+c.http+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := c.place.client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != status {
		t.Fatalf("%s %s: %s, want %d: %s", method, path, res.Status, status, b)
	}
	if out != nil {
		if err := json.Unmarshal(b, out); err != nil {
			t.Fatalf("%s %s: %v: %s", method, path, err, b)
		}
	}
}

// member is what the API says of a participant, as far as it matters here.
type member struct {
	ID        string `json:"id"`
	State     string `json:"state"`
	Direction string `json:"direction"`
}

// dialOut has the server call uri and waits until somebody has answered.
func (c *confd) dialOut(t *testing.T, room, uri string) member {
	t.Helper()
	var m member
	c.do(t, http.StatusCreated, "POST", "/v1/rooms/"+room+"/participants", fmt.Sprintf(`{"to": %q, "timeout": 20}`, uri), &m)
	if m.Direction != "outbound" {
		t.Errorf("the direction is %q", m.Direction)
	}
	eventually(t, 20*time.Second, uri+" to answer", func() error {
		c.do(t, http.StatusOK, "GET", "/v1/rooms/"+room+"/participants/"+m.ID, "", &m)
		if m.State != "connected" {
			return fmt.Errorf("it is %s", m.State)
		}
		return nil
	})
	return m
}

// TestDialOut: the server calls baresip over UDP and SIPp over TCP into a room where a phone
// is; each hears the others. One is hung up on by the API, the other with the room.
func TestDialOut(t *testing.T) {
	need(t, "baresip", "sipp")
	t.Parallel()
	place := newPlace(t)
	c := startConfd(t, place, serverOptions{})
	tones := tone.Spread(3)
	bare := startBaresip(t, place, baresipOpus, tones[0])
	port := place.freePort(t)
	sipp := startSipp(t, place, sippRun{
		scenario: "answer.xml", port: port, room: "sipp", transport: "t1", calls: 1, rate: 1, freq: tones[1],
	})
	c.do(t, http.StatusCreated, "POST", "/v1/rooms", `{"id":"out"}`, nil)
	p := c.call(t, phone.Options{URI: c.uri("out"), Tone: tones[2]})
	c.dialOut(t, "out", "sip:baresip@"+bare.sip)
	bare.event(t, "CALL_ESTABLISHED")
	called := c.dialOut(t, "out", uri("sipp", hostPort(place.ip, port), "transport=tcp"))

	hears(t, p, "the phone", tone.Expect{Present: tones[:2], Absent: tones[2:]})
	awaitRecording(t, 3*time.Second, bare)
	c.clean(t, p, "the phone")
	c.do(t, http.StatusNoContent, "DELETE", "/v1/rooms/out/participants/"+called.ID, "", nil)
	if err := sippDone(sipp, 1, 30*time.Second); err != nil {
		t.Error(err)
	}
	c.do(t, http.StatusNoContent, "DELETE", "/v1/rooms/out", "", nil)
	bare.event(t, "CALL_CLOSED")
	c.awaitMetric(t, 0, "confd_calls")
	judge(t, "baresip", bare.quit(t), tone.Expect{Present: tones[1:], Absent: tones[:1], Apart: 18})
}
