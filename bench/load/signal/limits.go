package signal

// limits are from when on something is a fault. Codecs that keep the wave leave more to
// see than Opus, which has few bits for many tones.
type limits struct {
	gap        float32 // ms
	gapDepth   float32 // share of its amplitude that the sound falls to in a gap
	gapCrowd   float32 // talkers' power in all, above which gaps cannot be told
	jump       float32 // turns that the wave of a tone is bent by
	onset      float32 // ms; mixers fade people in
	crowd      float32 // like gapCrowd, for jumps and beginnings
	level      float32 // dB
	clickShare float32 // roughness, of all that is heard, which codecs' noise grows with
	clickLeast float32 // roughness
}

// limitsOf returns the limits for what comes at a rate.
func limitsOf(rate int) limits {
	const never = 1000
	exact := limits{gap: 4, gapDepth: 0.85, gapCrowd: never, jump: 0.012, onset: 30, crowd: never, level: 2}
	switch rate {
	case 8000: // G.711
		exact.clickShare, exact.clickLeast = 2.5e-5, 1.6e-5
		return exact
	case 16000: // G.722
		exact.clickShare, exact.clickLeast = 4e-5, 1.1e-4
		return exact
	}
	return limits{gap: 12, gapDepth: 0.25, gapCrowd: 3.5, jump: 0.09, onset: 45, crowd: 2.5, level: 4.5,
		clickShare: 2.5e-4, clickLeast: 1e-3}
}
