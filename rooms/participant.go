package rooms

import (
	"context"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/confd/confd/media"
	"github.com/confd/confd/mixer"
)

// Media is how a participant's sound comes and goes. Source or Sink may be nil: such a
// participant only hears or only speaks.
type Media struct {
	Source  media.Source
	Sink    media.Sink
	Receive mixer.InputConfig
	Send    mixer.OutputConfig
	Quality func() LegQuality // figures of the transport; any goroutine may call it; nil = none are known
	Video   []VideoMedia      // its video lines, those that were refused among them
}

// Call is the signalling behind a participant.
type Call interface {
	// End asks signalling to hang up: the room has taken the participant out. It is
	// called at most once, by a room's goroutine, and must not block. Signalling then
	// calls [Participant.Leave] to learn when source and sink are free.
	End(Reason)
}

// JoinRequest is who wants to join what.
type JoinRequest struct {
	Room    Name
	Info    Info
	Trusted bool // may open a room where policy is [OpenPrivate], and join where admission is [AdmitPrivate]
	Media   Media
	Call    Call // nil if nobody needs to be told
}

// MediaUpdate is what changes in a participant's media, all of its sound at one tick. Nil fields
// change nothing. Do runs first, on the media thread: it must not block. Video is all lines that
// there are from now on: what is missing is taken out.
type MediaUpdate struct {
	Receive *mixer.InputConfig
	Send    *mixer.OutputConfig
	Do      func()
	Video   []VideoMedia
}

// Participant is one source and sink in a room, or one that is being called. Its methods
// may be called by any goroutine.
type Participant struct {
	// Fixed at birth.
	id      string
	created time.Time
	gone    chan struct{} // closed when the media plane has let go, or never got hold

	room atomic.Pointer[room] // where it is now; changed by the goroutine of the one before
	live atomic.Pointer[live] // what figures are taken from; nil before it is connected

	// Accessed by the room's goroutine only.
	leg      leg
	info     Info
	call     Call
	dial     *dialOut // while it is dialled
	joined   time.Time
	place    uint64 // in the order of the room
	state    State
	settings ParticipantSettings
	version  uint64
	receive  mixer.InputConfig // as signalling wants it; settings come on top
	send     mixer.OutputConfig
	talking  bool
	lost     bool
	rooms    []Name       // that it has been in
	offered  []VideoMedia // until it is in the conference
	video    *presence    // nil without video lines
	// Of the room's multicast group:
	onGroup   bool   // it listens to it
	hasKey    bool   // it knows the key, or did
	hushed    bool   // the group muted it, and nobody else
	described uint64 // the renewal of the group that it was told of

	delivering sync.Mutex // while signalling moves it to the group or back

	abandoned *Reason // the dial-out ended before signalling could be told; read when it has
}

// newParticipant makes one in no room.
func newParticipant(i Info) *Participant {
	now := time.Now()
	return &Participant{id: newID(now), created: now, info: i, version: 1, gone: make(chan struct{})}
}

// leg makes what the media plane needs.
func (m *Media) leg() leg {
	var l leg
	if m.Source != nil {
		l.in = mixer.NewInput(m.Source, m.Receive)
	}
	if m.Sink != nil {
		l.out = mixer.NewOutput(m.Sink, m.Send)
	}
	return l
}

// connect gives the participant its media. It is called by who owns it.
func (p *Participant) connect(m Media, l leg, c Call) {
	p.leg, p.call, p.receive, p.send, p.offered = l, c, m.Receive, m.Send, m.Video
	v := &live{leg: l, quality: m.Quality}
	v.setFormat(m.Send.Format)
	p.live.Store(v)
}

// ID returns the participant's name: letters and digits, never reused. See [IDTime].
func (p *Participant) ID() string { return p.id }

// Room returns the name of the room that it is in, or was in last.
func (p *Participant) Room() Name { return p.room.Load().name }

// Done is closed when the participant has left and the media plane no longer touches its
// source and sink.
func (p *Participant) Done() <-chan struct{} { return p.gone }

// askOf has the goroutine of p's room call f with the room, wherever p moves meanwhile.
// Error: errEnded if p has left.
func askOf[A any](p *Participant, f func(r *room) (A, error)) (A, error) {
	for {
		r := p.room.Load()
		v, err := ask(r, func() (A, error) {
			var none A
			switch {
			case p.room.Load() != r:
				return none, errMoved
			case p.left():
				return none, errEnded
			}
			return f(r)
		})
		if err != errMoved && (err != errEnded || p.room.Load() == r) {
			return v, err
		}
	}
}

// errMoved never leaves this package.
var errMoved = &Error{Code: Internal, Op: "room", Message: "the participant is in another room"}

// tellOf is askOf for what has no answer.
func tellOf(p *Participant, f func(r *room) error) error {
	_, err := askOf(p, func(r *room) (struct{}, error) { return struct{}{}, f(r) })
	return err
}

// Update changes the participant's media and returns after the tick at which that
// happened, and when the video worker has let go of lines that are no more. Errors: NotFound if it has left, TimedOut if ctx ended before the tick (the
// update still happens).
func (p *Participant) Update(ctx context.Context, u MediaUpdate) error {
	done, err := askOf(p, func(r *room) (ticked, error) { return r.update(p, u), nil })
	if err != nil {
		return err
	}
	return wait(ctx, done, "update")
}

// SetMuted takes the participant's sound out of every mix, or lets it in again. Errors: as
// Update.
func (p *Participant) SetMuted(ctx context.Context, muted bool) error {
	s, err := p.patch(ctx, "", func(s *ParticipantSettings) error { s.Muted = muted; return nil }, nil)
	if s.Delivery == DeliverMulticast {
		p.deliverSoon()
	}
	return err
}

// SetDeaf lets the participant hear silence, or the room again. Errors: as Update.
func (p *Participant) SetDeaf(ctx context.Context, deaf bool) error {
	_, err := p.patch(ctx, "", func(s *ParticipantSettings) error { s.Deaf = deaf; return nil }, nil)
	return err
}

// Digit tells the room that the participant pressed a key, as signalling heard it: code 0
// to 15 as in RFC 4733 section 3.2. Other codes and keys of who has left are ignored.
func (p *Participant) Digit(code byte, held time.Duration) {
	if int(code) < len(keys) {
		_ = tellOf(p, func(r *room) error { r.tellDigit(p, keys[code], held); return nil })
	}
}

// SetLost tells the room that nothing arrives from the participant any more, as whoever
// watches its transport found, or that something does again.
func (p *Participant) SetLost(lost bool) {
	_ = tellOf(p, func(r *room) error { r.setLost(p, lost); return nil })
}

// Leave ends the participation, if it has not ended yet, and returns when the media plane
// no longer touches source and sink. The Call is not asked to end. Error: TimedOut if ctx
// ended first (the participant leaves all the same).
func (p *Participant) Leave(ctx context.Context, why Reason) error {
	_ = tellOf(p, func(r *room) error { r.remove(p, why, false); return nil })
	return wait(ctx, p.gone, "leave")
}

// Remove ends the participation as Leave does, and asks the Call to end for the same
// reason; dialling out is cancelled. Error: NotFound if it has left, TimedOut as Leave.
func (p *Participant) Remove(ctx context.Context, why Reason) error {
	if err := tellOf(p, func(r *room) error { r.remove(p, why, true); return nil }); err != nil {
		return err
	}
	return wait(ctx, p.gone, "remove")
}

// Snapshot returns what the participant is like now. Error: NotFound if it has left.
func (p *Participant) Snapshot() (ParticipantSnapshot, error) {
	return askOf(p, func(*room) (ParticipantSnapshot, error) { return p.snapshot(), nil })
}

// left tells whether the participation is over.
func (p *Participant) left() bool { return p.state == StateLeft || p.state == StateFailed }

// connected tells whether it has media in the conference.
func (p *Participant) connected() bool { return p.state == StateConnected || p.state == StateHeld }

// snapshot is called by the room's goroutine.
func (p *Participant) snapshot() ParticipantSnapshot {
	return ParticipantSnapshot{
		ID: p.id, Room: p.room.Load().name, Info: p.info, State: p.state,
		ParticipantSettings: p.settings.clone(), Version: p.version,
		Created: p.created, Joined: p.joined, Talking: p.talking, Lost: p.lost, OnGroup: p.onGroup,
		Video: p.videoLines(),
	}
}

// receiving returns what the mixer is told of the participant's ingress.
func (p *Participant) receiving() *mixer.InputConfig {
	c := p.receive
	c.Muted = c.Muted || p.settings.Muted
	c.Held = c.Held || p.settings.Held
	c.Gain = amplified(c.Gain, p.settings.InputGain)
	return &c
}

// sending returns what the mixer is told of the participant's egress.
func (p *Participant) sending() *mixer.OutputConfig {
	c := p.send
	c.Gain = amplified(c.Gain, p.settings.OutputGain)
	return &c
}

// amplified returns a linear gain, of which 0 means 1, with so many dB more.
func amplified(gain float32, dB float64) float32 {
	if dB == 0 {
		return gain
	}
	if gain == 0 {
		gain = 1
	}
	return gain * float32(math.Pow(10, dB/20))
}

// keys are the telephone keys by their RFC 4733 event code.
const keys = "0123456789*#ABCD"

func isKey(c byte) bool { return strings.IndexByte(keys, c) >= 0 }

// ticked is closed at the tick that has done what was asked.
type ticked = <-chan struct{}

// wait returns when done is closed.
func wait(ctx context.Context, done ticked, op string) error {
	select {
	case <-done:
		return nil
	default:
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return &Error{Code: TimedOut, Op: op, Message: "the media plane did not get to it in time", Err: ctx.Err()}
	}
}
