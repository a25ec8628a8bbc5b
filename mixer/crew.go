package mixer

import (
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/confd/confd/internal/clock"
	"github.com/confd/confd/internal/futex"
	"github.com/confd/confd/media"
)

// crew is the threads that mix: the worker, which owns all conferences, and helpers that it
// calls when there is more to do than one should. It alone hands out jobs, one at a time;
// each is a loop over things that do not depend on one another, done in parts that whoever
// is free claims. A helper without a job is parked without a timer.
type crew struct {
	hands []*hand // the worker's first
	stats *counters
	share int64 // ns of each period that a helper may take
	every int64 // period, ns

	wanted int         // threads that are to work, the worker's included; 1: no helper
	duty   atomic.Bool // helpers that are awake should stay so
	job    job
	gate   atomic.Uint32 // to the job: gateOpen, gateWatched, and how many helpers are inside
	call   atomic.Uint32 // number of the job; helpers wait for the next
	parked atomic.Int32  // helpers that sleep until then
	closed atomic.Bool
}

const (
	jobOpen    = 1 << 31
	jobWatched = 1 << 30 // the worker sleeps until the last helper has left
)

// hand is what each of the threads has for itself.
type hand struct {
	index int
	timer stageTimer
	spare []int32
	out   media.Outgoing
	stats *counters

	outbox media.Outbox // nil: packets leave one by one

	// What one class makes after the other, so that it is near.
	room    []int16 // limited, at the room's rate
	coded   []int16 // at the format's rate
	past    []int16 // the same from the room's rate before
	payload []byte
	ids     []uint32
	levels  []media.Level

	busy  atomic.Int64 // ns at work in this period
	used  atomic.Int64 // the same as a share of the period, parts per million, smoothed
	since int64        // when the period began in which a helper
	spent int64        // gave so many ns
}

// scratch returns a buffer for one frame that the next call overwrites.
func (h *hand) scratch(n int) []int32 {
	h.spare = sized(h.spare, n)
	return h.spare
}

// job is a loop over size things, done in parts of at most chunk. To keep things in the
// caches of one processor, tick after tick, each thread begins with a share of its own.
type job struct {
	do          part
	conf        *Conference
	size, chunk int
	shares      []share // of the parts
	fault       atomic.Pointer[fault]
}

// part does from..to-1 of a loop of a conference's, or of the worker's.
type part func(c *Conference, h *hand, from, to int)

// share is a row of parts of which next are claimed, on a cache line of its own.
type share struct {
	next atomic.Int64
	end  int64
	_    [48]byte
}

// fault is a panic on its way to the thread that owns the conference.
type fault struct {
	reason any
	stack  []byte
}

// settle ends what the thread did for a slot: its packets are sent, which is time of the send stage.
func (h *hand) settle() {
	h.timer.resume()
	h.flush()
	h.timer.lap(stageSend)
}

// flush has the packets sent that the thread holds.
func (h *hand) flush() {
	if h.outbox == nil {
		return
	}
	if p := h.outbox.Flush(); p.Batches > 0 {
		h.stats.Batches.Add(uint64(p.Batches))
		h.stats.Batched.Add(uint64(p.Packets))
		h.stats.Unbatched.Add(uint64(p.Singly))
	}
}

// shut ends the thread's outbox.
func (h *hand) shut() {
	if h.outbox != nil {
		h.outbox.Close()
	}
}

const (
	// helperShare is the most of its time that a helper gives, percent: what else the
	// program does must not starve, however large the rooms.
	helperShare = 80
	// patience is how long an idle helper looks for the next job of the same tick before it
	// parks, and the worker for the end of the parts that others are at before it sleeps, ns:
	// some times what it costs to wake a thread.
	patience = int64(200e3)
)

func newCrew(threads int, period int64, stats *counters) *crew {
	r := &crew{stats: stats, wanted: 1, every: period, share: period * helperShare / 100}
	r.job.shares = make([]share, threads)
	for i := range threads {
		r.hands = append(r.hands, &hand{index: i, stats: stats, payload: make([]byte, 0, maxPayload)})
	}
	return r
}

// begin calls for a number of threads, end lets them go. Both belong to the worker.
func (r *crew) begin(threads int) {
	r.wanted = threads
	r.duty.Store(threads > 1)
}

func (r *crew) end() { r.begin(1) }

// run does a job and returns once it is over. If a part panics, on whatever thread, then so
// does run, as soon as nobody is at any part any more.
func (r *crew) run(c *Conference, size, chunk int, do part) {
	if r.wanted == 1 || size <= chunk {
		do(c, r.hands[0], 0, size)
		return
	}
	r.publish(c, size, chunk, do)
	r.work(r.hands[0], 0)
	r.retract()
	if f := r.job.fault.Load(); f != nil {
		panic(f)
	}
}

// publish lets helpers in, and wakes those that are missing.
func (r *crew) publish(c *Conference, size, chunk int, do part) {
	j := &r.job
	j.conf, j.size, j.chunk, j.do = c, size, chunk, do
	j.fault.Store(nil)
	parts := int64((size + chunk - 1) / chunk)
	n := int64(r.wanted)
	for i := range n {
		j.shares[i].next.Store(parts * i / n)
		j.shares[i].end = parts * (i + 1) / n
	}
	r.gate.Store(jobOpen)
	r.call.Add(1)
	parked := int(r.parked.Load())
	if missing := min(r.wanted-len(r.hands)+parked, parked); missing > 0 {
		futex.Wake(&r.call, missing)
	}
}

// retract lets no helper in any more and waits for those that are inside.
func (r *crew) retract() {
	r.gate.And(^uint32(jobOpen))
	for until, i := int64(0), 0; r.gate.Load() != 0; i++ {
		if i%64 != 0 {
			continue
		}
		switch now := clock.Now(); {
		case until == 0:
			until = now + patience
		case now > until:
			r.watch()
			return
		}
	}
}

// watch sleeps until the last helper has left.
func (r *crew) watch() {
	for r.gate.Or(jobWatched)&^jobWatched != 0 {
		if v := r.gate.Load(); v&^jobWatched != 0 {
			futex.Wait(&r.gate, v)
		}
	}
	r.gate.Store(0)
}

// enter lets a helper into the job, unless that is over.
func (r *crew) enter() bool {
	for {
		v := r.gate.Load()
		if v&jobOpen == 0 {
			return false
		}
		if r.gate.CompareAndSwap(v, v+1) {
			return true
		}
	}
}

func (r *crew) leave() {
	if r.gate.Add(^uint32(0)) == jobWatched {
		futex.Wake(&r.gate, 1)
	}
}

// work does parts until there are none left or, unless that is 0, the time is over. It keeps a
// panic for run.
func (r *crew) work(h *hand, until int64) {
	j := &r.job
	defer func() {
		if reason := recover(); reason != nil {
			j.fault.CompareAndSwap(nil, &fault{reason, debug.Stack()})
		}
		h.settle()
	}()
	for i := range r.wanted {
		s := &j.shares[(h.index+i)%r.wanted]
		for n := s.next.Add(1) - 1; n < s.end; n = s.next.Add(1) - 1 {
			from := int(n) * j.chunk
			j.do(j.conf, h, from, min(from+j.chunk, j.size))
			if j.fault.Load() != nil || until > 0 && clock.Now() > until {
				return
			}
		}
	}
}

// help is a helper's thread.
func (r *crew) help(h *hand) {
	for seen := uint32(0); ; {
		if seen = r.await(seen); r.closed.Load() {
			return
		}
		if r.enter() {
			h.assist(r)
		}
	}
}

// assist works at the job within the helper's share of its time.
func (h *hand) assist(r *crew) {
	began := clock.Now()
	if began-h.since >= r.every {
		h.since, h.spent = began, 0
	}
	r.work(h, began+r.share-h.spent)
	took := clock.Now() - began
	h.busy.Add(took)
	r.stats.Helped.Add(took)
	r.leave()
	if h.spent += took; h.spent >= r.share {
		clock.SleepUntil(h.since + r.every)
	}
}

// await returns the number of the job when that is no longer the one that was seen.
func (r *crew) await(seen uint32) uint32 {
	until := clock.Now() + patience
	for i := 1; r.duty.Load(); i++ {
		if now := r.call.Load(); now != seen {
			return now
		}
		if i%64 == 0 && clock.Now() > until {
			break
		}
	}
	r.parked.Add(1)
	for r.call.Load() == seen {
		futex.Wait(&r.call, seen)
	}
	r.parked.Add(-1)
	r.stats.HelperWakes.Add(1)
	return r.call.Load()
}

// start runs the helpers; each prepares its thread, and tells when it is ready.
func (r *crew) start(over *sync.WaitGroup, prepare func(*hand)) {
	var ready sync.WaitGroup
	for _, h := range r.hands[1:] {
		over.Add(1)
		ready.Add(1)
		go func() {
			defer over.Done()
			// Never unlocked: the thread, with its priority, ends with the goroutine.
			runtime.LockOSThread()
			prepare(h)
			defer h.shut()
			ready.Done()
			r.help(h)
		}()
	}
	ready.Wait()
}

// load smooths the busy share of each thread over about a second, given that of the worker in a
// period.
func (r *crew) load(busy int64) {
	r.hands[0].busy.Store(busy)
	for _, h := range r.hands {
		ppm := h.busy.Swap(0) * 1e6 / r.every
		h.used.Store(h.used.Load() + (ppm-h.used.Load())/32)
	}
}

// idle says that there is nothing to do.
func (r *crew) idle() {
	for _, h := range r.hands {
		h.used.Store(0)
	}
}

// close ends the helpers. The worker calls it, between two jobs.
func (r *crew) close() {
	r.closed.Store(true)
	r.call.Add(1)
	futex.Wake(&r.call, len(r.hands))
}
