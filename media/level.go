package media

import "math"

// Level is an audio level in -dBov as RFC 6464 and RFC 6465 have it:
// 0 is overload, 127 is silence.
type Level uint8

// Silence is the lowest level.
const Silence Level = 127

// LevelOf returns the level of a mean square in units of full scale squared (0 to 1).
// A full-scale square wave is 0 dBov, a full-scale sine 3.
func LevelOf(meanSquare float64) Level {
	if meanSquare >= 1 {
		return 0
	}
	i := halvings(meanSquare)
	if !(meanSquare > 0) || i >= len(levelScale.from) {
		return Silence
	}
	l := levelScale.from[i]
	for meanSquare <= levelScale.least[l] {
		l++
	}
	return l
}

// levelScale saves a logarithm: where to look, and the mean squares to compare with there.
var levelScale = newLevelScale()

type scale struct {
	from  [43]Level                 // level of 1, halved so often
	least [int(Silence) + 1]float64 // a mean square is of a level if it is above
}

func newLevelScale() (s scale) {
	for l := range s.least[:Silence] {
		s.least[l] = math.Pow(10, -(float64(l)+0.5)/10)
	}
	for i := range s.from {
		for math.Ldexp(1, -i) <= s.least[s.from[i]] {
			s.from[i]++
		}
	}
	return s
}

// halvings returns how often 1 can be halved and is still above x, which is below 1.
func halvings(x float64) int { return 1022 - int(math.Float64bits(x)>>52&0x7ff) }
