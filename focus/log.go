package focus

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/emiago/sipgo/sip"
)

// sipgo logs what it cannot parse with its whole content, and a line per DNS failure:
// anyone who can send a packet could fill the disk. Its log goes nowhere; what it calls
// an error about a message is counted.
type quiet struct{ unparsable *atomic.Uint64 }

func (q quiet) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelError }

func (q quiet) Handle(_ context.Context, r slog.Record) error {
	if q.unparsable != nil && (strings.HasPrefix(r.Message, "failed to parse") ||
		strings.HasPrefix(r.Message, "Server tx failed")) {
		q.unparsable.Add(1)
	}
	return nil
}

func (q quiet) WithAttrs([]slog.Attr) slog.Handler { return q }
func (q quiet) WithGroup(string) slog.Handler      { return q }

var (
	globals sync.Once
	// unplaced is what transports without a logger of ours count, for all agents of the
	// process.
	unplaced atomic.Uint64
)

// setGlobals sets what sipgo keeps in package variables: they are the same for every
// Agent of the process.
func setGlobals() {
	globals.Do(func() {
		sip.SetDefaultLogger(slog.New(quiet{&unplaced}))
		// sipgo refuses to send a datagram that is longer than this less 200 bytes, and
		// knows no way to another transport. An answer must go back the way its request
		// came (RFC 3261 section 18.2.2); let the kernel fragment it.
		sip.UDPMTUSize = 65535
	})
}
