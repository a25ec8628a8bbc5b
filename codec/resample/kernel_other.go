//go:build !amd64

package resample

// interpolate computes the dot products; tap 0 of position 0 is src[0].
func (k *Kernel) interpolate(dst, src []int16, pos, step uint64) {
	k.portable(dst, src, pos, step)
}
