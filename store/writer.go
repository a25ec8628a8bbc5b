package store

import (
	"errors"
	"sync"
	"time"

	"go.etcd.io/bbolt"
)

// change is what a job does in a transaction. A refusal is the caller's own fault: it must
// have changed nothing, and the others of the transaction go on. A fault ends it for all.
type change func(tx *bbolt.Tx) (refusal, fault error)

// job is one change on its way to the disk: a record, for which nobody waits, or a request.
type job struct {
	op      string
	apply   change
	size    int           // of a record
	ended   chan struct{} // of a request; nil for a record
	err     error         // of a request, once it has ended
	barrier bool          // a request that is met only when the records before it are
}

const retryAfter = time.Second // between attempts to write records that failed

// writer is the one goroutine that changes the file.
type writer struct {
	s                 *Store
	maxRecs, maxBytes int
	wake, ended       chan struct{}

	mu       sync.Mutex
	jobs     []*job // in the order they came
	requests int    // among them
	recs     int    // records in jobs and kept
	bytes    int    // their size
	closed   bool
	counts   Stats

	// Of the goroutine alone:
	kept    []*job // records that failed, older than all jobs
	failing bool   // as the log was last told
	stuck   bool   // a transaction panicked: bbolt's locks may be held
	final   int    // records lost when it ended
}

func newWriter(s *Store, o Options) *writer {
	w := &writer{s: s, maxRecs: o.QueueLen, maxBytes: o.QueueBytes,
		wake: make(chan struct{}, 1), ended: make(chan struct{})}
	go w.run()
	return w
}

// write has a change made and returns when it is on the disk, or why it is not.
func (s *Store) write(op string, apply change) error {
	return s.writer.request(&job{op: op, apply: apply})
}

func (w *writer) flush() error {
	nothing := func(*bbolt.Tx) (refusal, fault error) { return nil, nil }
	return w.request(&job{op: "flush", apply: nothing, barrier: true})
}

func (w *writer) request(j *job) error {
	if err := w.s.usable(); err != nil {
		return err
	}
	j.ended = make(chan struct{})
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return errorf(ErrClosed, j.op, "the store has been closed")
	}
	w.jobs = append(w.jobs, j)
	w.requests++
	w.mu.Unlock()
	w.signal()
	<-j.ended
	return j.err
}

// record queues a record, or counts and refuses it. It never waits for the disk.
func (w *writer) record(j *job) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	err := w.s.usable()
	switch {
	case err != nil:
	case w.closed:
		err = errorf(ErrClosed, j.op, "the store has been closed")
	case w.recs >= w.maxRecs || w.bytes+j.size > w.maxBytes:
		err = errorf(ErrFull, j.op, "%d records (%d bytes) wait to be written already; the disk is slow or full", w.recs, w.bytes)
	}
	if err != nil {
		w.counts.Lost++
		return err
	}
	w.jobs = append(w.jobs, j)
	w.recs++
	w.bytes += j.size
	w.counts.Appended++
	w.signal()
	return nil
}

func (w *writer) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *writer) run() {
	defer close(w.ended)
	for {
		requests, closing := w.wait()
		err := w.commitAll(requests)
		if closing || err != nil && w.s.usable() != nil {
			w.final += len(w.kept)
			w.done(w.kept, true)
			w.kept = nil
		}
		if closing {
			return
		}
	}
}

// wait returns the requests that came, and adds the records to those kept. While records
// fail, only requests and the time to try again end the wait.
func (w *writer) wait() (requests []*job, closing bool) {
	var retry <-chan time.Time
	if len(w.kept) > 0 {
		timer := time.NewTimer(retryAfter)
		defer timer.Stop()
		retry = timer.C
	}
	for due := false; ; {
		w.mu.Lock()
		if due || w.closed || w.requests > 0 || retry == nil && len(w.jobs) > 0 {
			defer w.mu.Unlock()
			return w.take(), w.closed
		}
		w.mu.Unlock()
		select {
		case <-w.wake:
		case <-retry:
			due = true
		}
	}
}

// take empties the queue; w.mu is held.
func (w *writer) take() (requests []*job) {
	for _, j := range w.jobs {
		if j.ended != nil {
			requests = append(requests, j)
		} else {
			w.kept = append(w.kept, j)
		}
	}
	w.jobs, w.requests = nil, 0
	return requests
}

// commitAll writes what is kept and what is asked for; if that fails, the requests alone.
func (w *writer) commitAll(requests []*job) error {
	if len(w.kept)+len(requests) == 0 {
		return nil
	}
	err := w.commit(w.kept, requests)
	if err == nil {
		w.done(w.kept, false)
		w.kept = nil
		answer(requests, nil)
		return nil
	}
	var alone []*job
	for _, j := range requests {
		if j.barrier || len(w.kept) == 0 || w.s.usable() != nil {
			answer([]*job{j}, err)
		} else {
			alone = append(alone, j)
		}
	}
	if len(alone) > 0 {
		answer(alone, w.commit(alone))
	}
	return err
}

// answer ends requests; a refusal of their own goes before the fault of all.
func answer(requests []*job, fault error) {
	for _, j := range requests {
		if fault != nil {
			j.err = fault
		}
		close(j.ended)
	}
}

// done forgets records, written or lost.
func (w *writer) done(records []*job, lost bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, j := range records {
		w.recs--
		w.bytes -= j.size
	}
	if lost {
		w.counts.Lost += uint64(len(records))
	}
}

// commit makes one transaction of jobs, unless the store is out of use.
func (w *writer) commit(lists ...[]*job) error {
	if err := w.s.usable(); err != nil {
		return err
	}
	err := guarded(func() error {
		return w.s.db.Update(func(tx *bbolt.Tx) error { return applyAll(tx, lists) })
	})
	w.note(err)
	if err == nil {
		return nil
	}
	var p *panicked
	if errors.As(err, &p) {
		w.stuck = true
		return w.s.fail(p)
	}
	if !isHarmless(err) {
		return w.s.fail(err)
	}
	return w.s.explain("write", err)
}

func applyAll(tx *bbolt.Tx, lists [][]*job) error {
	for _, list := range lists {
		for _, j := range list {
			var fault error
			if j.err, fault = j.apply(tx); fault != nil {
				return fault
			}
		}
	}
	return nil
}

// note counts a commit and tells the log when writing begins to fail, and works again.
func (w *writer) note(err error) {
	w.mu.Lock()
	if w.counts.Commits++; err != nil {
		w.counts.Commits--
		w.counts.Failures++
	}
	waiting := w.recs
	w.mu.Unlock()
	if failing := err != nil; failing != w.failing {
		w.failing = failing
		if failing {
			w.s.log.Error("store cannot be written", "store", w.s.name(), "records_waiting", waiting, "error", err)
		} else {
			w.s.log.Info("store is written again", "store", w.s.name())
		}
	}
}

// close lets the goroutine write what waits and end. It returns how many records were
// given up, and whether bbolt may still hold its locks.
func (w *writer) close() (lost int, stuck bool) {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.signal()
	<-w.ended
	return w.final, w.stuck
}

func (w *writer) stats() Stats {
	w.mu.Lock()
	defer w.mu.Unlock()
	st := w.counts
	st.Waiting = w.recs
	return st
}
