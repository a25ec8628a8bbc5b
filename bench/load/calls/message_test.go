package calls

import (
	"slices"
	"strings"
	"testing"
)

const someResponse = "SIP/2.0 200 All right\r\n" +
	"v: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK1;rport=5070, SIP/2.0/UDP 127.0.0.2;branch=z9hG4bK2\r\n" +
	"Record-Route: <sip:a@10.0.0.1;lr>, <sip:10.0.0.2;lr>\r\nRecord-Route: <sip:10.0.0.3;lr>\r\n" +
	"From: \"A, <b>;tag=no\" <sip:load@127.0.0.1>;tag=us\r\nt: sip:room@127.0.0.1;TAG=them\r\n" +
	"i: one\r\nCSeq: 7 INVITE\r\nContact: Somebody\r\n <sip:room@127.0.0.1:5060;transport=udp>;expires=5\r\n" +
	"Supported: timer,\r\n\treplaces\r\nl: 4\r\nContent-Type: application/sdp; charset=utf-8\r\n\r\nv=0\nrest"

func TestMessage(t *testing.T) {
	m, err := parse(someResponse)
	if err != nil {
		t.Fatal(err)
	}
	seq, method := m.cseq()
	for what, got := range map[string][2]string{
		"phrase":   {m.phrase, "All right"},
		"branch":   {m.branch(), "z9hG4bK1"},
		"from tag": {m.fromTag(), "us"},
		"to tag":   {m.toTag(), "them"},
		"call id":  {m.callID(), "one"},
		"method":   {method, "INVITE"},
		"contact":  {m.contact(), "sip:room@127.0.0.1:5060;transport=udp"},
		"body":     {m.sdp(), "v=0\n"},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: %q, want %q", what, got[0], got[1])
		}
	}
	if m.status != 200 || !m.success() || seq != 7 {
		t.Errorf("status %d, CSeq %d", m.status, seq)
	}
	if want := []string{"<sip:a@10.0.0.1;lr>", "<sip:10.0.0.2;lr>", "<sip:10.0.0.3;lr>"}; !slices.Equal(m.routes(), want) {
		t.Errorf("routes %q, want %q", m.routes(), want)
	}
	if !m.has("supported", "Replaces") || m.has("supported", "100rel") {
		t.Error("Supported is misread")
	}
}

func TestMessageThatIsNone(t *testing.T) {
	for name, change := range map[string][2]string{
		"no end":         {"\r\n\r\n", "\r\n"},
		"status":         {"200", "20"},
		"status of 7":    {"200", "700"},
		"version":        {"SIP/2.0 200", "SIP/3.0 200"},
		"length":         {"l: 4", "l: 9"},
		"negative":       {"l: 4", "l: -1"},
		"no Via":         {"v: ", "w: "},
		"no Call-ID":     {"i: one", "j: one"},
		"no CSeq":        {"CSeq: 7 INVITE", "CSeq: INVITE"},
		"CSeq too large": {"CSeq: 7 ", "CSeq: 4294967296 "},
		"no colon":       {"i: one\r\n", "i: one\r\nnothing\r\n"},
	} {
		text := strings.Replace(someResponse, change[0], change[1], 1)
		if text == someResponse {
			t.Fatalf("%s changes nothing", name)
		}
		if _, err := parse(text); err == nil {
			t.Errorf("%s: taken for a message", name)
		}
	}
	if _, err := parse("BYE sip:a SIP/2.0\r\nVia: a;branch=1\r\nFrom: b\r\nTo: c\r\nCall-ID: d\r\nCSeq: 1 INVITE\r\n\r\n"); err == nil {
		t.Error("a BYE with the CSeq of an INVITE")
	}
}

func TestNameAddr(t *testing.T) {
	for value, want := range map[string][2]string{
		"sip:a@b":                     {"sip:a@b", ""},
		"sip:a@b;tag=1":               {"sip:a@b", ";tag=1"},
		"<sip:a@b;lr>;tag=1":          {"sip:a@b;lr", ";tag=1"},
		`"x\"<y>" <sip:a@b> ;tag=1`:   {"sip:a@b", ";tag=1"},
		"<sip:a@b":                    {"<sip:a@b", ""},
		"":                            {"", ""},
		`"never closed <sip:a>;tag=1`: {`"never closed <sip:a>;tag=1`, ""},
	} {
		if uri, params := nameAddr(value); uri != want[0] || params != want[1] {
			t.Errorf("%s: %q, %q; want %q", value, uri, params, want)
		}
	}
}

// Whatever arrives, it is a message that can be answered, or none.
func FuzzMessage(f *testing.F) {
	f.Add(someResponse)
	f.Add("OPTIONS sip:a SIP/2.0\r\nVia: a;branch=1\r\nFrom: b;tag=2\r\nTo: c\r\nCall-ID: d\r\nCSeq: 1 OPTIONS\r\n\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		m, err := parse(text)
		if err != nil {
			return
		}
		m.branch()
		m.contact()
		m.fromTag()
		m.list("require")
		if m.method == "" {
			return
		}
		answer := string(m.response(200, "OK", "t", nil, ""))
		if _, err := parse(answer); err != nil {
			t.Fatalf("%v:\n%q\nis the answer to\n%q", err, answer, text)
		}
	})
}
