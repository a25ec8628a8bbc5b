package video

import (
	"encoding/binary"

	"github.com/confd/confd/media"
)

// Frame is what a player hands out.
type Frame struct {
	// Payloads are its RTP payloads, one a packet; the last packet has the marker.
	Payloads  [][]byte
	Timestamp uint32
	Number    uint32 // from 0, without gaps
	Key       bool
}

// Player plays a stream in a loop for one sender, whose mark is in each frame. It is for one
// goroutine at a time.
type Player struct {
	stream *Stream
	sender uint32
	start  int64
	at     int // in the stream, of the next frame
	mark   Mark
	frame  Frame
	buffer []byte
}

// NewPlayer makes one whose first frame is due at start. A sender's timestamps and picture
// ids begin anywhere, and always at the same place.
func NewPlayer(s *Stream, sender uint32, start int64) *Player {
	p := &Player{stream: s, sender: sender, start: start}
	p.frame.Timestamp = sender*2654435761 - Ticks
	p.mark.Number--
	return p
}

// Due returns when the next frame is to be sent.
func (p *Player) Due() int64 { return p.start + int64(p.mark.Number+1)*int64(Interval) }

// KeyFrame has the next frame be a key frame, as a receiver may ask for.
func (p *Player) KeyFrame() { p.at = 0 }

// Switch goes on with another stream of the same codec, of another bitrate, from its key
// frame on.
func (p *Player) Switch(s *Stream) {
	if s != p.stream {
		p.stream, p.at = s, 0
	}
}

// Next makes the next frame, with now as the time in its mark. What it returns is valid
// until the next call. After the first round it allocates nothing.
func (p *Player) Next(now int64) *Frame {
	from := &p.stream.frames[p.at]
	p.at = (p.at + 1) % len(p.stream.frames)
	p.mark = Mark{Sender: p.sender, Number: p.mark.Number + 1, At: now, Sum: from.sum, Packets: uint16(len(from.payloads)), Key: from.key}
	p.frame.Number, p.frame.Key = p.mark.Number, from.key
	p.frame.Timestamp += Ticks
	p.copy(from)
	if p.stream.Codec == media.VP8 {
		p.number()
	}
	p.mark.put(p.frame.Payloads[from.packet][from.offset:])
	return &p.frame
}

// copy copies a frame's payloads into the player's buffer.
func (p *Player) copy(from *frame) {
	if len(p.buffer) < p.stream.largest {
		p.buffer = make([]byte, p.stream.largest)
	}
	room := p.buffer
	p.frame.Payloads = p.frame.Payloads[:0]
	for _, b := range from.payloads {
		n := copy(room, b)
		p.frame.Payloads = append(p.frame.Payloads, room[:n:n])
		room = room[n:]
	}
}

// number writes the picture id into the descriptors of VP8.
func (p *Player) number() {
	id := uint16(p.mark.Number+p.sender*40503) | 0x8000
	for _, b := range p.frame.Payloads {
		binary.BigEndian.PutUint16(b[vp8PictureAt:], id)
	}
}

// Stream returns what is played now.
func (p *Player) Stream() *Stream { return p.stream }
