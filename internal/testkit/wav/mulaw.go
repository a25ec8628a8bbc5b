package wav

// EncodeMuLaw returns samples as bare G.711 mu-law bytes, as SIPp streams them from a file.
func EncodeMuLaw(samples []int16) []byte { return each(samples, muLaw) }

// EncodeALaw is EncodeMuLaw for A-law.
func EncodeALaw(samples []int16) []byte { return each(samples, aLaw) }

func each(samples []int16, code func(int16) byte) []byte {
	b := make([]byte, len(samples))
	for i, s := range samples {
		b[i] = code(s)
	}
	return b
}

func muLaw(s int16) byte {
	const bias, limit = 0x84, 32635
	v, sign := int(s), 0
	if v < 0 {
		v, sign = -v, 0x80
	}
	v = min(v, limit) + bias
	exponent := segment(v)
	return ^byte(sign | exponent<<4 | v>>(exponent+3)&0x0f)
}

func aLaw(s int16) byte {
	v, sign := int(s), 0x80
	if v < 0 {
		v, sign = -v-1, 0
	}
	exponent := segment(v)
	mantissa := v >> 4 & 0x0f
	if exponent > 0 {
		mantissa = v >> (exponent + 3) & 0x0f
	}
	return byte(sign|exponent<<4|mantissa) ^ 0x55
}

// segment is the number of the chord: where the highest set bit is.
func segment(v int) int {
	exponent := 7
	for mask := 0x4000; exponent > 0 && v&mask == 0; mask >>= 1 {
		exponent--
	}
	return exponent
}
