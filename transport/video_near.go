package transport

import (
	"unsafe"

	"github.com/confd/confd/internal/cache"
)

// nearVideo is how much of a leg every picture that it sends touches, bytes.
const nearVideo = unsafe.Offsetof(VideoLeg{}.leg) + near

// Near implements media.Nearer: it has fetched what SendVideo will touch of the leg, while a
// worker that has hundreds of them is still busy with another.
func (v *VideoLeg) Near() { cache.Fetch(v, nearVideo) }

// NearSetup has fetched what SendVideo needs of the keys. It comes a little after Near, since
// it looks into the leg.
func (v *VideoLeg) NearSetup() {
	if c := v.leg.crypto; c != nil {
		w := &v.wire
		cache.Fetch(c, cache.Line)
		cache.Fetch(w.keys, cache.Line)
		cache.Fetch(w.gcm, unsafe.Sizeof(*w.gcm))
		cache.Fetch((*byte)(w.cipher), uintptr(w.cipherSize))
	}
}
