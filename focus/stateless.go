package focus

import (
	"hash/maphash"
	"strconv"

	"github.com/emiago/sipgo/sip"
)

// maxLingering is how many INVITEs that were refused have transactions at a time, each for
// 32 s, in which sipgo repeats the refusal up to eleven times.
const maxLingering = 4096

// settle ends the transaction of a request outside of any dialog that has had its final
// response: nothing that a stranger sends shall cost more than it takes to answer. A request
// that comes again is answered again, and alike (RFC 3261 section 8.2.7). An INVITE keeps its
// transaction, for refusals that get lost, unless a flood has filled the places for that:
// then strangers under forged addresses neither fill the memory nor have others sent more
// than they send.
func (a *Agent) settle(req *sip.Request, tx *sip.ServerTx) {
	if req.IsInvite() && a.lingering.Add(1) <= int64(a.cfg.maxLingering) &&
		tx.OnTerminate(func(string, error) { a.lingering.Add(-1) }) {
		return
	}
	if req.IsInvite() {
		a.lingering.Add(-1)
	}
	tx.Terminate()
}

// tagFor is the To tag of a response outside of any dialog, the same for each retransmission
// of the request.
func (a *Agent) tagFor(req *sip.Request) string {
	var h maphash.Hash
	h.SetSeed(a.seed)
	for _, name := range []string{"call-id", "cseq", "from"} {
		if v, ok := value(req, name); ok {
			_, _ = h.WriteString(v)
		}
		_ = h.WriteByte(0)
	}
	if via := req.Via(); via != nil {
		branch, _ := via.Params.Get("branch")
		_, _ = h.WriteString(branch)
	}
	return strconv.FormatUint(h.Sum64(), 36)
}
