package rooms

import (
	"reflect"
	"sync"
	"time"

	"github.com/confd/confd/forwarder"
)

// videoLedger adds up the counters of video lines. What a line counts after it has been told
// to leave is not in it.
type videoLedger struct {
	mu   sync.Mutex
	live map[*forwarder.Line]struct{}
	past forwarder.LineStats
}

func (l *videoLedger) open(line *forwarder.Line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.live == nil {
		l.live = make(map[*forwarder.Line]struct{})
	}
	l.live[line] = struct{}{}
}

func (l *videoLedger) close(line *forwarder.Line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.live, line)
	addCounters(&l.past, line.Stats())
}

func (l *videoLedger) totals() forwarder.LineStats {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.past
	for line := range l.live {
		addCounters(&t, line.Stats())
	}
	return t
}

// VideoTotals are the sums of the counters of all video lines, past and present. What is no
// counter in it means nothing.
type VideoTotals struct {
	forwarder.LineStats
	Frozen time.Duration // that pictures stood still
}

// VideoTotals returns the sums of now.
func (g *Registry) VideoTotals() VideoTotals {
	t := g.videoLedger.totals()
	return VideoTotals{t, time.Duration(t.Egress.Subscription.Frozen)}
}

// addCounters adds s to t.
func addCounters(t *forwarder.LineStats, s forwarder.LineStats) {
	addFields(reflect.ValueOf(t).Elem(), reflect.ValueOf(s))
}

// addFields adds up all fields that counters can be.
func addFields(to, from reflect.Value) {
	for i := range to.NumField() {
		switch f := to.Field(i); f.Kind() {
		case reflect.Struct:
			addFields(f, from.Field(i))
		case reflect.Uint64:
			f.SetUint(f.Uint() + from.Field(i).Uint())
		case reflect.Int64:
			f.SetInt(f.Int() + from.Field(i).Int())
		}
	}
}
