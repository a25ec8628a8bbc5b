package focus

import (
	"bufio"
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"
)

const (
	defaultDigit = 250 * time.Millisecond
	maxDigit     = 10 * time.Second
)

// onInfo takes keys that are pressed: application/dtmf-relay and application/dtmf, as
// phones have sent them since before RFC 6086; and requests for key frames (RFC 5168). An INFO
// without a body is a sign of life.
func (d *dialog) onInfo(req *sip.Request, tx *sip.ServerTx) {
	if !d.enter(req, tx) {
		return
	}
	defer d.mu.Unlock()
	if pkg, ok := value(req, "info-package"); ok && pkg != "" {
		d.refuse(req, tx, refusal(469, "no INFO package is known here", sip.NewHeader("Recv-Info", "")))
		return
	}
	if isMediaControl(req) {
		d.onMediaControl(req, tx)
		return
	}
	code, held, bad := keyIn(req)
	if bad != nil {
		d.refuse(req, tx, bad)
		return
	}
	if code != noKey {
		d.call.digit(code, held)
	}
	d.respond(req, tx, sip.StatusOK)
}

// noKey says that an INFO carries no key.
const noKey = 0xff

// keyIn returns the event code (RFC 4733 section 3.2) and duration that an INFO carries.
func keyIn(req *sip.Request) (byte, time.Duration, *status) {
	body := req.Body()
	if len(bytes.TrimSpace(body)) == 0 {
		return noKey, 0, nil
	}
	typ, _, err := mediaType(req)
	if err != nil {
		return noKey, 0, bodyStatus(err)
	}
	var key string
	held := defaultDigit
	switch typ {
	case typeDTMFRelay:
		key, held, err = parseDTMFRelay(body)
	case typeDTMF:
		key = strings.TrimSpace(string(body))
	default:
		if isOptional(req) {
			return noKey, 0, nil
		}
		return noKey, 0, refusal(sip.StatusUnsupportedMediaType, "this body is not understood in INFO",
			sip.NewHeader("Accept", typeDTMFRelay+", "+typeDTMF+", "+typeMediaControl))
	}
	if err == nil {
		var code byte
		if code, err = eventCode(key); err == nil {
			return code, held, nil
		}
	}
	return noKey, 0, refusal(sip.StatusBadRequest, err.Error())
}

// parseDTMFRelay reads "Signal=5\r\nDuration=160\r\n", duration in milliseconds. Unknown
// lines are ignored.
func parseDTMFRelay(body []byte) (key string, held time.Duration, err error) {
	held = defaultDigit
	s := bufio.NewScanner(bytes.NewReader(body))
	for s.Scan() {
		name, val, ok := strings.Cut(s.Text(), "=")
		if !ok {
			continue
		}
		val = strings.TrimSpace(val)
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "signal":
			key = val
		case "duration":
			ms, err := strconv.ParseUint(val, 10, 31)
			if err != nil {
				return "", 0, fmt.Errorf("dtmf-relay: Duration %.20q is no number of milliseconds", val)
			}
			held = min(time.Duration(ms)*time.Millisecond, maxDigit)
		}
	}
	if err := s.Err(); err != nil {
		return "", 0, fmt.Errorf("dtmf-relay: %w", err)
	}
	if key == "" {
		return "", 0, fmt.Errorf("dtmf-relay: there is no Signal line; send Signal=5")
	}
	return key, held, nil
}

// eventCode returns the RFC 4733 code of a key as phones write it: 0-9 * # A-D, or the code
// 10 to 15 itself.
func eventCode(key string) (byte, error) {
	const keys = "0123456789*#ABCD"
	if len(key) == 1 {
		if i := strings.IndexByte(keys, strings.ToUpper(key)[0]); i >= 0 {
			return byte(i), nil
		}
	}
	if n, err := strconv.ParseUint(key, 10, 8); err == nil && n < uint64(len(keys)) {
		return byte(n), nil
	}
	return noKey, fmt.Errorf("%.20q is no key; keys are 0-9 * # A B C D", key)
}
