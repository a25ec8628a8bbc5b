package forwarder

import (
	"sync/atomic"
	"time"

	"github.com/confd/confd/forwarder/bandwidth"
	"github.com/confd/confd/forwarder/egress"
	"github.com/confd/confd/media"
)

// MaxEncodings is how many simulcast streams a line may send.
const MaxEncodings = egress.MaxEncodings

// LineConfig is how a line is served. Send and Receive are the server's directions.
type LineConfig struct {
	// Format is what was negotiated. A line is shown only sources of the same.
	Format media.VideoFormat
	// NACK: the peer retransmits what is asked for.
	NACK bool
	// Send: the peer may be sent pictures. Receive: it may send some.
	Send, Receive bool
	// Muted: what it sends is shown to nobody.
	Muted bool
	// Stopped: it is sent nothing.
	Stopped bool
	// Low: it is sent as little as there is: the lowest encoding and layers.
	Low bool
	// Freeze is how long it may get no picture of a source that sends before it counts as frozen;
	// 0: 500 ms. Slides need more: few of them are sent.
	Freeze time.Duration
	// MaxBitrate bounds what it is sent, bits per second; 0 leaves that to what its path bears.
	MaxBitrate uint64
	// SourceLimit bounds what it is asked to send, bits per second; 0 does not.
	SourceLimit uint64
	// Encodings is how many simulcast streams it sends, 1 to MaxEncodings; 0 is 1.
	Encodings int
}

func (c LineConfig) withDefaults() LineConfig {
	c.Encodings = min(max(c.Encodings, 1), MaxEncodings)
	return c
}

// Line is one m=video line: what its peer sends and what that is sent. NewLine makes it; a
// conference serves it. What it is sent goes on without a break wherever it is moved.
type Line struct {
	port   Port
	cfg    LineConfig
	owner  atomic.Pointer[Conference] // conf, for who does not know whether the line is its own
	conf   *Conference                // and worker: nil outside a conference
	worker *worker
	in     intake
	out    outlet

	spoke     spoke // in the worker's wheel
	token     int   // of the worker's poller
	sockets   []int // what it waits for
	fresh     bool  // in the worker's queue of those that may have whole pictures
	resting   bool  // its sockets wake nobody
	houseAt   int64 // when it is looked after next
	quiet     bool  // it is so more rarely
	roundTrip time.Duration

	shown published
}

// NewLine makes a line that is in no conference yet. p is polled and sent to by the
// conference that it is added to, and belongs to whoever called NewLine at other times.
func NewLine(p Port, c LineConfig) *Line {
	l := &Line{port: p, cfg: c.withDefaults(), token: -1}
	l.in.line, l.out.line = l, l
	l.out.hot, _ = p.(setupNearer)
	l.out.est = bandwidth.New(bandwidth.Config{Start: firstEstimate})
	return l
}

// Port returns the port that the line was made with. Any goroutine may call it.
func (l *Line) Port() Port { return l.port }

// emit tells of something that happened to the line.
func (l *Line) emit(e Event) {
	e.Line = l
	l.conf.emit(e)
}
