package guard

import "bytes"

// framer cuts a byte stream into messages (RFC 3261 sections 7.5 and 18.3) and keep-alives
// (RFC 5626 section 3.5.1). It copies nothing and reads no clock.
type framer struct {
	scanned int // bytes searched for the end of the headers so far
	need    int // bytes of the whole message, 0 as long as its headers have no end
	crlfs   int // line ends since the last message or ping
}

// frame is what the framer found at the beginning of the bytes.
type frame uint8

const (
	frameMore    frame = iota // nothing whole yet
	frameSkip                 // line end to be skipped
	framePing                 // line end that completes a ping, to be answered by one
	frameMessage              // a whole message
	frameBroken               // no message, and no way to tell where the next begins
)

// next looks at the unread bytes and returns what is at their beginning and its length. For
// frameBroken the length is what to show Check to learn the reason.
func (f *framer) next(in []byte, l *Limits) (frame, int) {
	if f.scanned == 0 && f.need == 0 {
		if len(in) < 2 {
			return frameMore, 0
		}
		if in[0] == '\r' && in[1] == '\n' {
			if f.crlfs++; f.crlfs == 2 {
				f.crlfs = 0
				return framePing, 2
			}
			return frameSkip, 2
		}
	}
	if f.need == 0 {
		if kind, n := f.headers(in, l); kind != frameMessage {
			return kind, n
		}
	}
	if len(in) < f.need {
		return frameMore, 0
	}
	n := f.need
	*f = framer{}
	return frameMessage, n
}

// headers looks for the end of the headers and reads the length of the body.
func (f *framer) headers(in []byte, l *Limits) (frame, int) {
	if f.scanned == 0 && !is(in[0], clToken) {
		return frameBroken, len(in)
	}
	from := max(f.scanned-3, 0)
	i := bytes.Index(in[from:], []byte("\r\n\r\n"))
	if i < 0 {
		f.scanned = len(in)
		if len(in) > l.HeaderSize {
			return frameBroken, len(in)
		}
		return frameMore, 0
	}
	end := from + i + 4
	length, ok := contentLength(in[:end])
	if !ok || end > l.HeaderSize || length > l.MessageSize-end {
		return frameBroken, end
	}
	f.need = end + length
	return frameMessage, 0
}

// contentLength returns the one Content-Length of the header section.
func contentLength(headers []byte) (length int, ok bool) {
	for i := bytes.Index(headers, crlf) + 2; ; {
		h, next, end := nextLine(headers, i)
		if end || next < 0 {
			return length, ok
		}
		if kindOf(h.name) == kindContentLength {
			n, valid := number(h.value, 1<<31-1)
			if !valid || ok {
				return 0, false
			}
			length, ok = int(n), true
		}
		i = next
	}
}
