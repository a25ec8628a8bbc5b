package e2e

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/client"
)

// loadVideo is what tests read of video in the report of "confd load".
type loadVideo struct {
	Callers, Cameras int
	Refused          map[string]int
	Pictures         struct{ Due, Whole, Undecodable, Broken, Faulty int }
	Switches         struct{ Expected, Seen, Missed, Silent int }
	Packets          struct{ Withheld, Resent, Lost int }
	Requests         struct {
		Limits int
	}
}

// TestLoadSeesWhoSpeaks: callers of the load see who speaks in the program's rooms, whatever
// is lost of what they send, and the report says so.
func TestLoadSeesWhoSpeaks(t *testing.T) {
	place := newPlace(t)
	c := startConfd(t, place, serverOptions{})
	for _, k := range []struct {
		room, args string
		lossy      bool
	}{
		{"all", "--video vp8 --cameras 4", false},
		{"burst", "--video h264 --video-bitrate 1200k --video-burst", false},
		{"loss", "--video h264 --cameras 4 --loss 3", true},
		{"bad-network", "--video vp8 --video-bitrate 1200k --loss 3 --jitter 10ms --reorder 1", true},
	} {
		args := append(strings.Fields(k.args), "--callers", "12", "--rooms", "3", "--talkers", "2", "--for", "15s", "--settle", "2s", "--max-switch", "3s")
		r := load(t, place, uri(k.room, c.sip), nil, args...)
		v := r.Video
		if v == nil || v.Callers != 12 || len(v.Refused) > 0 || len(r.Rooms) != 3 || !r.Verdict.Passed {
			t.Fatalf("%s: %+v, %+v", k.args, v, r.Verdict)
		}
		if v.Pictures.Whole < 12*15*25*8/10 || v.Pictures.Undecodable+v.Pictures.Broken > 0 || v.Packets.Lost > 0 {
			t.Errorf("%s: %+v, %d packets lost", k.args, v.Pictures, v.Packets.Lost)
		}
		if v.Switches.Expected == 0 || v.Switches.Seen != v.Switches.Expected {
			t.Errorf("%s: %+v", k.args, v.Switches)
		}
		if k.lossy != (v.Packets.Withheld > 0) || k.lossy && v.Packets.Resent == 0 {
			t.Errorf("%s: %+v", k.args, v.Packets)
		}
	}
}

// TestLoadSeesTheWrongPerson: a server that shows one caller somebody who is silent, since it
// was told to, does not pass. With this seed the talkers take turns whenever in the fifteen seconds
// the callers are there.
func TestLoadSeesTheWrongPerson(t *testing.T) {
	place := newPlace(t)
	c := startConfd(t, place, serverOptions{})
	d := c.desk(t, "")
	d.room("pinned")
	pinned := make(chan error, 1)
	go func() { pinned <- d.pin(t.Context(), "pinned", "load-4", "load-3") }()
	r := load(t, place, uri("pinned", c.sip), nil, "--callers", "4", "--talkers", "2", "--cameras", "4", "--video", "vp8", "--for", "15s", "--seed", "2", "--settle", "4s", "--max-switch", "3s")
	if err := <-pinned; err != nil {
		t.Fatal(err)
	}
	var broken []string
	for _, b := range r.Verdict.Broken {
		broken = append(broken, b.Bound)
	}
	if r.Verdict.Passed || !slices.Equal(broken, []string{"speaker"}) || r.Video.Switches.Missed == 0 {
		t.Errorf("%+v, switches %+v", r.Verdict, r.Video.Switches)
	}
	if len(r.Troubled) != 1 || r.Troubled[0].Number != 3 || !slices.Equal(r.Troubled[0].Trouble, []string{"wrong-picture"}) {
		t.Errorf("in trouble: %+v, want caller 3 alone", r.Troubled)
	}
}

// pin has one participant of a room see another, once both are in it.
func (d desk) pin(ctx context.Context, room, who, whom string) error {
	for ; ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		a, err := d.ListParticipantsWithResponse(ctx, room, &client.ListParticipantsParams{})
		if err := client.Check(a, err); err != nil {
			return err
		}
		ids := map[string]string{}
		for _, p := range a.JSON200.Participants {
			for _, n := range []string{who, whom} {
				if strings.HasPrefix(p.URI, "sip:"+n+"@") {
					ids[n] = p.ID
				}
			}
		}
		if len(ids) == 2 {
			a, err := d.PatchParticipantWithResponse(ctx, room, ids[who], nil, client.ParticipantFields{VideoPin: client.Set(ids[whom])})
			return client.Check(a, err)
		}
	}
	return errors.New("they did not come")
}
