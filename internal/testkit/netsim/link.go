// Package netsim is a bad network in user space: loss, delay, jitter, duplication and
// reordering, the same each time for the same seed.
//
// A Link is one direction. A Relay is a UDP hop with a Link each way.
package netsim

import (
	"container/heap"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// Impairment says what a link does to its packets. The zero value does nothing.
type Impairment struct {
	Loss      float64       // share of packets that vanish, 0 to 1
	Duplicate float64       // share that arrives twice
	Reorder   float64       // share that is held back until Hold later than due
	Hold      time.Duration // 0 means 30 ms
	Delay     time.Duration // of every packet
	Jitter    time.Duration // further delay, evenly between 0 and this; keeps the order
}

// Stats counts packets.
type Stats struct{ Offered, Lost, Duplicated, Reordered, Delivered uint64 }

// Link is one direction of a bad network. All methods may be called from any goroutine.
type Link struct {
	deliver func([]byte)

	mu     sync.Mutex
	random *rand.Rand
	impair Impairment
	stats  Stats
	queue  flights
	serial uint64
	last   time.Time // latest due time so far, for jitter that keeps the order
	closed bool
	wake   chan struct{}
	done   chan struct{}
}

// NewLink returns a link that hands what survives to deliver, one packet at a time, which
// may keep it. Close it.
func NewLink(seed uint64, impair Impairment, deliver func(packet []byte)) *Link {
	l := &Link{
		deliver: deliver,
		random:  rand.New(rand.NewPCG(seed, 0x6e657473696d)),
		impair:  impair,
		wake:    make(chan struct{}, 1),
		done:    make(chan struct{}),
	}
	go l.run()
	return l
}

// Set changes the impairment for packets to come.
func (l *Link) Set(impair Impairment) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.impair = impair
}

// Stats returns the counts so far.
func (l *Link) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stats
}

// Send offers a copy of packet to the link. It never blocks.
func (l *Link) Send(packet []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	l.stats.Offered++
	// One draw for each question whatever the answers, so that the fate of the packets to
	// come does not hang on the impairment of this one.
	lost, twice, late, wait := l.random.Float64(), l.random.Float64(), l.random.Float64(), l.random.Float64()
	if lost < l.impair.Loss {
		l.stats.Lost++
		return
	}
	due := time.Now().Add(l.impair.Delay + time.Duration(wait*float64(l.impair.Jitter)))
	if due.Before(l.last) {
		due = l.last
	}
	if late < l.impair.Reorder {
		l.stats.Reordered++
		due = due.Add(l.hold())
	} else {
		l.last = due
	}
	l.push(packet, due)
	if twice < l.impair.Duplicate {
		l.stats.Duplicated++
		l.push(packet, due)
	}
}

func (l *Link) hold() time.Duration {
	if l.impair.Hold == 0 {
		return 30 * time.Millisecond
	}
	return l.impair.Hold
}

func (l *Link) push(packet []byte, due time.Time) {
	l.serial++
	heap.Push(&l.queue, flight{due: due, serial: l.serial, packet: slices.Clone(packet)})
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Close drops what is still under way and waits until deliver is not called any more. It
// may be called more than once, but not from deliver.
func (l *Link) Close() error {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
	<-l.done
	return nil
}

func (l *Link) run() {
	defer close(l.done)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		packet, wait, open := l.next()
		switch {
		case !open:
			return
		case packet != nil:
			l.deliver(packet)
			continue
		}
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-l.wake:
		}
	}
}

// next takes the packet that is due, or says how long to wait for one.
func (l *Link) next() (packet []byte, wait time.Duration, open bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, 0, false
	}
	if len(l.queue) == 0 {
		return nil, time.Hour, true
	}
	if wait := time.Until(l.queue[0].due); wait > 0 {
		return nil, wait, true
	}
	l.stats.Delivered++
	return heap.Pop(&l.queue).(flight).packet, 0, true
}

type flight struct {
	due    time.Time
	serial uint64
	packet []byte
}

// flights is a heap by due time, then by order of sending.
type flights []flight

func (f flights) Len() int      { return len(f) }
func (f flights) Swap(i, j int) { f[i], f[j] = f[j], f[i] }
func (f flights) Less(i, j int) bool {
	if f[i].due.Equal(f[j].due) {
		return f[i].serial < f[j].serial
	}
	return f[i].due.Before(f[j].due)
}
func (f *flights) Push(x any) { *f = append(*f, x.(flight)) }
func (f *flights) Pop() any {
	last := (*f)[len(*f)-1]
	*f = (*f)[:len(*f)-1]
	return last
}
