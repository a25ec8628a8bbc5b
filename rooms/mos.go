package rooms

import (
	"math"
	"time"

	"github.com/confd/confd/media"
)

// EModel are the inputs of the E-model (ITU-T G.107) that a conference knows or may vary;
// the others are at their defaults. It rates narrowband telephony: that wideband speech is
// better than any of it does not show.
type EModel struct {
	Delay       time.Duration // Ta, absolute one way, mouth to ear
	TalkerDelay time.Duration // T, one way to where the talker's echo arises
	RoundTrip   time.Duration // Tr, in the four-wire loop
	Equipment   float64       // Ie, impairment by the codec without loss (G.113)
	Robustness  float64       // Bpl, packet-loss robustness of the codec (G.113)
	Loss        float64       // Ppl, percent of packets
	Burstiness  float64       // BurstR, 1 for loss at random
	Advantage   float64       // A, what users forgive
	TELR        float64       // talker echo loudness rating, dB
	WEPL        float64       // weighted echo path loss, dB
	SLR, RLR    float64       // send and receive loudness rating, dB
	Noise       float64       // Nc, circuit noise, dBm0p
	Quantising  float64       // qdu, quantising distortion units
}

// DefaultEModel is a call without impairment: it rates 93.2.
func DefaultEModel() EModel {
	return EModel{Robustness: 4.3, Burstiness: 1, TELR: 65, WEPL: 110, SLR: 8, RLR: 2, Noise: -70, Quantising: 1}
}

// Constants of G.107 table 2 that no field varies.
const (
	roomNoiseSend    = 35.0  // Ps, dB(A)
	roomNoiseReceive = 35.0  // Pr, dB(A)
	noiseFloor       = -64.0 // Nfor, dBmp
	dFactorSend      = 3.0   // Ds
	dFactorReceive   = 3.0   // Dr
	sidetoneMasking  = 15.0  // STMR, dB
	// Of the delay sensitivity class "default" (G.107 table 1): sT and mT.
	delaySensitivity = 1
	delayMinimum     = 100.0
)

// R returns the transmission rating factor, 0 to 100 (equation 7-1).
func (m EModel) R() float64 {
	c := m.circuit()
	r := c.ro - c.speech - m.sidetone() - m.delay(c) - m.equipment() + m.Advantage
	return min(max(r, 0), 100)
}

// MOS returns the estimated mean opinion score, 1 to 4.5 (G.107 annex B).
func (m EModel) MOS() float64 { return mosOf(m.R()) }

func mosOf(r float64) float64 {
	switch {
	case r <= 0:
		return 1
	case r >= 100:
		return 4.5
	}
	return max(1+0.035*r+r*(r-60)*(100-r)*7e-6, 1)
}

// olr is the overall loudness rating.
func (m EModel) olr() float64 { return m.SLR + m.RLR }

// circuit is what neither delay nor loss changes.
type circuit struct {
	noise  float64 // No
	ro     float64 // basic signal to noise ratio (equation 7-2)
	speech float64 // impairment by loudness and quantising
}

// usualCircuit is that of the default values, which nearly all calls have.
var usualCircuit = DefaultEModel().reckon()

func (m EModel) circuit() circuit {
	d := DefaultEModel()
	if m.SLR == d.SLR && m.RLR == d.RLR && m.Noise == d.Noise && m.Quantising == d.Quantising {
		return usualCircuit
	}
	return m.reckon()
}

func (m EModel) reckon() (c circuit) {
	c.noise = m.noise()
	c.ro = 15 - 1.5*(m.SLR+c.noise)
	c.speech = m.loudness(c.noise) + m.quantising(c.ro)
	return c
}

// noise is No, the sum of all noise at the 0 dBr point, dBm0p (equations 7-3 to 7-7).
func (m EModel) noise() float64 {
	ps := roomNoiseSend
	nos := ps - m.SLR - dFactorSend - 100 + 0.004*math.Pow(ps-m.olr()-dFactorSend-14, 2)
	pre := roomNoiseReceive + 10*math.Log10(1+math.Pow(10, (10-lstr)/10))
	nor := m.RLR - 121 + pre + 0.008*math.Pow(pre-35, 2)
	nfo := noiseFloor + m.RLR
	return 10 * math.Log10(power(m.Noise)+power(nos)+power(nor)+power(nfo))
}

// lstr is the listener sidetone rating, dB.
const lstr = sidetoneMasking + dFactorReceive

// bend is the n-th root of 1 + x^n: 1 below x = 1, and x above, with a bend between them.
func bend(x float64, n int) float64 {
	p, square := 1.0, x
	for e := n; e > 0; e >>= 1 {
		if e&1 == 1 {
			p *= square
		}
		square *= square
	}
	return math.Exp(math.Log1p(p) / float64(n)) // p is above -1: x is negative where n is even only
}

func power(dB float64) float64 { return math.Pow(10, dB/10) }

// Loudness, sidetone and quantising together are Is: what impairs speech as it is spoken
// (equations 7-8 to 7-17).
func (m EModel) loudness(noise float64) float64 {
	xolr := m.olr() + 0.2*(64+noise-m.RLR)
	return 20 * (bend(xolr/8, 8) - xolr/8)
}

func (m EModel) sidetone() float64 {
	echo := power(-m.TELR) // of the talker's own voice, which masks sidetone
	stmro := -10 * math.Log10(math.Pow(10, -sidetoneMasking/10)+math.Exp(-milliseconds(m.TalkerDelay)/4)*echo)
	return 12*bend((stmro-13)/6, 8) - 28*bend((stmro+1)/19.4, 35) - 13*bend((stmro-3)/33, 13) + 29
}

func (m EModel) quantising(ro float64) float64 {
	q := 37 - 15*math.Log10(max(m.Quantising, 1))
	g := 1.07 + 0.258*q + 0.0602*q*q
	y := (ro-100)/15 + 46.0/8.4 - g/9
	z := 46.0/30 - g/40
	return 15 * math.Log10(1+math.Pow(10, y)+math.Pow(10, z))
}

// delay is Id: talker echo, listener echo and delay itself (equations 7-18 to 7-29).
func (m EModel) delay(c circuit) float64 {
	return m.talkerEcho(c.noise) + m.listenerEcho(c.ro) + m.tooLong()
}

func (m EModel) talkerEcho(noise float64) float64 {
	t := milliseconds(m.TalkerDelay)
	if t < 1 {
		return 0
	}
	terv := m.TELR - 40*math.Log10((1+t/10)/(1+t/150)) + 6*math.Exp(-0.3*t*t)
	re := 80 + 2.5*(terv-14)
	roe := -1.5 * (noise - m.RLR)
	half := (roe - re) / 2
	return (half + math.Sqrt(half*half+100) - 1) * (1 - math.Exp(-t))
}

func (m EModel) listenerEcho(ro float64) float64 {
	tr := milliseconds(m.RoundTrip)
	rle := 10.5 * (m.WEPL + 7) / math.Sqrt(math.Sqrt(tr+1))
	half := (ro - rle) / 2
	return half + math.Sqrt(half*half+169)
}

func (m EModel) tooLong() float64 {
	ta := milliseconds(m.Delay)
	if ta <= delayMinimum {
		return 0
	}
	x := math.Log2(ta / delayMinimum)
	return 25 * (bend(x, 6*delaySensitivity) - 3*bend(x/3, 6*delaySensitivity) + 2)
}

// equipment is Ie-eff, the codec under loss (equation 7-30).
func (m EModel) equipment() float64 {
	if m.Loss <= 0 {
		return m.Equipment
	}
	return m.Equipment + (95-m.Equipment)*m.Loss/(m.Loss/max(m.Burstiness, 1)+max(m.Robustness, 1))
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// impairment returns Ie and Bpl of a codec with this server's concealment. G.113 lists 0 and
// 25.1 for G.711 with concealment; it has no figures on the narrowband scale for the others,
// whose concealment is at least as good.
func impairment(c media.Codec) (ie, bpl float64) {
	if c == media.L16 || c == media.NoCodec {
		return 0, 4.3 // silence where a packet is missing, as good as none
	}
	return 0, 25.1
}
