package guard

import "bytes"

// address is one value of From, To, Contact, Route and the like (RFC 3261 section 20.10).
// Its parts are slices of the message, folds and all.
type address struct {
	display []byte // raw: tokens, or a quoted-string with its quotes
	uri     []byte
	angle   bool   // written in < >
	params  []byte // raw: from the first ";" to the end of the value
	tag     []byte
	// hidden says that a quoted parameter value holds a ";", where the library would cut it.
	hidden bool
}

// parseAddress reads the value that begins at i, and returns the index of the comma behind
// it, or len(v). ok is false if the value is malformed.
func parseAddress(v []byte, i int) (a address, next int, ok bool) {
	i = skipLWS(v, i)
	i, ok = a.parseDisplay(v, i)
	if !ok {
		return a, i, false
	}
	if a.angle {
		end := bytes.IndexByte(v[i:], '>')
		if end < 0 {
			return a, i, false
		}
		a.uri, next = v[i:i+end], i+end+1
	} else {
		next = i
		for next < len(v) && v[next] != ';' && v[next] != ',' && !isLWS(v[next]) {
			next++
		}
		a.uri = v[i:next]
		// Without brackets a URI has no comma, question mark or semicolon.
		if bytes.IndexByte(a.uri, '?') >= 0 {
			return a, i, false
		}
	}
	if !checkURI(a.uri, a.angle) {
		return a, i, false
	}
	next, ok = a.parseParams(v, next)
	return a, next, ok
}

// parseDisplay reads what stands before the URI and returns where the URI begins.
func (a *address) parseDisplay(v []byte, i int) (int, bool) {
	if i < len(v) && v[i] == '"' {
		end := quotedEnd(v, i)
		if end < 0 {
			return i, false
		}
		a.display = v[i:end]
		i = skipLWS(v, end)
		if i == len(v) || v[i] != '<' {
			return i, false
		}
		a.angle = true
		return i + 1, true
	}
	j := i
	for j < len(v) && (is(v[j], clToken) || v[j] >= 0x80 || isLWS(v[j])) {
		j++
	}
	if j < len(v) && v[j] == '<' {
		a.display, a.angle = trim(v[i:j]), true
		return j + 1, true
	}
	return i, true
}

func (a *address) parseParams(v []byte, i int) (next int, ok bool) {
	start := i
	for {
		i = skipLWS(v, i)
		if i == len(v) || v[i] == ',' {
			a.params = trim(v[start:i])
			return i, true
		}
		if v[i] != ';' {
			return i, false
		}
		p, end, ok := parseParam(v, i+1)
		if !ok {
			return i, false
		}
		if equalFold(p.name, "tag") {
			if a.tag != nil || !all(p.value, clToken) {
				return i, false
			}
			a.tag = p.value
		}
		if p.quoted && bytes.IndexByte(p.value, ';') >= 0 {
			a.hidden = true
		}
		i = end
	}
}

// param is one generic-param: name, or name=value.
type param struct {
	name, value []byte
	hasValue    bool
	quoted      bool
	nameEnd     int
}

// parseParam reads the parameter that begins behind a ";" at i.
func parseParam(v []byte, i int) (p param, next int, ok bool) {
	i = skipLWS(v, i)
	end := span(v, i, clToken)
	if end == i {
		return p, i, false
	}
	p.name, p.nameEnd = v[i:end], end
	i = skipLWS(v, end)
	if i == len(v) || v[i] != '=' {
		return p, end, true
	}
	p.hasValue = true
	i = skipLWS(v, i+1)
	if i < len(v) && v[i] == '"' {
		p.quoted = true
		end = quotedEnd(v, i)
	} else {
		end = span(v, i, clValue)
	}
	if end <= i {
		return p, i, false
	}
	p.value = v[i:end]
	return p, end, true
}
