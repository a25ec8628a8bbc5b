package rooms

import (
	"context"
	"io"
	"log/slog"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/confd/confd/codec"
	testwait "github.com/confd/confd/internal/testkit/wait"
	"github.com/confd/confd/media"
	"github.com/confd/confd/mixer"
)

// loudSource speaks G.711 by itself: one packet a poll, full of noise.
type loudSource struct {
	sequence uint16
	quiet    atomic.Bool
	polls    atomic.Uint64
}

func (s *loudSource) Poll(now int64, _ int, to media.Receiver) int {
	s.polls.Add(1)
	if s.quiet.Load() {
		return 0
	}
	payload := make([]byte, 160)
	for i := range payload {
		payload[i] = byte(i*37) & 0x8f // loud, of both signs
	}
	s.sequence++
	to.Receive(&media.Packet{Arrival: now, Sequence: s.sequence, Timestamp: uint32(s.sequence) * 160, Payload: payload})
	return 1
}

type countingSink struct{ sent, touched atomic.Uint64 }

func (s *countingSink) Send(o *media.Outgoing) {
	s.touched.Add(1)
	if o.Kind == media.Audio && len(o.Data) == 160 {
		s.sent.Add(1)
	}
}

var pcmu = media.Format{Codec: media.PCMU, ClockRate: 8000, SampleRate: 8000, Channels: 1, PacketTime: 20 * time.Millisecond}

func loudRequest(room Name, src media.Source, sink media.Sink) JoinRequest {
	req := JoinRequest{Room: room, Trusted: true, Media: Media{Source: src, Sink: sink, Send: mixer.OutputConfig{Format: pcmu}}}
	req.Media.Receive.Formats = map[uint8]media.Format{0: pcmu}
	return req
}

// On the real mixer: who speaks is told, a listener hears, and after Leave nothing touches
// source and sink any more.
func TestOnTheMixer(t *testing.T) {
	before := runtime.NumGoroutine()
	engine, err := mixer.New(mixer.Config{Workers: 1, Period: 10 * time.Millisecond, Codec: codec.DefaultOptions()})
	if err != nil {
		t.Fatal(err)
	}
	engine.Start()
	g := New(Config{Engine: engine, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	events := watch(t, g, 64).Events()

	src, sink := &loudSource{}, &countingSink{}
	speaker, err := g.Join(context.Background(), loudRequest("a", src, &countingSink{}))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := g.Join(context.Background(), loudRequest("a", deafSource{}, sink))
	if err != nil {
		t.Fatal(err)
	}
	wantKinds(t, next(t, events, 4), RoomOpened, ParticipantJoined, ParticipantJoined, TalkingStarted)
	testwait.For(t, "five packets for the listener", func() bool { return sink.sent.Load() >= 5 })
	if s := speaker.Stats(); s.Input.Packets == 0 {
		t.Errorf("stats %+v", s)
	}
	during := g.MediaTotals()
	if during.Received == 0 || during.Sent < 5 {
		t.Errorf("totals %+v", during)
	}
	src.quiet.Store(true)
	wantKinds(t, next(t, events, 1), TalkingStopped)

	why := Reason{Code: ReasonLeft}
	if err := listener.SetDeaf(context.Background(), true); err != nil {
		t.Error(err)
	}
	if err := listener.Leave(context.Background(), why); err != nil {
		t.Fatal(err)
	}
	touched := sink.touched.Load()
	if err := speaker.Leave(context.Background(), why); err != nil {
		t.Fatal(err)
	}
	polls := src.polls.Load()
	wantKinds(t, next(t, events, 4), ParticipantUpdated, ParticipantLeft, ParticipantLeft, RoomClosed)
	other, err := g.Join(context.Background(), loudRequest("b", &loudSource{}, &countingSink{}))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 { // ticks
		if err := other.Update(context.Background(), MediaUpdate{}); err != nil {
			t.Fatal(err)
		}
	}
	if sink.touched.Load() != touched || src.polls.Load() != polls {
		t.Error("the mixer touches who has left")
	}
	g.Close()
	if after := g.MediaTotals(); after.Received <= during.Received || after.Sent <= during.Sent || len(g.ledger.live) != 0 {
		t.Errorf("totals %+v after %+v", after, during)
	}
	engine.Close()
	noMoreGoroutines(t, before)
}
