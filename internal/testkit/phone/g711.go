package phone

// G.711 decoding straight from the definition, without tables: this is the other end of
// the wire from the server's own.

func decodeMu(b byte) int16 {
	b = ^b
	exponent := int(b>>4) & 7
	v := (int(b&0x0f)<<3+0x84)<<exponent - 0x84
	if b&0x80 != 0 {
		v = -v
	}
	return int16(v)
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
