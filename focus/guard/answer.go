package guard

import (
	"bytes"
	"hash/maphash"
	"net/netip"
	"strconv"
)

var tagSeed = maphash.MakeSeed()

// appendAnswer appends the whole response to a malformed but answerable request, as a
// stateless server makes it (RFC 3261 section 8.2.7): Via, From, Call-ID and CSeq as they
// came, To with a tag that is the same for each retransmission, and a reason phrase that
// says what was wrong.
func (m *message) appendAnswer(dst []byte, v Verdict, src netip.AddrPort) []byte {
	dst = append(dst, statusLine(v.Status)...)
	dst = append(dst, reasons[v.Reason].phrase...)
	dst = append(dst, crlf...)
	dst = m.appendAnswerVias(dst, src)
	dst = append(dst, "From: "...)
	dst = appendUnfolded(dst, m.fromRaw)
	dst = append(dst, "\r\nTo: "...)
	dst = appendUnfolded(dst, m.toRaw)
	if m.to.tag == nil {
		dst = append(dst, ";tag="...)
		dst = strconv.AppendUint(dst, m.tag(), 36)
	}
	dst = append(dst, "\r\nCall-ID: "...)
	dst = appendUnfolded(dst, m.callID)
	dst = append(dst, "\r\nCSeq: "...)
	dst = append(dst, m.number...)
	dst = append(dst, ' ')
	dst = append(dst, m.cseqMethod...)
	return append(dst, "\r\nContent-Length: 0\r\n\r\n"...)
}

func (m *message) appendAnswerVias(dst []byte, src netip.AddrPort) []byte {
	top := true
	for i := bytes.Index(m.raw, crlf) + 2; ; {
		h, next, end := nextLine(m.raw, i)
		if end || next < 0 {
			return dst
		}
		if h.ok && kindOf(h.name) == kindVia {
			dst = appendVias(dst, h.value, src.Addr(), src.Port(), top)
			top = false
		}
		i = next
	}
}

func (m *message) tag() uint64 {
	var h maphash.Hash
	h.SetSeed(tagSeed)
	h.Write(m.callID)
	h.WriteByte(0)
	h.Write(m.top.branch)
	h.Write(m.cseq)
	return h.Sum64()
}

// answerPort is the port of the source that an answer over datagrams goes to: the packet's
// own where rport asks for it (RFC 3581 section 4), else that of the sent-by (RFC 3261
// section 18.2.2). The address is the packet's in any case.
func (m *message) answerPort(src netip.AddrPort) uint16 {
	if m.top.rport {
		return src.Port()
	}
	if n, ok := number(m.top.port, 65535); ok && n > 0 {
		return uint16(n)
	}
	return 5060
}
