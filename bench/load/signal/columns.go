package signal

import "math"

// columns is how many of the last looks an ear keeps, 4.1 s: the longest spurt, that many
// again for its delay, and some.
const columns = 512

// column is what one window of sound holds.
type column struct {
	tones   [gridSize]float32 // power of each tone of the grid, 1 is a talker's
	all     float32           // of everything, likewise
	rough   float32           // of a line where there never is any sound, the least of two regions
	turn    [gridSize]uint8   // phase of each that is there, in 1/256, against a steady tone's
	allowed uint32            // tones, by their bits, that somebody may be heard with
	lost    bool              // packets were missing
}

// Regions of lines that talkers leave alone: below 281 Hz and above 3468 Hz. A click has
// as much of the one as of the other, noise of codecs and leaking tones seldom have.
const (
	lowFirst, lowEnd = 2, 9
	topFirst, topEnd = 111, 124
	useFirst, useEnd = 9, 111
)

// fill takes the spectrum of window j in; full is the power of a talker's sine.
func (c *column) fill(s *spectrum, j int64, full float32, lost bool) {
	scale := 1 / full
	for k := range c.tones {
		at := gridFirst + gridStep*k
		// A Hann window spreads a sine over three lines; their sum is steady if its
		// frequency is a little off.
		c.tones[k] = (s.power[at-1] + s.power[at] + s.power[at+1]) * scale / 1.5
		if c.tones[k] < present {
			continue
		}
		turn := math.Atan2(float64(imag(s.line[at])), float64(real(s.line[at]))) / (2 * math.Pi)
		c.turn[k] = uint8(int64(math.Round(256*turn)) - j*int64(at)*hop*256/window)
	}
	c.all = s.sum(useFirst, useEnd) * scale / 1.5
	c.rough = min(s.sum(lowFirst, lowEnd)/(lowEnd-lowFirst), s.sum(topFirst, topEnd)/(topEnd-topFirst)) * scale
	c.allowed, c.lost = 0, lost
}

// column returns a column by its number, one of the last.
func (e *Ear) column(j int64) *column { return &e.ring[uint64(j)%columns] }

// look makes the newest column and does what has become due.
func (e *Ear) look() {
	at := e.newest * hop
	e.spectrum.take(e.sound.window(at))
	e.column(e.newest).fill(e.spectrum, e.newest, float32(e.room.amplitude*e.room.amplitude), at < e.sound.lost)
	now := e.timeOf(e.newest)
	if c := e.column(e.newest); !c.lost {
		m := e.moment(now)
		m.heard += c.all
		m.columns++
	}
	for s, begin := e.verdicts.due(e, now); s != nil; s, begin = e.verdicts.due(e, now) {
		e.judge(s, begin)
	}
	e.sweep()
	for s, begin := e.echoes.due(e, e.timeOf(e.swept)); s != nil; s, begin = e.echoes.due(e, e.timeOf(e.swept)) {
		e.judgeEcho(s, begin)
	}
	e.settle()
	e.countPlaces(now)
}

// timeOf returns when the middle of a column was heard.
func (e *Ear) timeOf(j int64) int64 { return e.clock.at(float64(j*hop + window/2)) }

// within returns the columns whose windows lie between two positions, last included.
func within(from, to float64) (first, last int64) {
	return int64(math.Ceil(from / hop)), int64(math.Floor((to - window) / hop))
}
