package e2e

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/client"
	"github.com/confd/confd/internal/testkit/tone"
	"github.com/confd/confd/internal/testkit/wav"
)

// standup is a room in which two baresips hear and speak and two SIPps speak, steered by the
// API, watched by an event stream from before the first to after the last, and told of to a
// webhook.
type standup struct {
	t     *testing.T
	c     *confd
	d     desk
	s     *story
	h     *hook
	tones []float64 // of the four, and of two sound files

	opus, wide *baresip
	sipp       [2]*speaker
	p          [4]*client.Participant // in this order
}

// TestSteering: what the API does to people in a room is heard, is told in order by stream
// and webhook alike, and is what the API then says of them.
func TestSteering(t *testing.T) {
	need(t, "baresip", "sipp", "ffmpeg")
	t.Parallel()
	x := newStandup(t)
	x.enter()
	x.hear("at first", without(x.tones[:4], x.tones[0]), without(x.tones[:4], x.tones[1]))
	x.figures()
	after := x.s.last()
	late := x.d.watch(client.Follow{After: after})
	x.muteWithETag()
	x.gainAndDeaf()
	x.hold()
	x.announce()
	x.s.agrees(x.d)
	x.removeAndDelete()
	x.s.agrees(x.d)
	x.s.whole()
	x.plot()
	x.resumed(late, after)
	x.hooked()
}

func newStandup(t *testing.T) *standup {
	t.Helper()
	x := &standup{t: t, tones: tone.Spread(6)}
	place := newPlace(t)
	x.c = startConfd(t, place, serverOptions{env: append([]string{"CONFD_SOUNDS_FOLDER=" + t.TempDir()}, hookSettings...)})
	x.h = x.c.hook(t)
	x.d = x.c.desk(t, "")
	x.s = x.d.watch(client.Follow{})
	x.d.must(x.d.CreateWebhookWithResponse(t.Context(), nil, client.WebhookFields{URL: client.Set(x.h.url), Secret: client.Set(x.h.key())}))
	x.opus = startBaresip(t, place, baresipOpus, x.tones[0])
	x.wide = startBaresip(t, place, baresipG722, x.tones[1])
	return x
}

// enter makes the room and has all four call it.
func (x *standup) enter() {
	x.t.Helper()
	want := client.RoomCreate{
		ID: client.Set("standup"), Name: client.Set("Daily stand-up"), MaxParticipants: client.Set(int64(4)),
		Metadata: client.Set(map[string]any{"team": "red"}),
	}
	r := x.d.create(want)
	if r.Name != "Daily stand-up" || r.MaxParticipants != 4 || r.Metadata["team"] != "red" || !r.Persistent {
		x.t.Errorf("the room is %+v", r)
	}
	x.d.refused("exists")(x.d.CreateRoomWithResponse(x.t.Context(), nil, want))
	for i, b := range []*baresip{x.opus, x.wide} {
		x.p[i] = x.c.enter(x.t, x.s, b, "standup")
	}
	for i := range x.sipp {
		x.sipp[i] = x.c.speak(x.t, x.s, "standup", x.tones[2+i], -20)
		x.p[2+i] = x.sipp[i].Participant
	}
}

// hear judges what the two baresips hear: these tones, and of the six no other.
func (x *standup) hear(when string, opus, wide []float64) (pcm [][]int16) {
	x.t.Helper()
	return hearAll(x.t, []ear{
		{x.opus, "baresip with Opus, " + when, expect(x.tones, opus...)},
		{x.wide, "baresip with G.722, " + when, expect(x.tones, wide...)},
	})
}

// figures are as they must be for a call over a good network.
func (x *standup) figures() {
	x.t.Helper()
	codecs := []string{"opus", "G722", "PCMU", "PCMU"}
	eventually(x.t, 10*time.Second, "sane figures", func() error {
		all := x.d.list("standup")
		if len(all) != len(x.p) {
			return fmt.Errorf("there are %d", len(all))
		}
		for i, p := range all {
			f := p.Stats
			switch {
			case p.ID != x.p[i].ID || p.State != client.ParticipantStateConnected || p.Direction != client.ParticipantDirectionInbound || *p.Address != x.c.place.ip:
				return fmt.Errorf("participant %d is %+v", i, p)
			case i < 2 && (p.UserAgent == nil || !strings.HasPrefix(*p.UserAgent, "baresip")):
				return fmt.Errorf("participant %d has the user agent %v", i, p.UserAgent)
			case f == nil || f.IngressCodec == nil || *f.IngressCodec != codecs[i] || *f.EgressCodec != codecs[i]:
				return fmt.Errorf("participant %d has the figures %+v, want %s", i, f, codecs[i])
			case !p.Talking || f.Level < -40 || f.Level > -10 || f.TalkTime <= 0:
				return fmt.Errorf("participant %d, with a tone of -20 dB: talking %v, %d dBov, %g s", i, p.Talking, f.Level, f.TalkTime)
			case f.PacketsReceived < 50 || f.PacketsSent < 50 || f.Jitter > 0.1 || f.Buffer > 0.5:
				return fmt.Errorf("participant %d: %+v", i, f)
			case !underRace && (f.Loss > 0.1 || f.MOS < 3 || f.MOS > 4.5):
				return fmt.Errorf("participant %d: loss %g, MOS %g", i, f.Loss, f.MOS)
			}
		}
		return nil
	})
}

// muteWithETag mutes the first SIPp if it is as it was read.
func (x *standup) muteWithETag() {
	x.t.Helper()
	p := x.p[2]
	read, err := x.d.GetParticipantWithResponse(x.t.Context(), p.Room, p.ID)
	x.d.must(read, err)
	as := &client.PatchParticipantParams{IfMatch: read.Headers200.ETag}
	muted, err := x.d.PatchParticipantWithResponse(x.t.Context(), p.Room, p.ID, as, client.ParticipantFields{Muted: client.Set(true)})
	x.d.must(muted, err)
	if !muted.JSON200.Muted {
		x.t.Error("it is not muted")
	}
	x.d.refused("precondition_failed")(
		x.d.PatchParticipantWithResponse(x.t.Context(), p.Room, p.ID, as, client.ParticipantFields{Muted: client.Set(false)}))
	x.hear("while one is muted", []float64{x.tones[1], x.tones[3]}, []float64{x.tones[0], x.tones[3]})
}

// gainAndDeaf turns one SIPp down by 12 dB and the other up again, and makes one baresip deaf.
func (x *standup) gainAndDeaf() {
	x.t.Helper()
	x.d.patch(x.p[2], client.ParticipantFields{Muted: client.Null[bool](), InputGain: client.Set(-12.0)})
	x.d.patch(x.p[1], client.ParticipantFields{Deaf: client.Set(true)})
	pcm := x.hear("with one turned down, the other deaf", x.tones[1:4], nil)[0]
	loud, soft := tone.Near(pcm, 48000, x.tones[3], shift), tone.Near(pcm, 48000, x.tones[2], shift)
	if math.Abs(loud-soft-12) > 3 {
		x.t.Errorf("turned down by 12 dB it is at %.1f dB, beside one at %.1f dB", soft, loud)
	}
}

// hold holds one SIPp; the baresip that was deaf is so no longer.
func (x *standup) hold() {
	x.t.Helper()
	x.d.patch(x.p[1], client.ParticipantFields{Deaf: client.Set(false)})
	held := x.d.patch(x.p[2], client.ParticipantFields{InputGain: client.Null[float64](), Held: client.Set(true)})
	if held.State != client.ParticipantStateHeld {
		x.t.Errorf("on hold it is %s", held.State)
	}
	x.hear("while one is on hold", []float64{x.tones[1], x.tones[3]}, []float64{x.tones[0], x.tones[3]})
	x.d.patch(x.p[2], client.ParticipantFields{Held: client.Set(false)})
}

// announce plays a WAV file to everyone, once, and an Ogg/Opus file to one, until it is
// stopped.
func (x *standup) announce() {
	x.t.Helper()
	for name, sound := range map[string][]byte{
		"gong.wav": toneFile(8000, 1, x.tones[4], 4*time.Second), "music.opus": opusFile(x.t, x.tones[5]),
	} {
		x.d.must(x.d.UploadSoundWithBodyWithResponse(x.t.Context(), name, "application/octet-stream", bytes.NewReader(sound)))
	}
	gong := x.d.play("standup", client.Play{File: "gong.wav"})
	music := x.d.play("standup", client.Play{File: "music.opus", Loop: new(true), To: client.Set([]string{x.p[1].ID})})
	x.hear("with announcements", x.tones[1:5], without(x.tones, x.tones[1]))
	if e := x.s.of("announcement.ended", gong.ID); e.Reason == nil || e.Reason.Code != "finished" {
		x.t.Errorf("the gong ended by %+v", e.Reason)
	}
	x.d.must(x.d.StopAnnouncementWithResponse(x.t.Context(), "standup", music.ID))
	if e := x.s.of("announcement.ended", music.ID); e.Reason == nil || e.Reason.Code != "stopped" {
		x.t.Errorf("the music ended by %+v", e.Reason)
	}
	x.hear("after the announcements", x.tones[1:4], without(x.tones[:4], x.tones[1]))
}

// opusFile is an Ogg/Opus file of a second of a tone.
func opusFile(t *testing.T, freq float64) []byte {
	t.Helper()
	from, to := filepath.Join(t.TempDir(), "in.wav"), filepath.Join(t.TempDir(), "out.opus")
	if err := wav.Write(from, 48000, tone.Make(48000, time.Second, -20, freq)); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("ffmpeg", "-v", "error", "-i", from, "-c:a", "libopus", to).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v: %s", err, out)
	}
	sound, err := os.ReadFile(to)
	if err != nil {
		t.Fatal(err)
	}
	return sound
}

// removeAndDelete sends one away and then ends the conference; each is told why.
func (x *standup) removeAndDelete() {
	x.t.Helper()
	for i, why := range []string{"time is up", "good night"} {
		if i == 0 {
			x.d.remove(x.p[2], why)
		} else {
			x.d.delete("standup", why)
		}
		if e := x.s.of("participant.left", x.p[2+i].ID); e.Reason == nil || e.Reason.Text == nil || *e.Reason.Text != why {
			x.t.Errorf("it left by %+v, want %s", e.Reason, why)
		}
		x.sipp[i].told(x.t, why)
	}
	x.opus.closed(x.t)
	x.wide.closed(x.t)
	x.s.of("room.deleted", "")
}

// plot is what must have been told of the room, in this order.
func (x *standup) plot() {
	x.t.Helper()
	want := []string{"room.created", "room.opened"}
	for kinds := range strings.FieldsSeq(strings.Join([]string{
		strings.Repeat("participant.joined ", 4),
		strings.Repeat("participant.updated ", 6), // mute, gain, deaf, not deaf, hold, not on hold
		"announcement.started announcement.started announcement.ended announcement.ended",
		strings.Repeat("participant.left ", 4),
		"room.closed room.deleted",
	}, " ")) {
		want = append(want, kinds)
	}
	if got := x.s.plot("standup"); !slices.Equal(got, want) {
		x.t.Errorf("told was\n%v, want\n%v", got, want)
	}
}

// resumed is a watcher who came later and said what it knew: it was told the rest.
func (x *standup) resumed(late *story, after int64) {
	x.t.Helper()
	late.of("room.deleted", "")
	all, _, _ := x.s.sofar()
	rest, _, _ := late.sofar()
	want := slices.DeleteFunc(seqs(all), func(seq int64) bool { return seq <= after })
	if !slices.Equal(seqs(rest), want) {
		x.t.Errorf("resumed after %d, it was told %v, want %v", after, seqs(rest), want)
	}
}

func seqs(events []*client.Event) (all []int64) {
	for _, e := range events {
		all = append(all, e.Seq)
	}
	return all
}

// hooked is a webhook that was told of the room just what the stream told, in order.
func (x *standup) hooked() {
	x.t.Helper()
	all, _, _ := x.s.sofar()
	want := seqs(slices.DeleteFunc(all, func(e *client.Event) bool { return e.Room == nil || *e.Room != "standup" }))
	eventually(x.t, 10*time.Second, "the webhook's events", func() error {
		if got := seqs(x.h.got("standup")); !slices.Equal(got, want) {
			return fmt.Errorf("it got %v, want %v", got, want)
		}
		return nil
	})
}
