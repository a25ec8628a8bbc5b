package mixer

// The arrival statistics of one stream answer one question: by when has a packet with a
// given timestamp surely arrived? They know the earliest transit seen lately (base) and how
// far behind it packets stray (jitter). Transit is arrival minus timestamp: its zero is
// arbitrary, only differences count, so sender and server clocks need not agree; a drift
// between them moves base slowly, and the windowed minimum follows.
type arrival struct {
	window  [2]int64 // smallest transit in the last and in the current window, ns
	ends    int64    // when the current window ends, monotonic ns
	started bool
	total   uint32
	due     uint32             // packets until jitter is read from the bins anew
	last    int64              // arrival of the newest packet
	behind  int64              // and how late it was
	jitter  int64              // ns behind base by which nearly all packets have arrived
	bins    [jitterBins]uint16 // how often a packet came so late behind base
}

const (
	arrivalWindow = int64(4e9) // ns
	jitterBins    = 96
	// fineBins are of 1 ms each, the rest of 8 ms: 320 ms in all.
	fineBins = 64
	// jitterKeep bounds the memory of the bins: they are halved when they hold so many.
	jitterKeep = 1000
	// jitterEvery is how often (in packets) the quantile is read.
	jitterEvery = 16
	// bunchTime is how close together, ns, packets arrive that were held up together.
	bunchTime = int64(3e6)
	// lateShare: one packet in so many may miss its tick.
	lateShare = 100
)

// observe takes one packet's transit (ns) at its arrival time.
func (a *arrival) observe(transit, now int64) {
	switch {
	case !a.started:
		*a = arrival{window: [2]int64{transit, transit}, ends: now + arrivalWindow, started: true}
	case now >= a.ends:
		a.window[0], a.window[1] = a.window[1], transit
		a.ends = now + arrivalWindow
	case transit < a.window[1]:
		a.window[1] = transit
	}
	behind := transit - a.base()
	// What a stall held up arrives at once: that is one lateness, not as many as packets.
	bunched := now-a.last < bunchTime && behind < a.behind
	a.last, a.behind = now, behind
	if bunched {
		return
	}
	bin := jitterBin(behind)
	a.bins[bin]++
	a.total++
	if a.due == 0 || jitterCeil(bin) > a.jitter {
		a.read()
		a.due = jitterEvery
	}
	a.due--
}

// base returns the earliest transit of the last windows, ns.
func (a *arrival) base() int64 { return min(a.window[0], a.window[1]) }

// read takes the quantile from the bins and lets them forget.
func (a *arrival) read() {
	tail := a.total / lateShare
	var behind uint32
	for i := jitterBins - 1; i >= 0; i-- {
		behind += uint32(a.bins[i])
		if behind > tail {
			a.jitter = jitterCeil(i)
			break
		}
	}
	if a.total < jitterKeep {
		return
	}
	a.total = 0
	for i := range a.bins {
		a.bins[i] /= 2
		a.total += uint32(a.bins[i])
	}
}

// jitterBin returns the bin of a delay behind base, ns.
func jitterBin(behind int64) int {
	ms := max(behind, 0) / 1e6
	if ms < fineBins {
		return int(ms)
	}
	return int(min(fineBins+(ms-fineBins)/8, jitterBins-1))
}

// jitterCeil returns the upper edge of a bin, ns; the first bin counts as none.
func jitterCeil(bin int) int64 {
	switch {
	case bin == 0:
		return 0
	case bin < fineBins:
		return int64(bin+1) * 1e6
	}
	return int64(fineBins+(bin-fineBins+1)*8) * 1e6
}
