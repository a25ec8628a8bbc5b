package guard

// via is one Via value (RFC 3261 section 20.42).
type via struct {
	protocol, version, transport []byte
	host, port                   []byte
	params                       []byte // raw, from the first ";"
	paramsStart                  int    // where they begin
	branch                       []byte
	rport                        bool // rport without a value: the sender asks for it (RFC 3581)
}

// parseVia reads the value that begins at i and returns the index of the comma behind it,
// or len(v). readable says that protocol and sent-by could be read, whatever follows them.
func parseVia(v []byte, i int) (h via, next int, readable, ok bool) {
	i, ok = h.parseSentProtocol(v, i)
	if !ok {
		return h, i, false, false
	}
	i, ok = h.parseSentBy(v, i)
	if !ok {
		return h, i, false, false
	}
	next, ok = h.parseParams(v, i)
	return h, next, true, ok
}

func (h *via) parseSentProtocol(v []byte, i int) (int, bool) {
	for part := range 3 {
		i = skipLWS(v, i)
		end := span(v, i, clToken)
		if end == i {
			return i, false
		}
		switch part {
		case 0:
			h.protocol = v[i:end]
		case 1:
			h.version = v[i:end]
		case 2:
			h.transport = v[i:end]
			i = skipLWS(v, end)
			return i, i > end
		}
		i = skipLWS(v, end)
		if i == len(v) || v[i] != '/' {
			return i, false
		}
		i++
	}
	return i, false
}

func (h *via) parseSentBy(v []byte, i int) (int, bool) {
	end := hostEnd(v, i)
	if end <= i {
		return i, false
	}
	h.host = v[i:end]
	i = skipLWS(v, end)
	if i == len(v) || v[i] != ':' {
		return end, true
	}
	i = skipLWS(v, i+1)
	end = span(v, i, clDigit)
	h.port = v[i:end]
	return end, validPort(h.port)
}

func (h *via) parseParams(v []byte, i int) (next int, ok bool) {
	start := i
	h.paramsStart = i
	for {
		i = skipLWS(v, i)
		if i == len(v) || v[i] == ',' {
			h.params = trim(v[start:i])
			return i, true
		}
		if v[i] != ';' {
			return i, false
		}
		p, end, ok := parseParam(v, i+1)
		// The library reads no quoted value in a Via, and nobody is known to write one.
		if !ok || p.quoted {
			return i, false
		}
		switch {
		case equalFold(p.name, "branch"):
			if h.branch != nil || !all(p.value, clToken) {
				return i, false
			}
			h.branch = p.value
		case equalFold(p.name, "rport"):
			h.rport = !p.hasValue
		}
		i = end
	}
}

const magicCookie = "z9hG4bK"

// badBranch says that the branch claims to be unique after RFC 3261 section 8.1.1.7 and is not.
func (h *via) badBranch() bool { return string(h.branch) == magicCookie }
