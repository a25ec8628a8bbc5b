package rooms

import (
	"context"
	"time"

	"github.com/confd/confd/forwarder"
	"github.com/confd/confd/media"
)

// VideoMedia is one video m= line of a participant, accepted or not.
type VideoMedia struct {
	Line    int                  // its place among the m= lines of the session, which names it
	Content string               // of RFC 4796: "slides", or anything else for a camera
	Can     []media.VideoFormat  // what the peer can on this line, whatever was negotiated
	Port    forwarder.Port       // nil: the line is refused
	Config  forwarder.LineConfig // as negotiated; settings come on top
	Why     string               // the line is refused, for people
	Lacking bool                 // it is refused for want of ports alone, and may be asked for again
	Takes   media.VideoLimit     // the most that the peer says it takes of Config.Format
	Told    media.VideoLimit     // the most that the peer was told to send of it
	// Do, if not nil, puts what was negotiated into force. For a line that is there already the
	// video worker calls it at the change; for a new one the room does, before it is polled. It
	// must not block.
	Do func()
}

// VideoPlan is what a room wants of the video of a session that is about to be negotiated.
type VideoPlan struct {
	Enabled bool
	Formats []media.VideoFormat // that may be negotiated, in order of preference
	Settled bool                // the room has its format: lines are accepted with Formats[0] alone
	Lines   int                 // that a participant may have, 1 or more
	Bitrate int                 // most that a participant is to send on a line, bits per second
	// Limit is the most that it is to send of Formats[0] on a line that is not for slides: what all
	// others in the room take. Without Settled there is none.
	Limit media.VideoLimit
}

// VideoCall is a [Call] whose peer may have video.
type VideoCall interface {
	Call
	// SetVideo has the peer change its video to a format that it can, and returns when it has
	// agreed and [Participant.Update] has put that into force; the zero format ends its video.
	// One call at a time, by no room's goroutine; a [Deliverer]'s Deliver may run meanwhile.
	// An error says why the peer stays as it was: it then goes without video, and is not asked
	// for that format again. The format that it has is asked for where the limit of
	// [Participant.VideoPlan] has become another, or a line lacks ports that there may be by now;
	// who refuses that keeps what video it has.
	// Signalling asks one peer after the other, [DeliveryPace] apart.
	SetVideo(context.Context, media.VideoFormat) error
	// AskKeyFrame asks the peer for a key frame of a line by signalling (RFC 5168), as its
	// RTCP cannot be asked. Signalling limits the rate. A room's goroutine calls it: it must not
	// block.
	AskKeyFrame(line int)
}

// VideoState says what becomes of a video line.
type VideoState string

// The states of a line.
const (
	VideoOn      VideoState = "on"      // it has the room's format
	VideoOff     VideoState = "off"     // it was accepted, and is not used; see Why
	VideoRefused VideoState = "refused" // see Why
)

// VideoLineSnapshot is a video line of a participant at one moment.
type VideoLineSnapshot struct {
	Line    int
	Content string
	State   VideoState
	Why     string            // it is not on, for people
	Format  media.VideoFormat // zero if it was refused
	Sends   bool              // pictures come
	Sees    string            // id of the participant whose picture it shows; "" is none
	Takes   media.VideoLimit  // the most that the peer says it takes
	Told    media.VideoLimit  // the most that it was told to send
}

// VideoSnapshot is a room's video at one moment: its settings with the server's in place of
// what they leave open, and what came of them.
type VideoSnapshot struct {
	Enabled    bool
	Policy     VideoPolicy
	Formats    []media.VideoFormat // that the room may settle on, in order of preference
	MaxBitrate int
	Hold       time.Duration
	Format     media.VideoFormat // that the room has settled on; zero before anybody has video
	Speaker    string            // id of the participant who is to be seen; "" is nobody
}

// VideoPlan returns what is to be offered, or accepted, for a participant of the room, which
// need not be there yet. can are the formats that its offer names, if it made one: the plan is that
// of the room with the participant in it, which may have another format than without.
func (g *Registry) VideoPlan(name Name, can ...media.VideoFormat) VideoPlan {
	if r, err := g.find(name); err == nil {
		if plan, err := ask(r, func() (VideoPlan, error) { return r.videoPlan(nil, can), nil }); err == nil {
			return plan
		}
	}
	return g.videoPlan(&VideoSettings{}, media.VideoFormat{})
}

// VideoPlan returns what is to be offered to a participant, or accepted, from now on. can is as
// for [Registry.VideoPlan].
func (p *Participant) VideoPlan(can ...media.VideoFormat) VideoPlan {
	plan, _ := askOf(p, func(r *room) (VideoPlan, error) { return r.videoPlan(p, can), nil }) // an error: it has left
	return plan
}

// KeyFrameWanted tells the room that the peer has asked for a key frame of what it is shown
// on a line by signalling (RFC 5168). Lines that are not there are ignored.
func (p *Participant) KeyFrameWanted(line int) {
	_ = tellOf(p, func(r *room) error { r.keyFrameWanted(p, line); return nil })
}
