package rooms

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/confd/confd/media"
	"github.com/confd/confd/mixer"
	"github.com/confd/confd/multicast"
)

// onLoopback is a host whose groups stay on this machine.
func onLoopback(t *testing.T) *multicast.Host {
	t.Helper()
	c := multicast.DefaultConfig()
	c.Interface, c.Source = "lo", netip.MustParseAddr("127.0.0.1")
	c.Ports = [2]int{20000, 30999}
	h, err := multicast.NewHost(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return h
}

func spec(s multicast.Spec) Settings { return Settings{Multicast: &s} }

func mustSteer(t *testing.T, h *house, name Name, change func(*Settings)) RoomSnapshot {
	t.Helper()
	r, err := h.Patch(context.Background(), name, func(s *Settings) error { change(s); return nil }, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// wantError is about code, field and what the message must have.
func wantError(t *testing.T, err error, code ErrorCode, field, part string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Code != code || e.Field != field || !strings.Contains(e.Message, part) {
		t.Errorf("error %+v, want %s of %q with %q", err, code, field, part)
	}
}

func TestMulticastSettings(t *testing.T) {
	host := onLoopback(t)
	h := newHouse(t, Config{Groups: host})
	create := func(name Name, s multicast.Spec) error {
		_, err := h.Create(context.Background(), name, spec(s))
		return err
	}
	wantError(t, create("a", multicast.Spec{TTL: 16}), Invalid, "multicast.ttl", "15")
	wantError(t, create("a", multicast.Spec{Group: netip.MustParseAddr("10.1.1.1")}), Invalid, "multicast.group", "no multicast address")
	place := multicast.Spec{Group: netip.MustParseAddr("239.255.1.9"), Port: 31000}
	first := mustCreate(t, h, "a", spec(place))
	if first.Group == nil || first.Group.Place != (multicast.Place{Group: place.Group, Port: place.Port}) || first.Group.Description == 0 ||
		*first.Multicast != place || first.Group.Source.String() != "127.0.0.1" || first.Group.Stats.Sending {
		t.Errorf("%+v", first.Group)
	}
	wantError(t, create("b", multicast.Spec{Group: place.Group}), Conflict, "multicast.group", "another room")
	if n := host.Stats().Groups; n != 1 {
		t.Errorf("%d groups are claimed", n)
	}
	// Its own place does not stand in a room's way.
	place.TTL = 2
	if r := mustSteer(t, h, "a", func(s *Settings) { s.Multicast = &place }); r.Group.Place != first.Group.Place || r.Group.Description <= first.Group.Description {
		t.Errorf("%+v after %+v", r.Group, first.Group)
	}
	if _, err := h.Patch(context.Background(), "a", func(s *Settings) error { s.Multicast.TTL = 99; return nil }, nil); err == nil {
		t.Error("a TTL past the bound is taken")
	}
	if r, _ := h.Get("a"); r.Multicast.TTL != 2 || r.Group == nil {
		t.Errorf("%+v after a change that was refused", r.Multicast)
	}
	if err := h.Delete(context.Background(), "a", Reason{}, nil); err != nil {
		t.Fatal(err)
	}
	if err := create("b", place); err != nil || host.Stats().Groups != 1 {
		t.Errorf("the place of a room that was deleted: %v", err)
	}
}

func TestMulticastSwitchedOff(t *testing.T) {
	h := newHouse(t, Config{})
	_, err := h.Create(context.Background(), "a", spec(multicast.Spec{}))
	wantError(t, err, Invalid, "multicast", "multicast.enabled")
	mustCreate(t, h, "a", Settings{})
	_, err = h.Group("a")
	wantError(t, err, NotFound, "", "setting multicast")
	_, err = h.Rekey("a")
	wantError(t, err, NotFound, "", "setting multicast")
	_, err = h.Rekey("nowhere")
	wantError(t, err, NotFound, "", "no room")
}

// What cannot be saved leaves no group behind.
func TestMulticastUnsaved(t *testing.T) {
	host, store := onLoopback(t), &fakeStore{}
	h := newHouse(t, Config{Groups: host, Store: store})
	mustCreate(t, h, "a", Settings{})
	store.err = errors.New("no disk")
	if _, err := h.Create(context.Background(), "b", spec(multicast.Spec{})); err == nil {
		t.Error("created")
	}
	if _, err := h.Patch(context.Background(), "a", func(s *Settings) error { s.Multicast = new(multicast.Spec); return nil }, nil); err == nil {
		t.Error("patched")
	}
	if n := host.Stats().Groups; n != 0 {
		t.Errorf("%d groups are left", n)
	}
}

// A room keeps its place over a restart; where that cannot be, it comes back with another, or
// without one, and the log tells.
func TestMulticastRestored(t *testing.T) {
	store := &fakeStore{}
	var kept Definition
	t.Run("first run", func(t *testing.T) {
		h := newHouse(t, Config{Groups: onLoopback(t), Store: store})
		r := mustCreate(t, h, "a", spec(multicast.Spec{}))
		mustSteer(t, h, "a", func(s *Settings) { s.DisplayName = "Town hall" })
		kept = store.rooms["a"]
		if kept.Place == nil || *kept.Place != r.Group.Place {
			t.Fatalf("kept %+v of %+v", kept.Place, r.Group)
		}
	})
	kept.Place = &multicast.Place{Group: netip.MustParseAddr("239.255.77.7"), Port: 30002}
	var log bytes.Buffer
	host := onLoopback(t)
	h := newHouse(t, Config{Groups: host, Store: store, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err := h.Restore([]Definition{kept}); err != nil {
		t.Fatal(err)
	}
	if r, _ := h.Get("a"); r.Group == nil || r.Group.Place != *kept.Place || log.Len() > 0 && strings.Contains(log.String(), "moved") {
		t.Errorf("%+v, and the log says %s", r.Group, &log)
	}
	second := kept
	second.Name = "b"
	if err := h.Restore([]Definition{second}); err != nil {
		t.Fatal(err)
	}
	if r, _ := h.Get("b"); r.Group == nil || r.Group.Place == *kept.Place || !strings.Contains(log.String(), "has moved") || *store.rooms["b"].Place != r.Group.Place {
		t.Errorf("%+v, and the log says %s", r.Group, &log)
	}
	third := kept
	third.Name, third.Multicast = "c", &multicast.Spec{TTL: 200}
	if err := h.Restore([]Definition{third}); err != nil {
		t.Fatal(err)
	}
	if r, _ := h.Get("c"); r.Group != nil || r.Multicast == nil || !strings.Contains(log.String(), "without its multicast group") {
		t.Errorf("%+v, and the log says %s", r.Group, &log)
	}
	mustSteer(t, h, "c", func(s *Settings) { s.Locked = true }) // and can be changed
}

// The group is there with the conference and no longer, and events tell of it.
func TestGroupLives(t *testing.T) {
	h := newHouse(t, Config{Groups: onLoopback(t)})
	events := watch(t, h.Registry, 32).Events()
	mustCreate(t, h, "a", spec(multicast.Spec{}))
	got := next(t, events, 2)
	wantKinds(t, got, RoomCreated, RoomMulticast)
	if g := got[1].RoomInfo.Group; g == nil || g.Description == 0 || g.Stats.Sending {
		t.Errorf("%+v", g)
	}
	p := mustJoin(t, h, request("a"))
	wantKinds(t, next(t, events, 2), RoomOpened, ParticipantJoined)
	sending := func(want bool) {
		t.Helper()
		r, err := h.Get("a")
		if err != nil || r.Group.Stats.Sending != want || (r.Group.Stats.SSRC != 0) != want {
			t.Errorf("%+v (%v), want sending %v", r.Group, err, want)
		}
	}
	sending(true)
	if n := len(h.stage(0).legs); n != 2 {
		t.Errorf("%d legs hang on the stage, want the caller's and the group's", n)
	}
	before, _ := h.Get("a")
	r := mustSteer(t, h, "a", func(s *Settings) { s.Multicast.Codec = "pcmu" })
	wantKinds(t, next(t, events, 2), RoomUpdated, RoomMulticast)
	if r.Group.Place != before.Group.Place || r.Group.Stats.SSRC == before.Group.Stats.SSRC || r.Group.Description <= before.Group.Description {
		t.Errorf("%+v after %+v", r.Group, before.Group)
	}
	sending(true)
	mustSteer(t, h, "a", func(s *Settings) { s.DisplayName = "Town hall" })
	wantKinds(t, next(t, events, 2), RoomUpdated, RoomMulticast)
	mustSteer(t, h, "a", func(s *Settings) { s.Locked = true })
	wantKinds(t, next(t, events, 1), RoomUpdated)
	if r := mustSteer(t, h, "a", func(s *Settings) { s.Multicast = nil }); r.Group != nil || len(h.stage(0).legs) != 1 {
		t.Errorf("%+v, with %d legs", r.Group, len(h.stage(0).legs))
	}
	got = next(t, events, 2)
	wantKinds(t, got, RoomUpdated, RoomMulticast)
	if got[1].RoomInfo.Group != nil {
		t.Errorf("%+v", got[1].RoomInfo.Group)
	}
	mustSteer(t, h, "a", func(s *Settings) { s.Multicast = new(multicast.Spec) })
	wantKinds(t, next(t, events, 2), RoomUpdated, RoomMulticast)
	sending(true)
	mustLeave(t, p)
	wantKinds(t, next(t, events, 2), ParticipantLeft, RoomClosed)
	sending(false)
}

// What could not be opened is opened when somebody joins, and until then nothing hangs on the mix.
func TestGroupOpensLate(t *testing.T) {
	h := newHouse(t, Config{Groups: onLoopback(t)})
	r := mustCreate(t, h, "a", spec(multicast.Spec{}))
	other, err := net.ListenPacket("udp4", netip.AddrPortFrom(r.Group.Source, uint16(r.Group.Port+1)).String())
	if err != nil {
		t.Fatal(err)
	}
	mustJoin(t, h, request("a"))
	if r, _ := h.Get("a"); r.Group.Stats.Sending || len(h.stage(0).legs) != 1 {
		t.Errorf("sending %v, with %d legs", r.Group.Stats.Sending, len(h.stage(0).legs))
	}
	other.Close()
	mustJoin(t, h, request("a"))
	if r, _ := h.Get("a"); !r.Group.Stats.Sending || len(h.stage(0).legs) != 3 {
		t.Errorf("sending %v, with %d legs", r.Group.Stats.Sending, len(h.stage(0).legs))
	}
}

// Whoever's heardBy does not name the group is not in its mix, nor is who is held; the others are.
func TestGroupHears(t *testing.T) {
	h := newHouse(t, Config{Groups: onLoopback(t)})
	mustCreate(t, h, "a", spec(multicast.Spec{}))
	var people []*Participant
	for range 3 {
		people = append(people, mustJoin(t, h, request("a")))
	}
	s := h.stage(0)
	heard := func() (all string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, m := range s.mixes {
			for _, l := range m.listeners {
				if l.in != nil {
					continue
				}
				for i, p := range people {
					if m.all != contains(m.inputs, p.leg.in) {
						all += string(rune('0' + i))
					}
				}
			}
		}
		return all
	}
	lists := func(i int, by ...string) {
		mustSet(t, h, people[i], func(s *ParticipantSettings) { s.HeardBy = &by })
	}
	lists(0, people[1].ID())
	if got := heard(); got != "12" {
		t.Errorf("the group hears %s, want 12", got)
	}
	lists(0, people[1].ID(), GroupListener)
	if got := heard(); got != "012" {
		t.Errorf("the group hears %s, want 012", got)
	}
	// Of a conference that has lists already, a group that comes later hears the same.
	lists(0, people[2].ID())
	mustSteer(t, h, "a", func(s *Settings) { s.Multicast = nil })
	if got := heard(); got != "" {
		t.Errorf("what is gone hears %s", got)
	}
	mustSteer(t, h, "a", func(s *Settings) { s.Multicast = new(multicast.Spec) })
	if got := heard(); got != "12" {
		t.Errorf("the group hears %s, want 12", got)
	}
}

// tuner is a call whose phone can listen to a group.
type tuner struct {
	*fakeCall
	mu     sync.Mutex
	refuse error
	came   chan bool
	hold   chan struct{} // if not nil, the phone takes until it is closed
}

func newTuner() *tuner { return &tuner{fakeCall: newFakeCall(), came: make(chan bool, 16)} }

func (c *tuner) Deliver(_ context.Context, group bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.came <- group
	if c.hold != nil {
		<-c.hold
	}
	return c.refuse
}

func (c *tuner) wants(t *testing.T, group bool) {
	t.Helper()
	select {
	case got := <-c.came:
		if got != group {
			t.Errorf("moved to the group: %v, want %v", got, group)
		}
	case <-time.After(20 * time.Second):
		t.Fatalf("the phone was not asked; want %v", group)
	}
}

func TestDelivery(t *testing.T) {
	h := newHouse(t, Config{Groups: onLoopback(t)})
	mustCreate(t, h, "a", Settings{})
	call := newTuner()
	req := request("a")
	req.Call = call
	p, plain := mustJoin(t, h, req), mustJoin(t, h, request("a"))
	deliver := func(s *ParticipantSettings) { s.Delivery = DeliverMulticast }
	_, err := patch(h, p, deliver)
	wantError(t, err, Invalid, "delivery", "no multicast group")
	mustSteer(t, h, "a", func(s *Settings) { s.Multicast = &multicast.Spec{SRTP: true} })
	_, err = patch(h, plain, deliver)
	wantError(t, err, Invalid, "delivery", "only deliver by unicast")
	_, err = patch(h, p, func(s *ParticipantSettings) { s.Delivery = "pigeon" })
	wantError(t, err, Invalid, "delivery", "neither")

	s := mustSet(t, h, p, deliver)
	call.wants(t, true)
	if !s.OnGroup || !s.Muted || s.Delivery != DeliverMulticast {
		t.Errorf("%+v", s)
	}
	listeners := func() int { r, _ := h.Get("a"); return r.Group.Listeners }
	if n := listeners(); n != 1 {
		t.Errorf("%d listeners", n)
	}
	if s := mustSet(t, h, p, func(s *ParticipantSettings) { s.Muted = false }); s.OnGroup { // who speaks gets a mix of its own
		t.Errorf("%+v", s)
	}
	call.wants(t, false)
	if s := mustSet(t, h, p, func(s *ParticipantSettings) { s.Muted = true }); !s.OnGroup { // and goes back
		t.Errorf("%+v", s)
	}
	call.wants(t, true)
	// A new key reaches who listens.
	before, _ := h.Get("a")
	after, err := h.Rekey("a")
	if err != nil || after.Group.Description <= before.Group.Description {
		t.Errorf("%+v (%v)", after.Group, err)
	}
	call.wants(t, true)
	// Signalling finds that nothing comes of it.
	p.SetDelivered(false)
	if s, _ := p.Snapshot(); s.OnGroup || s.Delivery != "" || !s.Muted {
		t.Errorf("%+v", s)
	}
	call.refuse = errors.New("488 Not Acceptable Here")
	_, err = patch(h, p, deliver)
	wantError(t, err, Conflict, "delivery", "488")
	call.wants(t, true)
	if s, _ := p.Snapshot(); s.OnGroup || s.Delivery != "" {
		t.Errorf("%+v", s)
	}
	p.SetDelivered(true)
	if s, _ := p.Snapshot(); !s.OnGroup || s.Delivery != DeliverMulticast || !s.Muted {
		t.Errorf("%+v", s)
	}
	// Without a group there is unicast.
	call.refuse = nil
	mustSteer(t, h, "a", func(s *Settings) { s.Multicast = nil })
	call.wants(t, false)
}

// A listener that only the group muted is heard when it takes a stream of its own, or the group
// comes to nothing; whom somebody muted stays muted.
func TestWhoMutedTheListener(t *testing.T) {
	h := newHouse(t, Config{Groups: onLoopback(t)})
	mustCreate(t, h, "a", spec(multicast.Spec{}))
	join := func(muted bool) *Participant {
		req := request("a")
		req.Call = newTuner()
		p := mustJoin(t, h, req)
		mustSet(t, h, p, func(s *ParticipantSettings) { s.Muted = muted })
		mustSet(t, h, p, func(s *ParticipantSettings) { s.Delivery = DeliverMulticast })
		return p
	}
	speak, nothing := (*Participant).Speak, func(p *Participant) { p.SetDelivered(false) }
	again := func(p *Participant) {
		mustSet(t, h, p, func(s *ParticipantSettings) { s.Muted = false })
		mustSet(t, h, p, func(s *ParticipantSettings) { s.Muted = true })
		p.Speak()
	}
	for i, c := range []struct {
		muted    bool
		then     func(*Participant)
		stays    bool // muted
		delivery Delivery
	}{
		{false, speak, false, DeliverMulticast}, {true, speak, true, ""},
		{false, nothing, false, ""}, {true, nothing, true, ""},
		{false, again, true, ""},
	} {
		p := join(c.muted)
		c.then(p)
		if s, _ := p.Snapshot(); s.Muted != c.stays || s.Delivery != c.delivery || s.OnGroup {
			t.Errorf("%d: muted %v, delivery %q, on the group %v", i, s.Muted, s.Delivery, s.OnGroup)
		}
	}
}

// A group that ends while a phone is on its way there is left again.
func TestGroupEndsOnTheWay(t *testing.T) {
	h := newHouse(t, Config{Groups: onLoopback(t)})
	mustCreate(t, h, "a", spec(multicast.Spec{}))
	call := newTuner()
	call.hold = make(chan struct{})
	req := request("a")
	req.Call = call
	p := mustJoin(t, h, req)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = patch(h, p, func(s *ParticipantSettings) { s.Delivery = DeliverMulticast })
	}()
	call.wants(t, true)
	mustSteer(t, h, "a", func(s *Settings) { s.Multicast = nil })
	close(call.hold)
	call.wants(t, false)
	<-done
}

// Who moves to another room takes the key along, listens to the group there, and is served by
// unicast where there is none.
func TestListenerMoves(t *testing.T) {
	h := newHouse(t, Config{Groups: onLoopback(t)})
	for _, name := range []Name{"a", "b"} {
		mustCreate(t, h, name, spec(multicast.Spec{SRTP: true}))
	}
	mustCreate(t, h, "c", Settings{})
	call := newTuner()
	req := request("a")
	req.Call = call
	p := mustJoin(t, h, req)
	mustSet(t, h, p, func(s *ParticipantSettings) { s.Delivery = DeliverMulticast })
	call.wants(t, true)
	for _, to := range []Name{"b", "c"} {
		from := p.Room()
		if _, err := h.Move(context.Background(), from, p.ID(), to); err != nil {
			t.Fatal(err)
		}
		call.wants(t, to == "b")
		if r, _ := h.Get(from); r.Group.Stats.Rekeyed != 1 || r.Group.Listeners != 0 {
			t.Errorf("%s: %d new keys, %d listeners", from, r.Group.Stats.Rekeyed, r.Group.Listeners)
		}
	}
}

// Who is removed takes the key along, so that there is another.
func TestRemovedListenerRekeys(t *testing.T) {
	h := newHouse(t, Config{Groups: onLoopback(t)})
	mustCreate(t, h, "a", spec(multicast.Spec{SRTP: true}))
	rekeyed := func() uint64 { r, _ := h.Get("a"); return r.Group.Stats.Rekeyed }
	for i, c := range []struct {
		knew bool
		why  ReasonCode
		want uint64
	}{{false, ReasonRemoved, 0}, {true, ReasonLeft, 0}, {true, ReasonRemoved, 1}} {
		stays := mustJoin(t, h, request("a"))
		p := mustJoin(t, h, request("a"))
		if c.knew {
			p.SetDelivered(true)
		}
		if err := p.Remove(context.Background(), Reason{Code: c.why}); err != nil {
			t.Fatal(err)
		}
		if n := rekeyed(); n != c.want {
			t.Errorf("%d: %d new keys, want %d", i, n, c.want)
		}
		mustLeave(t, stays)
	}
	mustSteer(t, h, "a", func(s *Settings) { s.Multicast.SRTP = false })
	_, err := h.Rekey("a")
	wantError(t, err, Conflict, "", "no key")
}

// opusListener is sent what the group sends.
var opusFormat = media.Format{Codec: media.Opus, ClockRate: 48000, SampleRate: 48000, Channels: 1, PacketTime: 20 * time.Millisecond,
	Opus: media.OpusParams{Bitrate: 32000}}

// Where a listener without wishes is there, a group costs no encoder; and it is sent the sound.
func TestGroupSharesTheEncoder(t *testing.T) {
	host := onLoopback(t)
	h := newHall(t)
	h.config.Groups = host
	speak := request("a")
	speak.Media = Media{Source: &loudSource{}, Sink: nullSink{}, Send: mixer.OutputConfig{Format: pcmu}}
	speak.Media.Receive.Formats = map[uint8]media.Format{0: pcmu}
	listen := request("a")
	listen.Media = Media{Sink: nullSink{}, Send: mixer.OutputConfig{PayloadType: 111, Format: opusFormat}}
	for _, req := range []JoinRequest{speak, listen} {
		if _, err := h.Join(context.Background(), req); err != nil {
			t.Fatal(err)
		}
	}
	encoded := func() uint64 {
		h.tick(50)
		before := h.engine.Stats().Encoded
		h.tick(100)
		return h.engine.Stats().Encoded - before
	}
	without := encoded()
	change := func(f func(*Settings)) {
		t.Helper()
		if _, err := h.Patch(context.Background(), "a", func(s *Settings) error { f(s); return nil }, nil); err != nil {
			t.Fatal(err)
		}
	}
	change(func(s *Settings) { s.Multicast = new(multicast.Spec) })
	with := encoded()
	r, _ := h.Get("a")
	if with != without || without == 0 {
		t.Errorf("%d payloads are encoded with a group, %d without", with, without)
	}
	if st := r.Group.Stats.Stream; st.Packets < 100 || st.Failed+st.Unreachable > 0 {
		t.Errorf("%+v", st)
	}
	sent := r.Group.Stats.Stream.Packets
	change(func(s *Settings) { s.Multicast.Codec = "pcmu" })
	if total := host.Stats().Stream.Packets; total < sent {
		t.Errorf("the host counts %d packets, and a group that is released sent %d", total, sent)
	}
	if more := encoded(); more <= without {
		t.Errorf("%d payloads are encoded for a group of another codec, %d without: the test counts nothing", more, without)
	}
}
