package transport

import (
	"unsafe"

	"github.com/confd/confd/internal/cache"
)

// Near implements media.Nearer: it has fetched what SendVideo will touch of the leg, while a
// worker that has hundreds of them is still busy with another.
func (v *VideoLeg) Near() {
	v.leg.Near()
	cache.Fetch(&v.wire, unsafe.Sizeof(v.wire))
	cache.Fetch(&v.count, cache.Line)
}

// NearSetup has fetched what SendVideo asks of the negotiated state. It comes a little after
// Near, since it looks into the leg.
func (v *VideoLeg) NearSetup() { cache.Fetch(v.setup, unsafe.Sizeof(VideoSetup{}.params)) }
