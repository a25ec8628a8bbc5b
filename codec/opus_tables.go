package codec

import "math"

// Tables of RFC 6716 for the symbols at the head of a frame. Those of symbols are inverse
// cumulative distributions in 256ths, as rangeDecoder.symbol wants them.

var (
	silkCopies2      = [...]uint8{203, 150, 0}                                                                                                 // table 4
	silkCopies3      = [...]uint8{215, 195, 166, 125, 110, 82, 0}                                                                              // table 4
	silkStereoJoint  = [...]uint8{249, 247, 246, 245, 244, 234, 210, 202, 201, 200, 197, 174, 82, 59, 56, 55, 54, 46, 22, 12, 11, 10, 9, 7, 0} // table 6
	silkUniform3     = [...]uint8{171, 85, 0}
	silkUniform5     = [...]uint8{205, 154, 102, 51, 0}
	silkUniform8     = [...]uint8{224, 192, 160, 128, 96, 64, 32, 0}
	silkOnlyMid      = [...]uint8{64, 0}  // table 8
	silkTypeInactive = [...]uint8{230, 0} // table 9
	silkTypeActive   = [...]uint8{232, 158, 10, 0}
	silkGain         = [3][8]uint8{ // table 11, by signal type
		{224, 112, 44, 15, 3, 2, 1, 0},
		{254, 237, 192, 132, 70, 23, 4, 0},
		{255, 252, 226, 155, 61, 11, 2, 0},
	}
	silkGainDelta = [...]uint8{ // table 13
		250, 245, 234, 203, 71, 50, 42, 38, 35, 33, 31, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17,
		16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0,
	}
)

// silkShape is the first stage of a spectral envelope: of 32 vectors, which (table 14), and
// by how many dB a filter of that shape raises noise (from tables 23 and 24).
type silkShape struct {
	icdf [2][32]uint8 // of inactive and unvoiced frames, of voiced ones
	gain [32]int8
}

// silkShapes are for narrow and medium band, and for wide band.
var silkShapes = [2]silkShape{
	{
		icdf: [2][32]uint8{
			{
				212, 178, 148, 129, 108, 96, 85, 82, 79, 77, 61, 59, 57, 56, 51, 49,
				48, 45, 42, 41, 40, 38, 36, 34, 31, 30, 21, 12, 10, 3, 1, 0,
			},
			{
				255, 245, 244, 236, 233, 225, 217, 203, 190, 176, 175, 161, 149, 136, 125, 114,
				102, 91, 81, 71, 60, 52, 43, 35, 28, 20, 19, 18, 12, 11, 5, 0,
			},
		},
		gain: [32]int8{4, 6, 0, 11, 1, 9, 14, 9, 7, 11, 0, 12, 7, 10, 8, 11, 11, 5, 5, 11, 3, 4, 6, 4, 3, 13, 4, 3, 6, 4, 4, 4},
	},
	{
		icdf: [2][32]uint8{
			{
				225, 204, 201, 184, 183, 175, 158, 154, 153, 135, 119, 115, 113, 110, 109, 99,
				98, 95, 79, 68, 52, 50, 48, 45, 43, 32, 31, 27, 18, 10, 3, 0,
			},
			{
				255, 251, 235, 230, 212, 201, 196, 182, 167, 166, 163, 151, 138, 124, 110, 104,
				90, 78, 76, 70, 69, 57, 45, 34, 24, 21, 11, 6, 5, 4, 3, 0,
			},
		},
		gain: [32]int8{4, 3, 9, 7, 12, 10, 9, 14, 17, 0, 15, 14, 16, 11, 11, 18, 14, 11, 2, 14, 1, 11, 13, 19, 11, 9, 8, 11, 4, 4, 0, 17},
	},
}

// celtBands is how many bands CELT has at full bandwidth.
const celtBands = 21

// celtSilence is the energy of a band without sound.
const celtSilence = float32(-28)

// celtLoudest is more than any sound has.
const celtLoudest = float32(16)

// celtEnds are the bands of narrow, wide, super wide and full band (table 55).
var celtEnds = [4]int{13, 17, 19, 21}

// How far a frame of 2.5, 5, 10 or 20 ms predicts its energies from the frame before, and a
// band from the one below (section 4.3.2.1).
var (
	celtFade      = [4]float32{29440.0 / 32768, 26112.0 / 32768, 21248.0 / 32768, 16384.0 / 32768}
	celtLean      = [4]float32{30147.0 / 32768, 22282.0 / 32768, 12124.0 / 32768, 6554.0 / 32768}
	celtLeanIntra = float32(4915.0 / 32768)
)

// celtWeight is what a band's energy counts for in the sound, log2 of a power: the mean
// that is coded as zero, and the de-emphasis at the band's frequency.
var celtWeight = [celtBands]float32{18.34, 17.89, 16.76, 15.70, 14.99, 14.27, 13.41, 12.93, 13.60, 12.82, 12.19, 11.60, 12.03, 11.01, 9.95, 9.87, 9.15, 9.22, 8.97, 7.81, 5.98}

// celtThree is the distribution of small steps, in quarters.
var celtThree = [...]uint8{2, 1, 0}

// celtModel is, by frame size, without and with prediction from the frame before, and by
// band, the probability that a band's energy is as predicted, and how it falls off from
// there (e_prob_model of the reference decoder).
var celtModel = [4][2][celtBands][2]uint8{
	{
		{{72, 127}, {65, 129}, {66, 128}, {65, 128}, {64, 128}, {62, 128}, {64, 128}, {64, 128}, {92, 78}, {92, 79}, {92, 78}, {90, 79}, {116, 41}, {115, 40}, {114, 40}, {132, 26}, {132, 26}, {145, 17}, {161, 12}, {176, 10}, {177, 11}},
		{{24, 179}, {48, 138}, {54, 135}, {54, 132}, {53, 134}, {56, 133}, {55, 132}, {55, 132}, {61, 114}, {70, 96}, {74, 88}, {75, 88}, {87, 74}, {89, 66}, {91, 67}, {100, 59}, {108, 50}, {120, 40}, {122, 37}, {97, 43}, {78, 50}},
	},
	{
		{{83, 78}, {84, 81}, {88, 75}, {86, 74}, {87, 71}, {90, 73}, {93, 74}, {93, 74}, {109, 40}, {114, 36}, {117, 34}, {117, 34}, {143, 17}, {145, 18}, {146, 19}, {162, 12}, {165, 10}, {178, 7}, {189, 6}, {190, 8}, {177, 9}},
		{{23, 178}, {54, 115}, {63, 102}, {66, 98}, {69, 99}, {74, 89}, {71, 91}, {73, 91}, {78, 89}, {86, 80}, {92, 66}, {93, 64}, {102, 59}, {103, 60}, {104, 60}, {117, 52}, {123, 44}, {138, 35}, {133, 31}, {97, 38}, {77, 45}},
	},
	{
		{{61, 90}, {93, 60}, {105, 42}, {107, 41}, {110, 45}, {116, 38}, {113, 38}, {112, 38}, {124, 26}, {132, 27}, {136, 19}, {140, 20}, {155, 14}, {159, 16}, {158, 18}, {170, 13}, {177, 10}, {187, 8}, {192, 6}, {175, 9}, {159, 10}},
		{{21, 178}, {59, 110}, {71, 86}, {75, 85}, {84, 83}, {91, 66}, {88, 73}, {87, 72}, {92, 75}, {98, 72}, {105, 58}, {107, 54}, {115, 52}, {114, 55}, {112, 56}, {129, 51}, {132, 40}, {150, 33}, {140, 29}, {98, 35}, {77, 42}},
	},
	{
		{{42, 121}, {96, 66}, {108, 43}, {111, 40}, {117, 44}, {123, 32}, {120, 36}, {119, 33}, {127, 33}, {134, 34}, {139, 21}, {147, 23}, {152, 20}, {158, 25}, {154, 26}, {166, 21}, {173, 16}, {184, 13}, {184, 10}, {150, 13}, {139, 15}},
		{{22, 178}, {63, 114}, {74, 82}, {84, 83}, {92, 82}, {103, 62}, {96, 72}, {96, 67}, {101, 73}, {107, 72}, {113, 55}, {118, 52}, {125, 52}, {118, 52}, {117, 55}, {135, 49}, {137, 39}, {157, 32}, {145, 29}, {97, 33}, {77, 40}},
	},
}

// silkPower is the power of a quantised gain, in units of full scale (section 4.2.7.4).
var silkPower = func() (power [64]float32) {
	for i := range power {
		power[i] = float32(math.Exp2(2*(float64(i)*0.22745+0.328)) / (1 << 30))
	}
	return power
}()
