package focus

import (
	"sync"

	"github.com/emiago/sipgo/sip"
)

// dialogKey names a dialog (RFC 3261 section 12).
type dialogKey struct{ callID, local, remote string }

// keyOf is the dialog that a request from the peer belongs to.
func keyOf(req *sip.Request) dialogKey {
	k := dialogKey{}
	if h := req.CallID(); h != nil {
		k.callID = h.Value()
	}
	if h := req.To(); h != nil {
		k.local = tagOf(h.Params)
	}
	if h := req.From(); h != nil {
		k.remote = tagOf(h.Params)
	}
	return k
}

// table is the dialogs that exist.
type table struct {
	mu    sync.RWMutex
	m     map[dialogKey]*dialog
	empty vacancy // of m
}

func newTable() *table { return &table{m: map[dialogKey]*dialog{}} }

func (t *table) get(k dialogKey) *dialog {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.m[k]
}

func (t *table) add(d *dialog) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.m[d.key] = d
}

func (t *table) remove(d *dialog) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.m[d.key] == d {
		delete(t.m, d.key)
	}
	t.empty.tell(len(t.m))
}

func (t *table) size() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.m)
}

func (t *table) all() []*dialog {
	t.mu.RLock()
	defer t.mu.RUnlock()
	out := make([]*dialog, 0, len(t.m))
	for _, d := range t.m {
		out = append(out, d)
	}
	return out
}

// whenEmpty is closed once the table has no dialog.
func (t *table) whenEmpty() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.empty.await(len(t.m))
}

// mergeTable knows the initial INVITEs whose transactions live, so that one that was
// forked and arrives twice is answered once (RFC 3261 section 8.2.2.2).
type mergeTable struct {
	mu sync.Mutex
	m  map[mergeKey]struct{}
}

type mergeKey struct {
	callID, from string
	seq          uint32
}

func newMergeTable() *mergeTable { return &mergeTable{m: map[mergeKey]struct{}{}} }

// claim reports whether this is the first transaction of the request. The claim ends with
// the transaction.
func (t *mergeTable) claim(req *sip.Request, tx *sip.ServerTx) bool {
	k := mergeKey{req.CallID().Value(), tagOf(req.From().Params), req.CSeq().SeqNo}
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, taken := t.m[k]; taken {
		return false
	}
	t.m[k] = struct{}{}
	if !tx.OnTerminate(func(string, error) { t.release(k) }) {
		delete(t.m, k)
	}
	return true
}

func (t *mergeTable) release(k mergeKey) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.m, k)
}
