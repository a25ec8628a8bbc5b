package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"github.com/confd/confd/forwarder/ingress"
	"github.com/confd/confd/forwarder/recording"
	"github.com/confd/confd/multicast/listen"
	"github.com/confd/confd/transport"
)

// canvas is what a listener shows a group's video to: it puts pictures together and has them
// written.
type canvas struct {
	stream   *ingress.Stream
	recorder *recording.Recorder
	file     *videoFile

	mu     sync.Mutex // guards what others read
	film   recording.Stats
	given  uint64
	before uint64 // given up by canvases before this one
}

func newCanvas(s *listen.Session, y *eye) (*canvas, error) {
	stream, err := ingress.New(ingress.Config{Codec: s.Video, NACK: s.Asks() && !y.c.NoFeedback && !y.c.NoRepair})
	if err != nil {
		return nil, err
	}
	n := &canvas{stream: stream, recorder: y.recorder, file: y.file}
	if y.canvas != nil {
		n.film, n.before = y.canvas.told()
	}
	n.given = n.before
	return n, nil
}

// Begin implements listen.Viewer.
func (n *canvas) Begin() {
	n.stream.Reset()
	n.recorder.Splice()
}

// Packet implements listen.Viewer.
func (n *canvas) Packet(p *transport.VideoPacket) {
	n.stream.Put(p)
	n.show()
}

// Turn implements listen.Viewer.
func (n *canvas) Turn(now int64) {
	n.stream.Advance(now)
	n.show()
}

// show writes what is whole.
func (n *canvas) show() {
	for f := n.stream.Next(); f != nil; f = n.stream.Next() {
		n.picture(f)
	}
	n.mu.Lock()
	n.film, n.given = n.recorder.Stats(), n.before+n.stream.Stats().GivenUp
	n.mu.Unlock()
}

func (n *canvas) picture(f *ingress.Frame) {
	if n.file.full() {
		n.recorder.Miss(f)
		return
	}
	if b := n.recorder.Append(nil, f); len(b) > 0 {
		n.file.queue <- b // has room
	}
}

// told returns what became of pictures, and how many were given up.
func (n *canvas) told() (film recording.Stats, given uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.film, n.given
}

// Due implements listen.Viewer.
func (n *canvas) Due() int64 { return n.stream.Due() }

// Missing implements listen.Viewer.
func (n *canvas) Missing(now int64, dst []uint16) []uint16 { return n.stream.Missing(now, dst) }

// NeedsKey implements listen.Viewer.
func (n *canvas) NeedsKey(now int64) bool { return n.stream.WantsKey(now) || n.recorder.NeedsKey() }

// Repaired implements listen.Viewer.
func (n *canvas) Repaired() (again, lost uint64) {
	s := n.stream.Stats()
	return s.Repaired, s.Lost
}

// videoQueue is how many pictures may wait for a slow disk or reader.
const videoQueue = 256

// videoFile writes what is queued, without keeping those waiting that bring it.
type videoFile struct {
	to     *bufio.Writer
	file   *os.File // nil: the standard output
	queue  chan []byte
	over   chan struct{}
	failed atomic.Pointer[error]
}

// openVideo begins a file; "-" is the standard output.
func openVideo(m *Main, name string) (*videoFile, error) {
	v := &videoFile{queue: make(chan []byte, videoQueue), over: make(chan struct{})}
	to := m.Stdout
	if name != "-" {
		f, err := os.Create(name)
		if err != nil {
			return nil, err
		}
		v.file, to = f, f
	}
	v.to = bufio.NewWriter(to)
	go v.run()
	return v, nil
}

// full tells whether there is no room for another picture. Only who queues them may ask.
func (v *videoFile) full() bool { return len(v.queue) == cap(v.queue) }

func (v *videoFile) run() {
	defer close(v.over)
	for b := range v.queue {
		_, err := v.to.Write(b)
		if err == nil && len(v.queue) == 0 {
			err = v.to.Flush()
		}
		if err != nil {
			v.failed.CompareAndSwap(nil, &err)
		}
	}
}

// failure returns why nothing can be written any more.
func (v *videoFile) failure() error {
	if err := v.failed.Load(); err != nil {
		return fmt.Errorf("the video cannot be written: %w", *err)
	}
	return nil
}

// close writes what waits. Nothing may be queued any more.
func (v *videoFile) close() error {
	close(v.queue)
	<-v.over
	err := errors.Join(v.failure(), v.to.Flush())
	if v.file != nil {
		err = errors.Join(err, v.file.Close())
	}
	return err
}
