package video

import (
	"hash/crc32"

	"github.com/confd/confd/media"
)

// Counts are what a watch has found. Of a server that forwards without fault, over a
// network without loss, all from Lost on are 0.
type Counts struct {
	Packets, Bytes    uint64 // of payload
	Frames, KeyFrames uint64 // that came whole and as they were sent
	Switches          uint64 // from one sender to another; the first is none
	Skipped           uint64 // frames of the sender that is seen that did not come, after which a key frame did

	Lost         uint64 // sequence numbers that did not come
	Late         uint64 // packets behind one that has come, or twice; not looked at
	Broken       uint64 // frames that are not whole, or differ from what was sent
	Unmarked     uint64 // frames that no player made
	Undecodable  uint64 // frames that need one that did not come: after a switch, a gap or a broken one
	Timestamps   uint64 // frames whose timestamp does not lie after the one before
	PictureIDs   uint64 // frames of VP8 whose picture id is not the next, where none was lost
	WithoutStart uint64 // frames whose first packet does not begin a frame
}

// Add adds up what several watches have found.
func (c *Counts) Add(o *Counts) {
	for _, v := range [...]struct {
		to   *uint64
		from uint64
	}{
		{&c.Packets, o.Packets}, {&c.Bytes, o.Bytes}, {&c.Frames, o.Frames}, {&c.KeyFrames, o.KeyFrames},
		{&c.Switches, o.Switches}, {&c.Skipped, o.Skipped}, {&c.Lost, o.Lost}, {&c.Late, o.Late},
		{&c.Broken, o.Broken}, {&c.Unmarked, o.Unmarked}, {&c.Undecodable, o.Undecodable},
		{&c.Timestamps, o.Timestamps}, {&c.PictureIDs, o.PictureIDs}, {&c.WithoutStart, o.WithoutStart},
	} {
		*v.to += v.from
	}
}

// Seen is a frame that came whole.
type Seen struct {
	Mark
	Switched    bool // the frame before was another sender's, or there was none
	Undecodable bool // it needs a frame that did not come
}

// Watch verifies what one receiver gets, from its first packet on. It is for one goroutine
// at a time, and allocates nothing.
type Watch struct {
	Counts
	codec     media.VideoCodec
	heard     bool
	sequence  uint16 // of the last packet
	timestamp uint32 // of the last frame that ended
	frames    uint64 // that ended
	open      open
	seen      Seen
	watched   bool // seen is valid
	decodable bool
	picture   int  // id of the last frame
	gap       bool // something was lost since it
}

// open is a frame that has begun.
type open struct {
	begun     bool
	whole     bool
	started   bool // with a packet that begins a frame
	packets   uint16
	timestamp uint32
	sum       uint32
	mark      Mark
	marked    bool
	picture   int
}

// NewWatch makes a watch of VP8 or H.264.
func NewWatch(codec media.VideoCodec) *Watch { return &Watch{codec: codec} }

// Packet takes a packet that has arrived, in order of arrival and without retransmissions
// under a number of their own. It returns the frame that the packet completes, nil if none;
// it is valid until the next call.
func (w *Watch) Packet(sequence uint16, timestamp uint32, marker bool, payload []byte) *Seen {
	step := sequence - w.sequence
	if w.heard && (step == 0 || step >= 1<<15) {
		w.Late++
		return nil
	}
	if w.open.begun && timestamp != w.open.timestamp { // its end was lost
		w.open.whole = false
		w.end()
	}
	if w.heard && step > 1 {
		w.Lost += uint64(step - 1)
		w.gap = true
	}
	w.heard, w.sequence = true, sequence
	w.Packets++
	w.Bytes += uint64(len(payload))
	if !w.open.begun {
		w.open = open{begun: true, whole: true, timestamp: timestamp, picture: -1}
	}
	w.add(payload, marker)
	if !marker {
		return nil
	}
	return w.end()
}

// add takes a payload of the open frame.
func (w *Watch) add(b []byte, last bool) {
	if len(b) == 0 {
		w.open.whole = false
		return
	}
	w.open.packets++
	if w.codec == media.VP8 {
		w.addVP8(b, last)
	} else {
		w.addH264(b)
	}
}

func (w *Watch) addVP8(b []byte, last bool) {
	o := &w.open
	size, begins, picture, ok := readVP8Head(b)
	if !ok || o.packets > 1 && picture != o.picture {
		o.whole = false
		return
	}
	if o.packets == 1 {
		o.started, o.picture = begins, picture
	}
	b = b[size:]
	if last && len(b) >= markSize {
		if o.mark, o.marked = readMark(b[len(b)-markSize:]); o.marked {
			b = b[:len(b)-markSize]
		}
	}
	o.sum = crc32.Update(o.sum, castagnoli, b)
}

func (w *Watch) addH264(b []byte) {
	o := &w.open
	if o.packets == 1 {
		if at, ok := beginsH264(b); ok {
			o.started = true
			o.mark, o.marked = readMark(b[at:])
			o.sum = crc32.Update(o.sum, castagnoli, b[:at])
			b = b[at+markSize:]
		}
	}
	o.sum = crc32.Update(o.sum, castagnoli, b)
}

// end judges the open frame.
func (w *Watch) end() *Seen {
	o := w.open
	w.open.begun = false
	if w.frames > 0 && o.timestamp-w.timestamp-1 >= 1<<31-1 {
		w.Timestamps++
	}
	w.frames++
	w.timestamp = o.timestamp
	w.checkPicture(&o)
	switch m := &o.mark; {
	case !o.whole:
		w.Broken++
	case !o.started:
		w.WithoutStart++
	case !o.marked:
		w.Unmarked++
	case m.Packets != o.packets || m.Sum != o.sum:
		w.Broken++
	default:
		return w.see(m)
	}
	w.decodable = false
	return nil
}

// checkPicture checks that picture ids run on.
func (w *Watch) checkPicture(o *open) {
	if w.codec != media.VP8 || o.picture < 0 {
		return
	}
	if w.frames > 1 && !w.gap && (o.picture-w.picture)&0x7fff != 1 {
		w.PictureIDs++
	}
	w.picture, w.gap = o.picture, false
}

// see takes a frame that is as it was sent.
func (w *Watch) see(m *Mark) *Seen {
	w.Frames++
	before := w.seen
	w.seen = Seen{Mark: *m, Switched: !w.watched || m.Sender != before.Sender}
	if w.watched && w.seen.Switched {
		w.Switches++
	}
	next := w.watched && !w.seen.Switched && m.Number == before.Number+1
	if m.Key {
		w.KeyFrames++
		if ahead := int32(m.Number - before.Number); !w.seen.Switched && ahead > 1 {
			w.Skipped += uint64(ahead - 1)
		}
	}
	w.decodable = m.Key || w.decodable && next
	if !w.decodable {
		w.Undecodable++
		w.seen.Undecodable = true
	}
	w.watched = true
	return &w.seen
}

// Sees returns whom the receiver sees: the sender of the last whole frame.
func (w *Watch) Sees() (sender uint32, ok bool) { return w.seen.Sender, w.watched }

// Restart has the watch begin anew with its next packet, as of another stream. What it has
// counted stays.
func (w *Watch) Restart() { *w = Watch{Counts: w.Counts, codec: w.codec} }
