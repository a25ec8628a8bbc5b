package guard

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/emiago/sipgo/sip"
)

// torture is what must become of each message of RFC 4475, and why. answer 0 with a reason
// is a drop, without one a pass.
var torture = []struct {
	name   string
	answer int
	reason Reason
	why    string
}{
	// Section 3.1.1: valid.
	{"valid/wsinv", 0, OK, "3.1.1.1: white space, folds, escapes; a valid INVITE"},
	{"valid/intmeth", 0, OK, "3.1.1.2: a wide range of valid characters; the method is unknown, 501 or 405"},
	{"valid/esc01", 0, OK, "3.1.1.3: valid escapes in URIs"},
	{"valid/escnull", 0, OK, "3.1.1.4: escaped nulls in URIs"},
	{"valid/esc02", 0, OK, "3.1.1.5: percent signs that are no escapes; unknown method and header"},
	{"valid/lwsdisp", 0, OK, "3.1.1.6: no white space between display name and <"},
	{"valid/longreq", 0, OK, "3.1.1.7: long values in header fields"},
	{"valid/dblreq", 0, OK, "3.1.1.8: octets behind the Content-Length in a datagram are ignored"},
	{"valid/semiuri", 0, OK, "3.1.1.9: semicolon-separated parameters in the user part"},
	{"valid/transports", 0, OK, "3.1.1.10: varied and unknown transports in Via"},
	{"valid/mpart01", 0, OK, "3.1.1.11: multipart body with NULs"},
	{"valid/unreason", 0, OK, "3.1.1.12: UTF-8 reason phrase"},
	{"valid/noreason", 0, OK, "3.1.1.13: empty reason phrase"},
	// Section 3.1.2: invalid.
	{"invalid/badinv01", 400, BadVia, "3.1.2.1: extraneous separators: respond 400"},
	{"invalid/clerr", 400, BodyShort, "3.1.2.2: Content-Length larger than the datagram: respond 400"},
	{"invalid/ncl", 400, BadContentLength, "3.1.2.3: negative Content-Length: respond with an error"},
	{"invalid/scalar02", 400, BadCSeq, "3.1.2.4: scalar out of range in a request: respond 400 because of the CSeq"},
	{"invalid/scalarlg", 0, BadCSeq, "3.1.2.5: scalar out of range in a response: discard because of the CSeq"},
	{"invalid/quotbal", 400, BadTo, "3.1.2.6: unterminated quoted string: respond 400"},
	{"invalid/ltgtruri", 400, BadRequestURI, "3.1.2.7: <> around the Request-URI: reasonable to respond 400"},
	{"invalid/lwsruri", 400, BadStartLine, "3.1.2.8: white space in the Request-URI: reasonable to respond 400"},
	{"invalid/lwsstart", 400, BadStartLine, "3.1.2.9: multiple SP in the request line: acceptable to reject"},
	{"invalid/trws", 400, BadStartLine, "3.1.2.10: SP at the end of the request line: acceptable to reject"},
	{"invalid/escruri", 400, BadRequestURI, "3.1.2.11: escaped headers in the Request-URI: acceptable to respond 400"},
	{"invalid/baddate", 0, OK, "3.1.2.12: time zone in Date: do not reject unless Date matters"},
	{"invalid/regbadct", 400, BadContact, "3.1.2.13: Contact with a ? must be in <>: respond 400"},
	{"invalid/badaspec", 400, BadTo, "3.1.2.14: spaces within addr-spec: reasonable to respond 400"},
	{"invalid/baddn", 400, BadFrom, "3.1.2.15: comma in a bare display name: reasonable to respond 400"},
	{"invalid/badvers", 505, BadVersion, "3.1.2.16: unknown protocol version: respond 505"},
	{"invalid/mismatch01", 400, CSeqMismatch, "3.1.2.17: method and CSeq method differ: respond 400"},
	{"invalid/mismatch02", 400, CSeqMismatch, "3.1.2.18: the same for an unknown method: 400 or 501"},
	{"invalid/bigcode", 0, BadStatus, "3.1.2.19: overlarge response code: discard"},
	// Section 3.2: transaction layer.
	{"invalid/badbranch", 400, BadBranch, "3.2.1: nothing behind z9hG4bK: may respond 400, statelessly"},
	// Section 3.3: application layer.
	{"invalid/insuf", 0, MissingFrom, "3.3.1: no Call-ID, From, To: ideally 400, but there is nothing to answer with"},
	{"invalid/unkscm", 0, OK, "3.3.2: unknown scheme in the Request-URI: 416"},
	{"invalid/novelsc", 416, UnknownScheme, "3.3.3: known but atypical scheme: 416"},
	{"invalid/unksm2", 0, OK, "3.3.4: unknown schemes in To, From, Contact: not an error of the message"},
	{"invalid/bext01", 0, OK, "3.3.5: Require of the unknown: 420"},
	{"invalid/invut", 0, OK, "3.3.6: unknown Content-Type: 415"},
	{"invalid/regaut01", 0, OK, "3.3.7: unknown authorization scheme: not an error of the message"},
	{"invalid/multi01", 400, BadCSeq, "3.3.8: several values in single-value fields: respond 400"},
	{"invalid/mcl01", 400, BadContentLength, "3.3.9: several Content-Lengths: respond 400"},
	{"invalid/bcast", 0, ResponseVia, "3.3.10: response with a broadcast Via below: a client discards it"},
	{"invalid/zeromf", 0, OK, "3.3.11: Max-Forwards 0 at its recipient: answered as any"},
	{"invalid/cparam01", 0, OK, "3.3.12: REGISTER with a Contact header parameter"},
	{"invalid/cparam02", 0, OK, "3.3.13: REGISTER with a Contact URI parameter"},
	{"invalid/regescrt", 0, OK, "3.3.14: REGISTER with a Contact of escaped headers in <>"},
	{"invalid/sdp01", 0, OK, "3.3.15: unacceptable Accept: 406"},
	{"invalid/inv2543", 400, NoFromTag, "3.3.16: RFC 2543 without From tag: need not be accepted"},
}

func tortureFile(t testing.TB, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata/rfc4475", name+".dat"))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestTorture(t *testing.T) {
	files, _ := filepath.Glob("testdata/rfc4475/*/*.dat")
	if len(files) != len(torture) {
		t.Errorf("%d files, %d expectations", len(files), len(torture))
	}
	for _, c := range torture {
		t.Run(c.name, func(t *testing.T) {
			raw := tortureFile(t, c.name)
			v := Check(raw, false)
			action := Pass
			switch {
			case c.answer != 0:
				action = Answer
			case c.reason != OK:
				action = Drop
			}
			if v.Action != action || v.Reason != c.reason || v.Status != c.answer {
				t.Fatalf("got action %d, %s, status %d; want %d, %s, %d (%s)", v.Action, v.Reason, v.Status, action, c.reason, c.answer, c.why)
			}
			switch v.Action {
			case Pass:
				mustParse(t, raw)
			case Answer:
				var m message
				answer := m.appendAnswer(nil, m.check(raw, false, &defaultLimits), source)
				checkAnswer(t, answer, v.Status)
				if want := fmt.Sprintf("SIP/2.0 %d ", c.answer); !bytes.HasPrefix(answer, []byte(want)) {
					t.Errorf("answer %q", answer)
				}
			}
		})
	}
}

// mustParse has the library read the canonical form of a message that passes, and compares
// what it read with what the check read.
func mustParse(t *testing.T, raw []byte) sip.Message {
	t.Helper()
	var m message
	if v := m.check(raw, false, &defaultLimits); v.Action != Pass {
		t.Fatalf("refused: %s", v.Reason)
	}
	canonical := m.appendCanonical(nil, source.Addr())
	msg, err := sip.ParseMessage(canonical)
	if err != nil {
		t.Fatalf("library refuses what passed: %v\n%q\n%q", err, raw, canonical)
	}
	compareWithLibrary(t, &m, msg)
	return msg
}

func compareWithLibrary(t *testing.T, m *message, msg sip.Message) {
	t.Helper()
	same := func(what, got string, want []byte) {
		t.Helper()
		if got != string(want) {
			t.Errorf("%s: library read %q, check read %q", what, got, want)
		}
	}
	via := msg.Via()
	if via == nil || msg.From() == nil || msg.To() == nil || msg.CallID() == nil || msg.CSeq() == nil {
		t.Fatalf("library misses a header of %q", m.raw)
	}
	same("Via transport", via.Transport, m.top.transport)
	same("Via host", via.Host, bytes.Trim(m.top.host, "[]"))
	branch, _ := via.Params.Get("branch")
	same("branch", branch, m.top.branch)
	fromTag, _ := msg.From().Params.Get("tag")
	same("From tag", fromTag, m.from.tag)
	toTag, _ := msg.To().Params.Get("tag")
	same("To tag", toTag, m.to.tag)
	same("Call-ID", msg.CallID().Value(), m.callID)
	same("CSeq method", string(msg.CSeq().MethodName), m.cseqMethod)
	same("body", string(msg.Body()), m.raw[m.headerEnd:m.size])
}
