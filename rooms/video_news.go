package rooms

import (
	"sync"

	"github.com/confd/confd/forwarder"
)

// news is what the forwarder has told and the room has not looked at: of each line what holds
// now. So it is never longer than there are lines, and nothing of it is lost.
type news struct {
	wake chan struct{} // has something in it while there is any

	mu     sync.Mutex
	lines  map[*forwarder.Line]*lineNews
	order  []*lineNews // as they came
	failed error
}

// lineNews is that of one line.
type lineNews struct {
	line   *forwarder.Line
	told   bool // whether it sends
	sends  bool
	shown  bool // what it shows
	source *forwarder.Line
	ask    bool // for a key frame, by signalling
}

func newNews() *news {
	return &news{wake: make(chan struct{}, 1), lines: make(map[*forwarder.Line]*lineNews)}
}

// add takes in an event. The video worker calls it, which waits for no more than take.
func (n *news) add(e forwarder.Event) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch e.Kind {
	case forwarder.SourceStarted, forwarder.SourceStopped:
		l := n.of(e.Line)
		l.told, l.sends = true, e.Kind == forwarder.SourceStarted
	case forwarder.Shown:
		l := n.of(e.Line)
		l.shown, l.source = true, e.Source
	case forwarder.KeyFrameBySignalling:
		n.of(e.Line).ask = true
	case forwarder.Failed:
		n.failed = e.Err
	default:
		return // figures tell
	}
	n.rouse()
}

// rouse has the room look.
func (n *news) rouse() {
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// of returns the news of a line.
func (n *news) of(line *forwarder.Line) *lineNews {
	l := n.lines[line]
	if l == nil {
		l = &lineNews{line: line}
		n.lines[line] = l
		n.order = append(n.order, l)
	}
	return l
}

// take returns what there is.
func (n *news) take() (all []*lineNews, failed error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	all, failed = n.order, n.failed
	n.order, n.failed = nil, nil
	clear(n.lines)
	return all, failed
}
