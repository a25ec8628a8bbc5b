package offeranswer

import "strings"

// Direction is which way media flows, as bits: 1 is sending, 2 is receiving. In Negotiated
// it is the server's view.
type Direction uint8

// The directions of RFC 8866 section 6.7.
const (
	Inactive Direction = 0
	SendOnly Direction = 1
	RecvOnly Direction = 2
	SendRecv Direction = 3
)

// Sends tells whether media flows out.
func (d Direction) Sends() bool { return d&SendOnly != 0 }

// Receives tells whether media flows in.
func (d Direction) Receives() bool { return d&RecvOnly != 0 }

// Reverse is the same direction seen from the other side, which is also the widest answer
// that RFC 3264 section 6.1 allows.
func (d Direction) Reverse() Direction { return d>>1&1 | d<<1&2 }

// String returns the SDP attribute.
func (d Direction) String() string {
	switch d {
	case Inactive:
		return "inactive"
	case SendOnly:
		return "sendonly"
	case RecvOnly:
		return "recvonly"
	}
	return "sendrecv"
}

func parseDirection(s string) (Direction, bool) {
	for _, d := range []Direction{Inactive, SendOnly, RecvOnly, SendRecv} {
		if strings.EqualFold(s, d.String()) {
			return d, true
		}
	}
	return Inactive, false
}

// direction returns what the peer wants, from its own view: the attribute of the media
// section, else of the session, else sendrecv. The last of several counts.
func (d *description) direction(m *section) Direction {
	wanted := SendRecv
	for _, attrs := range [][]attribute{d.attrs, m.attrs} {
		for _, a := range attrs {
			if dir, ok := parseDirection(a.name); ok && a.value == "" {
				wanted = dir
			}
		}
	}
	return wanted
}

// habit remembers how a peer takes part when it does not hold, so that hold can be told
// from a participant that only ever sends.
type habit struct {
	known bool
	usual Direction // the peer's view
}

// observe takes the peer's newest direction and returns the habit after it and whether it
// is hold: a peer that was heard and listened now only sends (its music), or is inactive.
// A first sendonly is a sender, and stays one.
func (h habit) observe(peer Direction) (habit, bool) {
	switch {
	case peer.Receives():
		return habit{true, peer}, false
	case !h.known && peer == SendOnly:
		return habit{true, peer}, false
	case !h.known:
		return h, false
	case peer == SendOnly:
		return h, h.usual.Receives()
	}
	return h, true
}
