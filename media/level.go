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
	if meanSquare <= 0 {
		return Silence
	}
	db := -10 * math.Log10(meanSquare)
	switch {
	case db <= 0:
		return 0
	case db >= float64(Silence):
		return Silence
	}
	return Level(math.Round(db))
}
