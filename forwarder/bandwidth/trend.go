package bandwidth

import "math"

// Parameters of draft-ietf-rmcat-gcc-02 section 5 and of libwebrtc's trendline filter, which
// took the place of the Kalman filter that the draft describes.
const (
	groupTime    = 5 * millisecond   // packets sent within it count as one (section 5.2)
	longestGroup = 100 * millisecond // of arrivals
	longestGap   = 3 * second        // between groups; after a longer one all begins anew

	trendPoints = 20
	smoothing   = 0.9
	gain        = 4.0
	mostCounted = 60

	leastThreshold = 6.0 // milliseconds (section 5.4)
	mostThreshold  = 600.0
	firstThreshold = 12.5
	slowUp         = 0.0087 // K_u
	fastDown       = 0.039  // K_d
	leap           = 15.0   // what is further above the threshold does not move it
	overuseTime    = 10.0   // milliseconds that a signal has to last
)

// signal is what the trend of the delay says about the path (section 5.4).
type signal uint8

const (
	normal signal = iota
	underuse
	overuse
)

// group is packets that were sent in one burst (section 5.2).
type group struct {
	first, last        int64 // sent
	arrived, completed int64 // first and last arrival
	valid              bool
}

// trend follows how the one-way delay changes from group to group.
type trend struct {
	now, before group

	points      [trendPoints]point
	count       int
	origin      int64
	accumulated float64
	smoothed    float64

	threshold float64
	adapted   int64 // arrival at which the threshold was adapted last
	over      float64
	overs     int
	slope     float64
	state     signal
}

// point is a moment and the smoothed delay, in milliseconds.
type point struct{ at, delay float64 }

// reset forgets everything but what the threshold has learnt.
func (t *trend) reset() { *t = trend{threshold: max(t.threshold, firstThreshold)} }

// packet takes one that arrived. Both times are of their own clock; they are to come in the
// order of sending.
func (t *trend) packet(sent, arrived int64) {
	g := &t.now
	switch {
	case !g.valid:
		*g = group{sent, sent, arrived, arrived, true}
	case t.joins(sent, arrived):
		g.last, g.completed = max(g.last, sent), max(g.completed, arrived)
	default:
		t.close()
		t.now = group{sent, sent, arrived, arrived, true}
	}
}

// joins tells whether a packet belongs to the current group: sent in one burst with it, or
// arrived in one, having waited behind it.
func (t *trend) joins(sent, arrived int64) bool {
	g := &t.now
	if sent-g.first <= groupTime {
		return true
	}
	gap := arrived - g.completed
	return gap >= 0 && gap <= groupTime && gap < sent-g.last && arrived-g.arrived < longestGroup
}

// close compares the current group with the one before.
func (t *trend) close() {
	if t.before.valid {
		sent, arrived := t.now.last-t.before.last, t.now.completed-t.before.completed
		if arrived < 0 || arrived > longestGap || sent > longestGap {
			t.reset()
			return
		}
		t.update(float64(arrived-sent)/1e6, float64(sent)/1e6, t.now.completed)
	}
	t.before = t.now
}

// update takes how much later than the one before a group came, and how much later it was
// sent, in milliseconds.
func (t *trend) update(later, sent float64, at int64) {
	if t.count == 0 {
		t.origin = at
	}
	t.accumulated += later
	t.smoothed = smoothing*t.smoothed + (1-smoothing)*t.accumulated
	t.points[t.count%trendPoints] = point{float64(at-t.origin) / 1e6, t.smoothed}
	t.count++
	slope := t.slope
	if t.count >= trendPoints {
		slope = t.fit()
	}
	t.detect(slope, sent, at)
	t.slope = slope
}

// fit returns the slope of the line through the points, least squares.
func (t *trend) fit() float64 {
	var at, delay float64
	for _, p := range t.points {
		at, delay = at+p.at/trendPoints, delay+p.delay/trendPoints
	}
	var up, down float64
	for _, p := range t.points {
		up += (p.at - at) * (p.delay - delay)
		down += (p.at - at) * (p.at - at)
	}
	if down == 0 {
		return t.slope
	}
	return up / down
}

// detect is the detector of section 5.4.
func (t *trend) detect(slope, sent float64, at int64) {
	delay := slope * float64(min(t.count, mostCounted)) * gain
	switch {
	case delay > t.threshold:
		t.over += sent
		if t.overs++; t.over > overuseTime && t.overs > 1 && slope >= t.slope {
			t.over, t.overs, t.state = 0, 0, overuse
		}
	case delay < -t.threshold:
		t.over, t.overs, t.state = 0, 0, underuse
	default:
		t.over, t.overs, t.state = 0, 0, normal
	}
	t.adapt(math.Abs(delay), at)
}

// adapt lets the threshold follow the signal slowly, so that flows that share a queue with
// others that build it up are not starved (section 5.4).
func (t *trend) adapt(delay float64, at int64) {
	passed := float64(min(at-t.adapted, 100*millisecond)) / 1e6
	if t.adapted == 0 {
		passed = 0
	}
	t.adapted = at
	if delay > t.threshold+leap {
		return
	}
	k := slowUp
	if delay < t.threshold {
		k = fastDown
	}
	t.threshold = min(max(t.threshold+k*(delay-t.threshold)*passed, leastThreshold), mostThreshold)
}
