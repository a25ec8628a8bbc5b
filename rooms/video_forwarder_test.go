package rooms

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/confd/confd/forwarder"
	"github.com/confd/confd/internal/testkit/pictures"
	"github.com/confd/confd/media"
	"github.com/confd/confd/transport"
)

// webcam is the port of a line of the real forwarder: a camera that sends a picture whenever
// it is polled, and somebody who looks at what is sent back.
type webcam struct {
	mu     sync.Mutex
	camera *pictures.Camera
	key    bool
	sight  *pictures.Checker
	wrong  []error
}

func newWebcam(source uint32) *webcam {
	return &webcam{sight: pictures.NewChecker(media.VP8), camera: pictures.New(pictures.Config{
		Codec: media.VP8, Source: source, SSRC: source, PictureIDBits: 15, Bytes: 500, Width: 320, Height: 240,
	})}
}

func (w *webcam) Poll(now int64, _ int, to transport.VideoReceiver) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.camera.Next(w.key)
	w.key = false
	for _, p := range all {
		to.Video(&transport.VideoPacket{
			Arrival: now, SSRC: p.SSRC, Timestamp: p.Timestamp, Sequence: p.Sequence, PayloadType: 96, Marker: p.Marker, Payload: p.Payload,
		})
	}
	return len(all)
}

func (w *webcam) SendVideo(_ int64, out []transport.VideoOut) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, o := range out {
		p := pictures.Packet{Timestamp: o.Timestamp, Sequence: o.Sequence, Marker: o.Marker, Payload: slices.Concat(o.Head, o.Body)}
		if err := w.sight.Packet(&p); err != nil {
			w.wrong = append(w.wrong, err)
		}
	}
	return len(out)
}

func (w *webcam) RequestKeyFrame(int64, uint8) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.key = true
	return true
}

func (w *webcam) NACK(int64, uint8, []uint16) bool { return true }
func (w *webcam) LimitBitrate(int64, uint64) bool  { return true }
func (w *webcam) Descriptors() []int               { return nil }
func (w *webcam) line() VideoMedia {
	return VideoMedia{Line: 1, Can: formats{vp8}, Port: w, Config: forwarder.LineConfig{Format: vp8, NACK: true, Send: true, Receive: true}}
}

// sees returns whose picture was seen last; 0 is nobody's.
func (w *webcam) sees() uint32 {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := len(w.sight.Pictures); n > 0 {
		return w.sight.Pictures[n-1].Source
	}
	return 0
}

// The picture follows who speaks, also to another room, with one unbroken stream to everyone.
func TestRoomsOnTheForwarder(t *testing.T) {
	engine, err := forwarder.New(forwarder.Config{Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(engine.Close)
	h := newHouse(t, Config{})
	h.config.Video = VideoConfig{Formats: formats{vp8}, Hold: time.Millisecond}
	h.config.Video.fill()
	h.newVideoStage = func(events func(forwarder.Event)) videoStage {
		return engine.NewConference(forwarder.ConferenceConfig{Events: events})
	}
	var cams []*webcam
	var people []*viewer
	for i := range 4 {
		cams = append(cams, newWebcam(uint32(i+1)))
		people = append(people, h.see(t, Name([]string{"x", "x", "x", "y"}[i]), cams[i].line()))
	}
	want := func(sources ...uint32) {
		t.Helper()
		for i, source := range sources {
			if source != 0 {
				await(t, func() bool { return cams[i].sees() == source })
				await(t, func() bool { return people[i].state(t, 1).Sees == people[source-1].ID() })
			}
		}
	}
	speaks := func(i int) {
		people[i].speaks(true)
		people[i].speaks(false)
	}
	for _, p := range people {
		await(t, func() bool { return p.state(t, 1).Sends })
	}
	speaks(1)
	want(2, 0, 2)
	speaks(0)
	want(2, 1, 1)
	if _, err := h.Move(t.Context(), "x", people[1].ID(), "y"); err != nil {
		t.Fatal(err)
	}
	want(3, 4, 1, 2)
	if v := people[0].VideoStats(); len(v) != 1 || v[0].Line != 1 {
		t.Errorf("%+v", v)
	}
	await(t, func() bool {
		s := people[0].VideoStats()[0]
		return s.Ingress.Width == 320 && s.Ingress.Streams.KeyFrames > 0
	})
	await(t, func() bool { return h.VideoTotals().Egress.Subscription.Switches >= 6 })
	live := h.VideoTotals()
	for _, p := range people {
		mustLeave(t, p.Participant)
	}
	past := h.VideoTotals()
	if past.Ingress.Packets < live.Ingress.Packets || live.Ingress.Packets == 0 || past.Egress.Subscription.Switches < live.Egress.Subscription.Switches {
		t.Errorf("totals %+v, then %+v", live, past)
	}
	for i, w := range cams {
		if len(w.wrong) > 0 {
			t.Errorf("%d sees: %v", i+1, w.wrong[0])
		}
	}
}
