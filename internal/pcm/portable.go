package pcm

// The loops that serve every processor, eight samples at a time. The slices of one call
// have the length of the last.

func addPortable(sum []int32, src []int16) {
	i := 0
	for ; i+8 <= len(src); i += 8 {
		d, s := sum[i:i+8:i+8], src[i:i+8:i+8]
		d[0] += int32(s[0])
		d[1] += int32(s[1])
		d[2] += int32(s[2])
		d[3] += int32(s[3])
		d[4] += int32(s[4])
		d[5] += int32(s[5])
		d[6] += int32(s[6])
		d[7] += int32(s[7])
	}
	for ; i < len(src); i++ {
		sum[i] += int32(src[i])
	}
}

func lessPortable(dst, sum []int32, own []int16) {
	i := 0
	for ; i+8 <= len(own); i += 8 {
		d, s, o := dst[i:i+8:i+8], sum[i:i+8:i+8], own[i:i+8:i+8]
		d[0] = s[0] - int32(o[0])
		d[1] = s[1] - int32(o[1])
		d[2] = s[2] - int32(o[2])
		d[3] = s[3] - int32(o[3])
		d[4] = s[4] - int32(o[4])
		d[5] = s[5] - int32(o[5])
		d[6] = s[6] - int32(o[6])
		d[7] = s[7] - int32(o[7])
	}
	for ; i < len(own); i++ {
		dst[i] = sum[i] - int32(own[i])
	}
}

// extentPortable returns the lowest and the highest value, 0 among them.
func extentPortable(src []int32) (lo, hi int32) {
	for _, s := range src {
		hi, lo = max(hi, s), min(lo, s)
	}
	return lo, hi
}

func squaresPortable(src []int16) uint64 {
	var sum uint64
	for _, s := range src {
		sum += uint64(int32(s) * int32(s))
	}
	return sum
}

func narrowPortable(dst []int16, src []int32) {
	dst = dst[:len(src)]
	for i, s := range src {
		dst[i] = Saturate(s)
	}
}
