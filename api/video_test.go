package api

import (
	"reflect"
	"testing"
	"time"

	"github.com/confd/confd/forwarder"
	"github.com/confd/confd/media"
	"github.com/confd/confd/rooms"
	"github.com/confd/confd/transport"
)

var (
	vp8  = media.VideoFormat{Codec: media.VP8}
	h264 = media.VideoFormat{Codec: media.H264, Profile: media.H264ConstrainedBaseline, PacketizationMode: 1}
)

// videoBench is a bench whose rooms may have video.
func videoBench(t *testing.T) *bench {
	engine, err := forwarder.New(forwarder.Config{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(engine.Close)
	return newBench(t, func(_ *Config, rc *rooms.Config) {
		rc.Video = rooms.VideoConfig{Engine: engine, Formats: []media.VideoFormat{vp8, h264}}
	})
}

// The setting is merged, field by field, and shown as it is in force.
func TestVideoSetting(t *testing.T) {
	b := videoBench(t)
	var r Room
	b.want(201, "POST", "/v1/rooms", `{"id":"a","video":{"hold":1.5}}`, &r)
	want := Video{Enabled: true, Policy: "majority", Codecs: []string{"vp8", "h264/constrained-baseline/mode1"}, MaxBitrate: 2_000_000, Hold: 1.5}
	if !reflect.DeepEqual(r.Video, want) {
		t.Errorf("%+v, want %+v", r.Video, want)
	}
	patch := func(body string) {
		t.Helper()
		r := Room{}
		b.want(200, "PATCH", "/v1/rooms/a", body, &r)
		if !reflect.DeepEqual(r.Video, want) {
			t.Errorf("%s: %+v, want %+v", body, r.Video, want)
		}
	}
	want.Policy, want.Codecs = "fixed", []string{"h264/constrained-baseline/mode1"}
	patch(`{"video":{"policy":"fixed","codecs":["H264"]}}`)
	want.Enabled, want.MaxBitrate = false, 500_000
	patch(`{"video":{"enabled":false,"max_bitrate":500000}}`)
	want.Enabled, want.Policy, want.Hold = true, "majority", 2
	patch(`{"video":{"enabled":null,"policy":null,"hold":null}}`)
	for body, field := range map[string]string{
		`{"video":{"policy":"any"}}`: "video.policy", `{"video":{"codecs":["h263"]}}`: "video.codecs", `{"video":{"codecs":["av1"]}}`: "video.codecs",
		`{"video":{"max_bitrate":1}}`: "video.max_bitrate", `{"video":{"hold":0.01}}`: "video.hold", `{"video":{"hold":61}}`: "video.hold",
		`{"video":{"colour":1}}`: "video.colour", `{"video":7}`: "video",
	} {
		if p := wantProblem(t, b.do("PATCH", "/v1/rooms/a", body), 422, "invalid"); p.Field != field {
			t.Errorf("%s: field %q, want %q: %s", body, p.Field, field, p.Detail)
		}
	}
	want = Video{Enabled: true, Policy: "majority", Codecs: []string{"vp8", "h264/constrained-baseline/mode1"}, MaxBitrate: 2_000_000, Hold: 2}
	patch(`{"video":null}`)

	audio := newBench(t, nil)
	p := wantProblem(t, audio.do("POST", "/v1/rooms", `{"video":{"policy":"fixed"}}`), 422, "invalid")
	if p.Field != "video" {
		t.Errorf("%+v", p)
	}
	r = Room{}
	if audio.want(201, "POST", "/v1/rooms", `{}`, &r); r.Video.Enabled {
		t.Errorf("%+v", r.Video)
	}
}

// mirror is the port of a video line from which nothing comes.
type mirror struct{}

func (mirror) Poll(int64, int, transport.VideoReceiver) int    { return 0 }
func (mirror) SendVideo(_ int64, out []transport.VideoOut) int { return len(out) }
func (mirror) RequestKeyFrame(int64, uint8) bool               { return true }
func (mirror) NACK(int64, uint8, []uint16) bool                { return true }
func (mirror) LimitBitrate(int64, uint64) bool                 { return true }
func (mirror) Descriptors() []int                              { return nil }

// A participant tells what its lines are, why one is not, and figures of those that are.
func TestVideoOfParticipants(t *testing.T) {
	b := videoBench(t)
	m := phone()
	m.Video = []rooms.VideoMedia{
		{Line: 1, Can: []media.VideoFormat{vp8}, Port: mirror{}, Config: forwarder.LineConfig{Format: vp8, Send: true, Receive: true},
			Takes: media.VideoLimit{Level: 1, Width: 2, Height: 3, FrameSize: 4, FrameRate: 5}, Told: media.VideoLimit{Width: 352, Height: 288}},
		{Line: 2, Content: "slides", Can: []media.VideoFormat{h264}, Why: "it cannot vp8"},
	}
	p, err := b.registry.Join(t.Context(), rooms.JoinRequest{Room: "a", Trusted: true, Media: m})
	if err != nil {
		t.Fatal(err)
	}
	path := "/v1/rooms/a/participants/" + p.ID()
	var v Participant
	b.want(200, "PATCH", path, `{"video_pin":"1kjmajsj0j1b7mq4xz","video_muted":true,"video_stopped":true,"video_low":true}`, &v)
	if v.VideoPin != "1kjmajsj0j1b7mq4xz" || !v.VideoMuted || !v.VideoStopped || !v.VideoLow {
		t.Errorf("%+v", v)
	}
	v = Participant{}
	b.want(200, "PATCH", path, `{"video_pin":null,"video_muted":null,"video_stopped":null,"video_low":null}`, &v)
	if v.VideoPin != "" || v.VideoMuted || v.VideoStopped || v.VideoLow {
		t.Errorf("%+v", v)
	}
	if problem := wantProblem(t, b.do("PATCH", path, `{"video_pin":"A"}`), 422, "invalid"); problem.Field != "video_pin" {
		t.Errorf("%+v", problem)
	}
	v = Participant{}
	b.want(200, "GET", path, "", &v)
	if len(v.Video) != 2 || v.Video[0].Sends == nil || v.Video[0].Receives == nil {
		t.Fatalf("%+v", v.Video)
	}
	v.Video[0].Sends, v.Video[0].Receives = nil, nil
	want := []VideoLine{{Line: 1, Content: "main", State: "on", Codec: "vp8", Takes: &VideoLimit{1, 2, 3, 4, 5}, Told: &VideoLimit{Width: 352, Height: 288}}, {Line: 2, Content: "slides", State: "refused", Why: "it cannot vp8"}}
	if !reflect.DeepEqual(v.Video, want) {
		t.Errorf("%+v, want %+v", v.Video, want)
	}
	var r Room
	if b.want(200, "GET", "/v1/rooms/a", "", &r); r.Video.Codec != "vp8" || r.Video.Speaker != "" {
		t.Errorf("%+v", r.Video)
	}
}

// Each figure is told under its name.
func TestVideoFigures(t *testing.T) {
	s := rooms.VideoStats{Line: 3}
	in, out := &s.Ingress, &s.Egress
	in.Width, in.Height, in.Bitrate, in.Streams.Frames, in.Streams.KeyFrames, in.Streams.Lost, in.Streams.Repaired = 1, 2, 3, 4, 5, 6, 7
	in.Limit, in.Requests = 12, 13
	d := &out.Subscription.Dropped
	out.Bitrate, out.Subscription.Estimate, out.Subscription.Freezes, out.Requests = 8, 9, 10, 11
	for i := range reflect.ValueOf(d).Elem().NumField() {
		reflect.ValueOf(d).Elem().Field(i).SetUint(1 << i)
	}
	all := 1<<reflect.TypeOf(d).Elem().NumField() - 1
	lines := []VideoLine{{Line: 2}, {Line: 3}}
	addVideoStats(lines, []rooms.VideoStats{s})
	if lines[0].Sends != nil || *lines[1].Sends != (VideoSends{1, 2, 3, 4, 5, 6, 7, 12, 13}) || *lines[1].Receives != (VideoReceives{8, 9, uint64(all), 10, 11}) {
		t.Errorf("%+v %+v %+v, want %d dropped", lines[0].Sends, lines[1].Sends, lines[1].Receives, all)
	}
	event := EventOf(&rooms.Event{Kind: rooms.VideoSwitched, Time: time.Unix(1, 0), RoomInfo: &rooms.RoomSnapshot{VideoNow: rooms.VideoSnapshot{Format: h264, Speaker: "p"}}})
	if v := event.RoomInfo.Video; event.Kind != "video.switched" || v.Codec != "h264/constrained-baseline/mode1" || v.Speaker != "p" {
		t.Errorf("%+v", event)
	}
}
