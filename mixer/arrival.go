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
	rise    int64              // of base in the last window, ns: what a slow clock adds until the next
	bins    [jitterBins]uint16 // how often a packet came so late behind base
}

const (
	arrivalWindow = int64(4e9) // ns
	// maxRise is what the clock of a sender can lose in a window, ns: 500 ppm. What rises faster
	// is the path.
	maxRise = int64(2e6)
	// The bins are of 0.25 ms up to 4 ms, of 1 ms up to 64 ms and of 8 ms up to 320 ms.
	fineBins   = 16
	middleBins = 60
	coarseBins = 32
	jitterBins = fineBins + middleBins + coarseBins
	fineBin    = int64(250e3) // ns, likewise
	middleBin  = int64(1e6)
	coarseBin  = int64(8e6)
	middleFrom = fineBins * fineBin
	coarseFrom = middleFrom + middleBins*middleBin
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
		a.rise = min(max(a.window[1]-a.window[0], 0), maxRise)
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

// sure returns the transit, ns, with which nearly all packets will arrive in the next seconds.
func (a *arrival) sure() int64 { return a.base() + a.jitter + a.rise }

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
	switch {
	case behind < middleFrom:
		return int(max(behind, 0) / fineBin)
	case behind < coarseFrom:
		return fineBins + int((behind-middleFrom)/middleBin)
	}
	return int(min(fineBins+middleBins+(behind-coarseFrom)/coarseBin, jitterBins-1))
}

// jitterCeil returns the upper edge of a bin, ns.
func jitterCeil(bin int) int64 {
	switch {
	case bin < fineBins:
		return int64(bin+1) * fineBin
	case bin < fineBins+middleBins:
		return middleFrom + int64(bin-fineBins+1)*middleBin
	}
	return coarseFrom + int64(bin-fineBins-middleBins+1)*coarseBin
}
