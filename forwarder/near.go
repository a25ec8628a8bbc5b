package forwarder

import (
	"unsafe"

	"github.com/confd/confd/internal/cache"
	"github.com/confd/confd/media"
)

// A picture goes to hundreds of lines, and what they hold was last touched a picture ago. So the
// memory of those who come next is asked for while one is in the system's hands: first the line,
// then what it points to, then what that points to (docs/adr/0012-near-memory.md).

// setupNearer is a port that has more to fetch once it is near itself; *transport.VideoLeg is one.
type setupNearer interface {
	media.Nearer
	NearSetup()
}

// ahead has those fetched that come behind the i-th.
func ahead(all []*Line, i int) {
	n := len(all)
	if i+3 < n {
		l := unsafe.Pointer(all[i+3]) // not by its fields: a check for nil would wait for it
		cache.Fetch((*byte)(l), cache.Line)
		cache.Fetch((*byte)(unsafe.Add(l, unsafe.Offsetof(Line{}.out))), unsafe.Sizeof(outlet{})+unsafe.Sizeof(spoke{}))
	}
	if i+2 < n {
		all[i+2].out.near()
	}
	if i+1 < n {
		all[i+1].out.nearer()
	}
}

// visit has those fetched that are looked after behind the i-th.
func visit(all []*Line, i int) {
	n := len(all)
	if i+2 < n {
		cache.Fetch(all[i+2], unsafe.Sizeof(Line{}))
	}
	if i+1 < n && all[i+1].out.sub != nil {
		all[i+1].out.near()
	}
}

// near has fetched what the outlet points to.
func (o *outlet) near() {
	o.sub.Near()
	if o.hot != nil {
		o.hot.Near()
	}
}

// nearer has fetched what that points to.
func (o *outlet) nearer() {
	o.sub.NearPicture()
	if o.hot != nil {
		o.hot.NearSetup()
	}
}
