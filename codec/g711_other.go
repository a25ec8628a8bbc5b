//go:build !amd64

package codec

func (l *g711Law) compress(dst []byte, pcm []int16) { l.compressPortable(dst, pcm) }
func (l *g711Law) expand(pcm []int16, codes []byte) { l.expandPortable(pcm, codes) }
