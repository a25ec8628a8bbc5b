package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/client"
	"github.com/confd/confd/internal/testkit/camera"
)

// TestVideoFollowsWhoSpeaks: three baresip callers with video are in one room. Each sees who
// speaks, and who speaks sees who spoke before; what they decode is whole.
func TestVideoFollowsWhoSpeaks(t *testing.T) {
	for name, codec := range map[string]string{"VP8": "vp8", "H264": "h264", "SRTP": "vp8"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			place := newPlace(t)
			x := newCinema(t, place, startConfd(t, place, serverOptions{}))
			x.secure = name == "SRTP"
			r, g, b := x.enter(codec, red), x.enter(codec, green), x.enter(codec, blue)
			x.floor(r)
			x.watch("while red speaks first", camera.Colour{}, red, red)
			x.floor(g)
			x.watch("while green speaks", green, red, green)
			x.floor(b)
			x.watch("while blue speaks", blue, blue, green)
			x.floor(r)
			x.watch("while red speaks again", blue, red, red)
			x.close()
		})
	}
}

// TestVideoCodecs: the room goes over to the codec that most can, and who cannot keeps its
// sound; the API says why.
func TestVideoCodecs(t *testing.T) {
	t.Parallel()
	place := newPlace(t)
	x := newCinema(t, place, startConfd(t, place, serverOptions{}))
	r := x.enter("vp8,h264", red)
	x.line(r, "in VP8", func(l client.VideoLine) bool { return l.State == client.VideoLineStateOn && said(l.Codec) == "vp8" })
	b := x.enter("vp9", blue)
	x.line(b, "refused", func(l client.VideoLine) bool {
		return l.State == client.VideoLineStateRefused && strings.Contains(said(l.Why), "vp9") && strings.Contains(said(l.Why), "vp8")
	})
	g := x.enter("h264", green)
	for _, v := range []*viewer{r, g} {
		x.line(v, "in H.264", func(l client.VideoLine) bool {
			return l.State == client.VideoLineStateOn && said(l.Codec) == "h264/constrained-baseline/mode0"
		})
	}
	x.watch("in H.264", green, camera.Colour{}, red)
	if codec := said(x.d.set(x.room, client.RoomFields{}).Video.Codec); codec != "h264/constrained-baseline/mode0" {
		t.Errorf("the room has %s", codec)
	}
	x.speak(b) // whom one hears and does not see
	eventually(t, 5*time.Second, "blue's voice", func() error { return x.talks(b) })
	x.watch("while blue speaks", green, camera.Colour{}, red)
	x.close()
}

// TestVideoSteering: pins, mutes and stops by the API, hold by the phone and by the API, and
// somebody who comes later.
func TestVideoSteering(t *testing.T) {
	t.Parallel()
	place := newPlace(t)
	x := newCinema(t, place, startConfd(t, place, serverOptions{}))
	r, g := x.enter("vp8", red), x.enter("vp8", green)
	x.floor(g)
	x.watch("before blue comes", green, red)
	b := x.enter("vp8", blue)
	begun := time.Now()
	x.watch("after blue has come", camera.Colour{}, camera.Colour{}, green)
	t.Logf("blue sees somebody after %v", time.Since(begun).Round(time.Millisecond))
	x.floor(r) // so that it is the last but green
	x.watch("while red speaks", camera.Colour{}, red, red)
	x.floor(g)
	x.watch("while green speaks", green, red, green)

	x.set(r, client.ParticipantFields{VideoPin: client.Set(b.id)})
	x.watch("with a pin", blue, red, green)
	x.line(r, "with a pin", func(l client.VideoLine) bool { return said(l.Sees) == b.id })
	x.set(r, client.ParticipantFields{VideoPin: client.Null[string]()})
	x.watch("without a pin", green, red, green)

	x.set(g, client.ParticipantFields{VideoMuted: client.Set(true)})
	x.watch("while green's picture is muted", blue, camera.Colour{}, red)
	x.set(g, client.ParticipantFields{VideoMuted: client.Set(false)})
	x.watch("while green is seen again", green, camera.Colour{}, green)

	x.set(r, client.ParticipantFields{VideoStopped: client.Set(true)})
	x.line(r, "stopped", func(l client.VideoLine) bool {
		return said(l.Sees) == "" && l.Receives != nil && l.Receives.Bitrate == 0
	})
	x.set(r, client.ParticipantFields{VideoStopped: client.Set(false)})
	x.watch("after it was stopped", green)

	x.set(g, client.ParticipantFields{Held: client.Set(true)})
	x.watch("while green is held", blue, camera.Colour{}, red)
	x.set(g, client.ParticipantFields{Held: client.Set(false)})
	x.speak(nil)
	x.floor(g)
	x.watch("while green is back", green, camera.Colour{}, green)

	g.command(t, "hold", "")
	x.watch("while green holds", blue, camera.Colour{}, red)
	g.command(t, "resume", "")
	x.speak(nil)
	x.floor(g)
	x.watch("after green has resumed", green, camera.Colour{}, green)
	x.close()
}

// TestVideoDialOut: a phone that is called is offered video and has it, in the room's codec.
func TestVideoDialOut(t *testing.T) {
	t.Parallel()
	place := newPlace(t)
	x := newCinema(t, place, startConfd(t, place, serverOptions{}))
	x.enter("vp8", red)
	bare := startBaresipWith(t, place, baresipPCMU, 900, &picture{codec: "h264,vp8", colour: green})
	x.d.dial(x.room, client.Dial{To: "sip:baresip@" + bare.sip})
	bare.event(t, "CALL_ESTABLISHED")
	g := x.seat(bare, green)
	x.line(g, "in VP8", func(l client.VideoLine) bool { return l.State == client.VideoLineStateOn && said(l.Codec) == "vp8" })
	x.watch("after green was called", green, red)
	x.close()
}

// TestVideoAtLoss: at 5 % loss, either way, the picture follows who speaks all the same.
func TestVideoAtLoss(t *testing.T) {
	l := newLab(t, 2)
	x := newCinema(t, at(l.Hosts[1]), startConfd(t, at(l.Hosts[0]), serverOptions{}))
	for _, h := range l.Hosts {
		if err := h.Lose(5); err != nil {
			t.Fatal(err)
		}
	}
	r, g, b := x.enter("vp8", red), x.enter("vp8", green), x.enter("vp8", blue)
	for range 2 {
		x.floor(g)
		x.watch("while green speaks", green, camera.Colour{}, green)
		x.floor(b)
		x.watch("while blue speaks", blue, blue)
		x.floor(r)
		x.watch("while red speaks", camera.Colour{}, red, red)
	}
	for _, h := range l.Hosts {
		if err := h.Lose(0); err != nil {
			t.Fatal(err)
		}
	}
	for _, v := range x.viewers {
		v.hangUp(t)
	}
}

// TestVideoKeyFrameByINFO: an old phone asks for a key frame by INFO (RFC 5168), and it is asked
// of whom it sees.
func TestVideoKeyFrameByINFO(t *testing.T) {
	need(t, "sipp")
	t.Parallel()
	place := newPlace(t)
	x := newCinema(t, place, startConfd(t, place, serverOptions{}))
	r := x.enter("vp8", red)
	x.line(r, "sending", func(l client.VideoLine) bool { return l.Sending })
	sipp := startSipp(t, place, sippRun{scenario: "media_control.xml", target: x.c.sip, room: x.room, transport: "u1", calls: 1, rate: 1, hold: time.Second})
	x.c.awaitMetric(t, 1, `confd_sip_key_frame_requests_total{kind="received"}`)
	eventually(t, 5*time.Second, "the request to count as one", func() error {
		for _, p := range x.d.list(x.room) {
			if p.ID != r.id && len(p.Video) == 1 && p.Video[0].Receives != nil && p.Video[0].Receives.KeyFrameRequests == 1 && said(p.Video[0].Sees) == r.id {
				return nil
			}
		}
		return fmt.Errorf("there are %+v", x.d.list(x.room))
	})
	if err := sippDone(sipp, 1, 30*time.Second); err != nil {
		t.Error(err)
	}
	x.close()
}
