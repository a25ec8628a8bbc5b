//go:build !amd64

package pcm

func add(sum []int32, src []int16)       { addPortable(sum, src) }
func less(dst, sum []int32, own []int16) { lessPortable(dst, sum, own) }
func extent(src []int32) (lo, hi int32)  { return extentPortable(src) }
func squares(src []int16) uint64         { return squaresPortable(src) }
func narrow(dst []int16, src []int32)    { narrowPortable(dst, src) }
