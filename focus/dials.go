package focus

import (
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/confd/confd/rooms"
)

// DialLimits bound the calls that the server makes, whoever asks for them: a key that leaks,
// or a script that runs wild, must not run up a telephone bill. Zeros are the defaults.
type DialLimits struct {
	Max       int     // that have not been answered, at a time; 100
	PerSecond float64 // new ones in the long run; 10
	Burst     int     // new ones at once; 20
}

func (l *DialLimits) complete() error {
	if l.Max < 0 || l.Burst < 0 || l.PerSecond < 0 || math.IsNaN(l.PerSecond) || math.IsInf(l.PerSecond, 0) {
		return fmt.Errorf("focus: limits of dial-outs must not be negative")
	}
	setDefault(&l.Max, 100)
	setDefault(&l.PerSecond, 10)
	setDefault(&l.Burst, 20)
	return nil
}

// dials are the dial-outs that have not been answered, and what of them is still to tidy up.
type dials struct {
	limits DialLimits

	mu     sync.Mutex
	m      map[*outgoing]struct{}
	tokens float64
	filled time.Time // when tokens was right
	empty  vacancy   // of m
}

func newDials(l DialLimits) *dials {
	return &dials{limits: l, m: map[*outgoing]struct{}{}, tokens: float64(l.Burst), filled: time.Now()}
}

// begin lets a dial-out start, or says why not. Error code: Overloaded.
func (t *dials) begin(o *outgoing) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.m) >= t.limits.Max {
		return tooMany("%d calls are being made, as many as the limit on dial-outs allows at a time", t.limits.Max)
	}
	now := time.Now()
	t.tokens = min(t.tokens+now.Sub(t.filled).Seconds()*t.limits.PerSecond, float64(t.limits.Burst))
	t.filled = now
	if t.tokens < 1 {
		return tooMany("more calls are asked for than the limit on dial-outs allows, %g a second", t.limits.PerSecond)
	}
	t.tokens--
	t.m[o] = struct{}{}
	return nil
}

func tooMany(format string, limit any) error {
	return &rooms.Error{Code: rooms.Overloaded, Op: "dial", Message: fmt.Sprintf(format, limit)}
}

func (t *dials) finish(o *outgoing) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.m, o)
	t.empty.tell(len(t.m))
}

// cancel gives up on all of them.
func (t *dials) cancel(why rooms.Reason) {
	t.mu.Lock()
	all := make([]*outgoing, 0, len(t.m))
	for o := range t.m {
		all = append(all, o)
	}
	t.mu.Unlock()
	for _, o := range all {
		o.Cancel(why)
	}
}

func (t *dials) size() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.m)
}

// whenEmpty is closed once no dial-out is left.
func (t *dials) whenEmpty() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.empty.await(len(t.m))
}
