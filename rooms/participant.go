package rooms

import (
	"context"
	"strings"
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
}

// Call is the signalling behind a participant.
type Call interface {
	// End asks signalling to hang up: the room has taken the participant out. It is
	// called at most once, by the room's goroutine, and must not block. Signalling then
	// calls [Participant.Leave] to learn when source and sink are free.
	End(Reason)
}

// JoinRequest is who wants to join what.
type JoinRequest struct {
	Room    Name
	Info    Info
	Trusted bool // may open a room where policy is [OpenPrivate]
	Media   Media
	Call    Call // nil if nobody needs to be told
}

// MediaUpdate is what changes in a participant's media, all of it at one tick. Nil fields
// change nothing. Do runs first, on the media thread: it must not block.
type MediaUpdate struct {
	Receive *mixer.InputConfig
	Send    *mixer.OutputConfig
	Do      func()
}

// ParticipantStats are a participant's figures of now.
type ParticipantStats struct {
	Joined time.Time
	Input  mixer.InputStats // zero if it has no source
}

// Participant is one source and sink in a room. Its methods may be called by any goroutine.
type Participant struct {
	// Fixed at birth.
	id     string
	room   *room
	info   Info
	call   Call
	joined time.Time
	leg    leg
	gone   chan struct{} // closed when the media plane has let go

	// Accessed by the room's goroutine only.
	receive mixer.InputConfig // as signalling wants it; muting comes on top
	left    bool
	talking bool
	muted   bool
	deaf    bool
	lost    bool
}

// ID returns the participant's name within the registry: letters and digits, never reused.
func (p *Participant) ID() string { return p.id }

// Room returns the name of the room that it joined.
func (p *Participant) Room() Name { return p.room.name }

// Done is closed when the participant has left and the media plane no longer touches its
// source and sink.
func (p *Participant) Done() <-chan struct{} { return p.gone }

// Stats returns figures of now.
func (p *Participant) Stats() ParticipantStats {
	s := ParticipantStats{Joined: p.joined}
	if p.leg.in != nil {
		s.Input = p.leg.in.Stats()
	}
	return s
}

// Update changes the participant's media and returns after the tick at which that
// happened. Errors: NotFound if it has left, TimedOut if ctx ended before the tick (the
// update still happens).
func (p *Participant) Update(ctx context.Context, u MediaUpdate) error {
	done, err := ask(p.room, p.room.updates, updateRequest{p, u})
	if err != nil {
		return err
	}
	return wait(ctx, done, "update")
}

// SetMuted takes the participant's sound out of every mix, or lets it in again. Errors: as
// Update.
func (p *Participant) SetMuted(ctx context.Context, muted bool) error {
	done, err := ask(p.room, p.room.settings, settingRequest{p: p, muted: &muted})
	if err != nil {
		return err
	}
	return wait(ctx, done, "mute")
}

// SetDeaf lets the participant hear silence, or the room again. Errors: as Update.
func (p *Participant) SetDeaf(ctx context.Context, deaf bool) error {
	done, err := ask(p.room, p.room.settings, settingRequest{p: p, deaf: &deaf})
	if err != nil {
		return err
	}
	return wait(ctx, done, "deafen")
}

// Digit tells the room that the participant pressed a key, as signalling heard it: code 0
// to 15 as in RFC 4733 section 3.2. Other codes and keys of who has left are ignored.
func (p *Participant) Digit(code byte, held time.Duration) {
	if int(code) < len(keys) {
		_, _ = ask(p.room, p.room.digits, digitRequest{p, keys[code], held})
	}
}

// SetLost tells the room that nothing arrives from the participant any more, as whoever
// watches its transport found, or that something does again.
func (p *Participant) SetLost(lost bool) {
	_, _ = ask(p.room, p.room.losses, lossRequest{p, lost})
}

// Leave ends the participation, if it has not ended yet, and returns when the media plane
// no longer touches source and sink. The Call is not asked to end. Error: TimedOut if ctx
// ended first (the participant leaves all the same).
func (p *Participant) Leave(ctx context.Context, why Reason) error {
	_, _ = ask(p.room, p.room.leaves, leaveRequest{p, why, false})
	return wait(ctx, p.gone, "leave")
}

// Remove ends the participation as Leave does, and asks the Call to end for the same
// reason. Error: NotFound if it has left, TimedOut as Leave.
func (p *Participant) Remove(ctx context.Context, why Reason) error {
	if _, err := ask(p.room, p.room.leaves, leaveRequest{p, why, true}); err != nil {
		return err
	}
	return wait(ctx, p.gone, "remove")
}

// snapshot is called by the room's goroutine.
func (p *Participant) snapshot() ParticipantSnapshot {
	return ParticipantSnapshot{
		ID: p.id, Info: p.info, Joined: p.joined,
		Talking: p.talking, Muted: p.muted, Deaf: p.deaf, Lost: p.lost,
	}
}

// effective returns what the mixer is told of the participant's ingress.
func (p *Participant) effective() mixer.InputConfig {
	c := p.receive
	c.Muted = c.Muted || p.muted
	return c
}

// keys are the telephone keys by their RFC 4733 event code.
const keys = "0123456789*#ABCD"

func isKey(c byte) bool { return strings.IndexByte(keys, c) >= 0 }

// wait returns when done is closed.
func wait(ctx context.Context, done <-chan struct{}, op string) error {
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
