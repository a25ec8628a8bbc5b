package phone

// G.711 straight from the definition, without tables: this is the other end of the wire
// from the server's own.

func encodeMu(s int16) byte {
	const bias, limit = 0x84, 32635
	v, sign := int(s), 0
	if v < 0 {
		v, sign = -v, 0x80
	}
	v = min(v, limit) + bias
	exponent := 7
	for mask := 0x4000; exponent > 0 && v&mask == 0; mask >>= 1 {
		exponent--
	}
	return ^byte(sign | exponent<<4 | v>>(exponent+3)&0x0f)
}

func decodeMu(b byte) int16 {
	b = ^b
	exponent := int(b>>4) & 7
	v := (int(b&0x0f)<<3+0x84)<<exponent - 0x84
	if b&0x80 != 0 {
		v = -v
	}
	return int16(v)
}

func encodeA(s int16) byte {
	v, sign := int(s), 0x80
	if v < 0 {
		v, sign = -v-1, 0
	}
	exponent := 7
	for mask := 0x4000; exponent > 0 && v&mask == 0; mask >>= 1 {
		exponent--
	}
	mantissa := v >> 4 & 0x0f
	if exponent > 0 {
		mantissa = v >> (exponent + 3) & 0x0f
	}
	return byte(sign|exponent<<4|mantissa) ^ 0x55
}

func decodeA(b byte) int16 {
	b ^= 0x55
	exponent := int(b>>4) & 7
	v := int(b&0x0f)<<4 + 8
	if exponent > 0 {
		v = (v + 0x100) << (exponent - 1)
	}
	if b&0x80 == 0 {
		v = -v
	}
	return int16(v)
}
