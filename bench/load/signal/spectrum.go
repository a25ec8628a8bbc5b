package signal

import "math"

// What the ear works at.
const (
	earRate   = 8000 // samples per second
	window    = 256  // samples: 32 ms
	hop       = 64   // samples: 8 ms
	lines     = window / 2
	lineWidth = float64(earRate) / window // Hz
)

// spectrum takes windows of sound apart.
type spectrum struct {
	hann    [window]float32
	twiddle [lines]complex64 // e^(-2πik/window)
	reverse [lines]uint8     // bits of the index, the other way round
	work    [lines]complex64
	line    [lines]complex64 // of the window that was taken last, but the first
	power   [lines]float32   // likewise, in squared amplitudes of a sine
}

func newSpectrum() *spectrum {
	s := &spectrum{}
	for i := range s.hann {
		s.hann[i] = float32(0.5-0.5*math.Cos(2*math.Pi*float64(i)/window)) / (window / 2)
	}
	for k := range s.twiddle {
		sin, cos := math.Sincos(-2 * math.Pi * float64(k) / window)
		s.twiddle[k] = complex(float32(cos), float32(sin))
	}
	for i := range s.reverse {
		for b := 1; b < lines; b <<= 1 {
			s.reverse[i] <<= 1
			if i&b != 0 {
				s.reverse[i] |= 1
			}
		}
	}
	return s
}

// take transforms a window: as half as many complex samples, which are told apart at the end.
func (s *spectrum) take(x *[window]int16) {
	w := &s.work
	for i, at := range s.reverse {
		w[at&(lines-1)] = complex(float32(x[2*i])*s.hann[2*i], float32(x[2*i+1])*s.hann[2*i+1])
	}
	for half := 1; half < lines; half *= 2 {
		s.butterflies(half)
	}
	for k := 1; k < lines; k++ {
		a, b := w[k], w[lines-k]
		b = complex(real(b), -imag(b))
		t := s.twiddle[k]
		y := a + b + (a-b)*complex(imag(t), -real(t))
		s.line[k], s.power[k] = y, real(y)*real(y)+imag(y)*imag(y)
	}
}

func (s *spectrum) butterflies(half int) {
	step := lines / half
	for start := 0; start < lines; start += 2 * half {
		lo, hi := s.work[start:start+half], s.work[start+half:start+2*half]
		for k := range lo {
			b := hi[k] * s.twiddle[k*step]
			lo[k], hi[k] = lo[k]+b, lo[k]-b
		}
	}
}

// sum adds the powers of lines from and up to, but not, end.
func (s *spectrum) sum(from, end int) (sum float32) {
	for _, p := range s.power[from:end] {
		sum += p
	}
	return sum
}
