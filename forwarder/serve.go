package forwarder

import "time"

const (
	// housekeeping is how often a line is looked after, whatever comes, ns; quiet is that for one
	// of which nothing has come for a second, as of most in a large room. Each visit fetches the
	// line from far memory.
	housekeeping = 50 * int64(time.Millisecond)
	quiet        = 4 * housekeeping
	// phases is over how many moments of housekeeping the lines are spread. Each is a wake-up; that they
	// are less than 10 ms apart spares the worker others, see yieldEvery.
	phases    = 6
	rateEvery = second
)

// serve does what is due for a line.
func (w *worker) serve(l *Line) {
	defer w.rescue(l.conf)
	if l.conf.failed {
		return
	}
	if l.resting {
		w.resume(l)
	}
	if w.now >= l.houseAt {
		l.keepHouse(w.now)
	}
	w.wheel.set(l, l.houseAt)
	if o := &l.out; o.next != 0 && o.next <= w.now {
		o.flush(w.now)
	} else if o.next != 0 {
		w.wheel.set(l, o.next)
	}
	l.in.ask(w.now)
	l.in.recall(w.now)
}

// resume looks at the sockets of a line that rests, and has them wake the worker again if
// it did not read too much of late.
func (w *worker) resume(l *Line) {
	w.poll(l, pollLimit)
	if l.in.effort.spend(w.now, 0) {
		w.rise(l)
	}
	if l.resting {
		w.wheel.set(l, w.now+restFor)
	}
}

// recall has the streams looked at that have to give something up, or to ask for it, now.
func (in *intake) recall(now int64) {
	for _, s := range in.streams {
		switch due := s.Due(); {
		case due == 0:
		case due <= now:
			in.line.worker.freshen(in.line)
		default:
			in.line.worker.wheel.set(in.line, due)
		}
	}
}

// keepHouse looks after a line: reports, estimates, liveness, counters.
func (l *Line) keepHouse(now int64) {
	l.houseAt = l.nextHouse(now)
	if !l.resting {
		l.worker.poll(l, l.unwatched())
	}
	l.in.keepHouse(now)
	l.out.keepHouse(now)
	l.publish(now)
}

// nextHouse returns when to look after the line next. Those that become quiet are spread over
// that longer time.
func (l *Line) nextHouse(now int64) int64 {
	was := l.quiet
	l.quiet = now-l.in.heard > second
	every := housekeeping
	switch {
	case l.quiet && was:
		every = quiet
	case l.quiet:
		every *= 1 + int64(l.token)/phases%(quiet/housekeeping)
	}
	return l.houseAt + ((now-l.houseAt)/every+1)*every
}

// unwatched returns how many datagrams to read of a line that did not say that it has some:
// none of one that would.
func (l *Line) unwatched() int {
	if len(l.sockets) > 0 {
		return 0
	}
	return pollLimit
}

func (in *intake) keepHouse(now int64) {
	if in.hidden != 0 && now >= in.hidden {
		in.hidden = 0
		in.aimAll()
	}
	if in.live && now-in.heard >= silence {
		in.stop()
	}
	for i, s := range in.streams {
		in.asks[i].see(s.KeyFrameAt())
		s.SetRoundTrip(in.line.roundTrip)
		if len(in.watchers) > 0 && s.WantsKey(now) {
			in.wish(s, now)
		}
	}
	in.rate.update(now, in.count.Bytes)
	in.ask(now)
	in.restrain(now)
}

func (o *outlet) keepHouse(now int64) {
	o.estimate()
	o.wants(now)
	o.watch(now)
	o.rate.update(now, o.sub.Stats(now).Bytes)
}

// watch tells when the peer's picture stands still though its source sends, and when it
// moves again.
func (o *outlet) watch(now int64) {
	frozen := o.aimed != nil && o.aimed.in.live && o.sub.Frozen(now)
	if frozen == o.frozen {
		return
	}
	o.frozen = frozen
	kind := Thawed
	if frozen {
		kind = Frozen
	}
	o.line.emit(Event{Kind: kind, Source: o.aimed})
}

// rate is a bit rate over the last second or so.
type rate struct {
	at, bytes int64
	bits      uint64
}

// update notes how many bytes there have been in all.
func (r *rate) update(now int64, bytes uint64) {
	past := now - r.at
	if past < rateEvery {
		return
	}
	r.bits = 0
	if past < 2*rateEvery {
		r.bits = uint64((int64(bytes) - r.bytes) * 8 * second / past)
	}
	r.at, r.bytes = now, int64(bytes)
}
