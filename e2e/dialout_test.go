package e2e

import (
	"testing"
	"time"

	"github.com/confd/confd/client"
	"github.com/confd/confd/internal/testkit/phone"
	"github.com/confd/confd/internal/testkit/tone"
)

// TestDialOut: the server calls baresip over UDP and SIPp over TCP into a room where a phone
// is; each hears the others. One is hung up on by the API, the other with the room.
func TestDialOut(t *testing.T) {
	need(t, "baresip", "sipp")
	t.Parallel()
	place := newPlace(t)
	c := startConfd(t, place, serverOptions{})
	d := c.desk(t, "")
	s := d.watch(client.Follow{})
	tones := tone.Spread(3)
	bare := startBaresip(t, place, baresipOpus, tones[0])
	port := place.freePort(t)
	sipp := startSipp(t, place, sippRun{
		scenario: "answer.xml", port: port, room: "sipp", transport: "t1", calls: 1, rate: 1, freq: tones[1],
	})
	d.room("out")
	p := c.call(t, phone.Options{URI: c.uri("out"), Tone: tones[2]})
	called := d.dial("out", client.Dial{To: "sip:baresip@" + bare.sip})
	bare.event(t, "CALL_ESTABLISHED")
	s.of("participant.joined", called.ID)
	called = d.dial("out", client.Dial{To: uri("sipp", hostPort(place.ip, port), "transport=tcp")})
	s.of("participant.joined", called.ID)

	hears(t, p, "the phone", tone.Expect{Present: tones[:2], Absent: tones[2:]})
	awaitRecording(t, 3*time.Second, bare)
	c.clean(t, p, "the phone")
	d.remove(called, "thank you")
	if err := sippDone(sipp, 1, 30*time.Second); err != nil {
		t.Error(err)
	}
	d.delete("out", "")
	bare.closed(t)
	c.awaitMetric(t, 0, "confd_calls")
	judge(t, "baresip", bare.quit(t), tone.Expect{Present: tones[1:], Absent: tones[:1], Apart: 18})
}
