package multicast

import (
	"sync"
	"time"

	"github.com/confd/confd/media"
)

// Group is one room's group. Claimed without sockets, Open starts its stream, Close ends it,
// Release gives its addresses back. It is a media.Sink while it is open. Send is for the media
// thread; any goroutine may call the other methods.
type Group struct {
	host   *Host
	room   string
	title  string
	spec   Spec
	place  Place
	format media.Format

	mu       sync.Mutex
	released bool
}

// Percentiles are what half, 90 and 99 of 100 listeners do not pass.
type Percentiles struct{ P50, P90, P99 float64 }

// Audience is what the listeners' reports say.
type Audience struct {
	Estimate  int         // listeners, those included that have not reported of late
	Reporting int         // listeners whose reports are at hand
	Loss      Percentiles // 0 to 1
	Jitter    Percentiles // seconds
	Updated   time.Time   // of the last report; zero if there was none
}

// GroupStats are the counts of a group since it was claimed.
type GroupStats struct {
	Sending bool   // it is open
	SSRC    uint32 // of the stream, 0 if it is not open
	Packets uint64
	Octets  uint64 // of payload
	Failed  uint64 // packets that the machine did not take
	Moved   uint64 // changes of interface or source address that the group followed
}

func newGroup(h *Host, room, title string, s Spec, p Place) *Group {
	return &Group{host: h, room: room, title: title, spec: s, place: p, format: s.format(&h.config)}
}

// Spec returns what the room asked for, defaults written out.
func (g *Group) Spec() Spec { return g.spec }

// Place returns what the room was given.
func (g *Group) Place() Place { return g.place }

// Format returns what the class that the group listens to encodes.
func (g *Group) Format() media.Format { return g.format }

// PayloadType returns that of the format, without redundancy.
func (g *Group) PayloadType() uint8 { return codecs[g.spec.Codec].pt }

// Open starts the stream. Errors are of type *Error: Unavailable if interface, address or
// sockets cannot be had; it may then be called again.
func (g *Group) Open() error {
	return &Error{Code: Unavailable, Message: "this build has no multicast stream"}
}

// Close ends the stream with a BYE; Open may start it again. The sink must have been detached,
// or is detached later: what is sent until then is dropped.
func (g *Group) Close() {}

// Release closes the group and gives its addresses back. Nothing but Stats is to be called after.
func (g *Group) Release() {
	g.Close()
	g.mu.Lock()
	g.released = true
	g.mu.Unlock()
	g.host.release(g)
}

// Send implements media.Sink. The media thread calls it; it does not block, lock or allocate.
func (g *Group) Send(*media.Outgoing) {}

// Description returns the session description and its version, which grows with every change.
// With a key it says how to decrypt: it is for those who may listen.
func (g *Group) Description(withKey bool) (sdp []byte, version uint64) { return nil, 0 }

// Rekey has the stream go on under a new key, and returns the version of the description that
// has it.
func (g *Group) Rekey() (version uint64, err error) {
	if !g.spec.SRTP {
		return 0, invalid("srtp", "the group has no key: want srtp on")
	}
	return 0, &Error{Code: Unavailable, Message: "the group is not open"}
}

// Audience returns what listeners report.
func (g *Group) Audience() Audience { return Audience{} }

// Stats returns the counts of the moment.
func (g *Group) Stats() GroupStats { return GroupStats{} }
