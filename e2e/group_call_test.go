package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/client"
	"github.com/confd/confd/internal/testkit/phone"
	"github.com/confd/confd/internal/testkit/tone"
)

// onLoopback has groups stay on this machine.
func onLoopback() serverOptions {
	return serverOptions{env: []string{"CONFD_MULTICAST_INTERFACE=lo", "CONFD_MULTICAST_SOURCE=127.0.0.1"}}
}

// lecture makes a room with the group that the scenarios group_*.xml know.
func (d desk) lecture() {
	d.t.Helper()
	a, err := d.CreateRoomWithBodyWithResponse(d.t.Context(), nil, "application/json",
		strings.NewReader(`{"id":"lecture","multicast":{"group":"239.255.44.4","port":31400,"codec":"pcmu"}}`))
	d.must(a, err)
}

// TestSippAndTheGroup: SIPp offers a room's group, is offered it and moved to it, takes it and
// does not, in each way that a phone has.
func TestSippAndTheGroup(t *testing.T) {
	need(t, "sipp")
	t.Parallel()
	for _, x := range []struct {
		scenario, asks string
		moved          string // what the API answers to a move: "", that it is done, or a code; "-" if there is none
		delivered      client.ParticipantDeliveryInForce
	}{
		{"group_offer.xml", "", "-", "multicast"},
		{"group_asked.xml", ";multicast", "-", "multicast"},
		{"group_moved.xml", "", "", "multicast"},
		{"group_moved.xml", ";multicast", "-", "multicast"},
		{"group_refused.xml", "", "conflict", "unicast"},
		{"group_strayed.xml", "", "conflict", "unicast"},
	} {
		t.Run(x.scenario+x.asks, func(t *testing.T) {
			c := startConfd(t, host(), onLoopback())
			d := c.desk(t, "")
			d.lecture()
			sipp := startSipp(t, host(), sippRun{
				scenario: x.scenario, target: c.sip, room: "lecture" + x.asks, transport: "u1", calls: 1, rate: 1, hold: 2 * time.Second,
			})
			var p client.Participant
			only := func() error {
				if all := d.list("lecture"); len(all) == 1 {
					p = all[0]
					return nil
				}
				return fmt.Errorf("nobody, or more than one")
			}
			eventually(t, 20*time.Second, "the participant", only)
			if x.moved != "-" {
				a, err := d.PatchParticipantWithResponse(t.Context(), "lecture", p.ID, nil,
					client.ParticipantFields{Delivery: client.Set(client.ParticipantFieldsDeliveryMulticast)})
				if got := client.CodeOf(client.Check(a, err)); got != x.moved {
					t.Errorf("the move is answered with %q, want %q", got, x.moved)
				}
			}
			eventually(t, 10*time.Second, "delivery", func() error {
				if err := only(); err != nil {
					return err
				}
				if p.DeliveryInForce != x.delivered || p.Muted != (x.delivered == "multicast") {
					return fmt.Errorf("by %s, muted %v; want %s", p.DeliveryInForce, p.Muted, x.delivered)
				}
				return nil
			})
			if err := sippDone(sipp, 1, 30*time.Second); err != nil {
				t.Error(err)
			}
			c.awaitMetric(t, 0, "confd_calls")
		})
	}
}

// TestLinphoneIsBroughtBack: Linphone answers with the group and does not join it (it takes who
// offers a group for the one who listens). No report comes, so that it is served by unicast again,
// and hears.
func TestLinphoneIsBroughtBack(t *testing.T) {
	need(t, "linphonec")
	t.Parallel()
	place := newPlace(t)
	c := startConfd(t, place, serverOptions{env: []string{"CONFD_MULTICAST_SOURCE=" + place.ip, "CONFD_MULTICAST_REPORT_TIMEOUT=2s"}})
	d := c.desk(t, "")
	d.lecture()
	l := startLinphone(t, place, linphoneOptions{freq: 1354})
	l.dial(t, c.uri("lecture"))
	p := d.list("lecture")[0]
	c.call(t, phone.Options{URI: c.uri("lecture"), Tone: 860})
	moved := d.patch(&p, client.ParticipantFields{Delivery: client.Set(client.ParticipantFieldsDeliveryMulticast)})
	if moved.DeliveryInForce != "multicast" || !moved.Muted {
		t.Errorf("moved: by %s, muted %v", moved.DeliveryInForce, moved.Muted)
	}
	c.awaitMetric(t, 1, "confd_sip_group_moves_total", "outcome", "unreported")
	eventually(t, 10*time.Second, "unicast", func() error {
		for _, p := range d.list("lecture") {
			if p.DeliveryInForce != "unicast" || p.Muted {
				return fmt.Errorf("%s: by %s, muted %v", p.URI, p.DeliveryInForce, p.Muted)
			}
		}
		return nil
	})
	awaitRecording(t, 2*time.Second, l)
	judge(t, "Linphone", l.quit(t), tone.Expect{Present: []float64{860}, Absent: []float64{1354}})
}
