package egress

import (
	"unsafe"

	"github.com/confd/confd/internal/cache"
)

// hot is how much of a subscription every picture touches, bytes.
const hot = unsafe.Offsetof(Subscription{}.history) + unsafe.Offsetof(history{}.pictures)

// Near has fetched what the next picture will touch of a subscription, while a worker that
// has hundreds of them is still busy with another.
func (s *Subscription) Near() { cache.Fetch(s, hot) }

// NearPicture has fetched where that picture will be remembered. It comes a little after Near,
// since it looks into the subscription.
func (s *Subscription) NearPicture() {
	cache.Fetch(s.history.at(s.history.tail), unsafe.Sizeof(picture{}))
}
