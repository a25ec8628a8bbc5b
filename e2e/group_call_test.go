package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/client"
)

// onLoopback has groups stay on this machine.
func onLoopback() serverOptions {
	return serverOptions{env: []string{"CONFD_MULTICAST_INTERFACE=lo", "CONFD_MULTICAST_SOURCE=127.0.0.1"}}
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
			a, err := d.CreateRoomWithBodyWithResponse(t.Context(), nil, "application/json",
				strings.NewReader(`{"id":"lecture","multicast":{"group":"239.255.44.4","port":31400,"codec":"pcmu"}}`))
			d.must(a, err)
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
