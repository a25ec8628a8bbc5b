package guard

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const invite = "INVITE sip:room@example.com SIP/2.0\r\n" +
	"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKabc;rport\r\n" +
	"From: \"Alice\" <sip:alice@example.com>;tag=f1\r\n" +
	"To: <sip:room@example.com>\r\n" +
	"Call-ID: abc@192.0.2.1\r\n" +
	"CSeq: 1 INVITE\r\n" +
	"Max-Forwards: 70\r\n" +
	"Contact: <sip:alice@192.0.2.1>\r\n" +
	"Content-Type: application/sdp\r\n" +
	"Content-Length: 5\r\n" +
	"\r\n" +
	"v=0\r\n"

// variant is the INVITE with one line for another; an empty old one appends a header.
type variant struct {
	old, new string
	want     Reason
}

func (v variant) message() []byte {
	if v.old == "" {
		return []byte(strings.Replace(invite, "\r\n\r\n", "\r\n"+v.new+"\r\n\r\n", 1))
	}
	if !strings.Contains(invite, v.old) {
		panic("no " + v.old)
	}
	return []byte(strings.Replace(invite, v.old, v.new, 1))
}

var variants = []variant{
	{"v=0", "v=0", OK},
	// Start line.
	{"INVITE sip", "invite sip", MethodCase},
	{"INVITE sip", "IN(VITE sip", BadMethod},
	{"INVITE sip", " sip", BadMethod},
	{"INVITE sip:room@example.com", "INVITE sip:room@example.com x", BadStartLine},
	{"SIP/2.0\r\nVia", "SIP/2\r\nVia", BadStartLine},
	{"SIP/2.0\r\nVia", "SIP/3.0\r\nVia", BadVersion},
	{"SIP/2.0\r\nVia", "sip/2.0\r\nVia", OK},
	{"SIP/2.0\r\nVia", "HTTP/1.1\r\nVia", BadStartLine},
	{"INVITE sip:room@example.com SIP", "INVITE sip:room@[2001:db8::1]:5061;transport=tcp;lr SIP", OK},
	{"INVITE sip:room@example.com SIP", "INVITE SIPS:r%20m:pass@example.com SIP", OK},
	{"INVITE sip:room@example.com SIP", "INVITE tel:+15551234;phone-context=example.com SIP", OK},
	{"INVITE sip:room@example.com SIP", "INVITE h323.x:room@example.com SIP", UnknownScheme},
	{"INVITE sip:room@example.com SIP", "INVITE sip:r%2xm@example.com SIP", BadRequestURI},
	{"INVITE sip:room@example.com SIP", "INVITE sip:@example.com SIP", BadRequestURI},
	{"INVITE sip:room@example.com SIP", "INVITE sip: SIP", BadRequestURI},
	{"INVITE sip:room@example.com SIP", "INVITE sip:room@example.com: SIP", BadRequestURI},
	{"INVITE sip:room@example.com SIP", "INVITE sip:room@example.com:65536 SIP", BadRequestURI},
	{"INVITE sip:room@example.com SIP", "INVITE sip:room@example.com:65535 SIP", OK},
	{"INVITE sip:room@example.com SIP", "INVITE sip:room@[2001:db8::1 SIP", BadRequestURI},
	{"INVITE sip:room@example.com SIP", "INVITE sip:room@example.com;=x SIP", BadRequestURI},
	{"INVITE sip:room@example.com SIP", "INVITE sip:room@example.com?a=b SIP", BadRequestURI},
	{"INVITE sip:room@example.com SIP", "INVITE * SIP", BadRequestURI},
	{"INVITE sip:room@example.com SIP", "INVITE sip:ro\xc3\xb6m@example.com SIP", BadRequestURI},
	// Header lines.
	{"", "X", BadHeaderLine},
	{"", "X y: z", BadHeaderLine},
	{"", ": z", BadHeaderLine},
	{"", "X :z", OK},
	{"", "X: a\r\n\tb\r\n  c", OK},
	{"", "X: a\x00b", ControlCharacter},
	{"", "X: a\nb", ControlCharacter},
	{"", "X: a\rb", ControlCharacter},
	{"", "X: a\x7fb", ControlCharacter},
	{"", "X: \"a\\\x01b\"", OK},
	{"", "X: a\\\x01b", ControlCharacter},
	{"\r\nVia", "\r\n folded: x\r\nVia", BadHeaderLine},
	// Via.
	{"Via: ", "V:", OK},
	{"Via: SIP/2.0/UDP 192.0.2.1:5060;", "Via: SIP / 2.0 /\r\n UDP 192.0.2.1 : 5060 ; ", OK},
	{"192.0.2.1:5060;branch=z9hG4bKabc", "[2001:db8::1]:5060;branch=z9hG4bKabc", OK},
	{"192.0.2.1:5060;branch=z9hG4bKabc", "host.invalid;branch=z9hG4bKabc;received=2001:db8::2", OK},
	{";rport\r\n", ";rport, SIP/2.0/TCP a.invalid, SIP/2.0/TLS b.invalid;x=y\r\n", OK},
	{"SIP/2.0/UDP 192", "SIP/2.0/UDP192", BadVia},
	{"SIP/2.0/UDP 192", "SIP/2.0 192", BadVia},
	{"192.0.2.1:5060", "192.0.2.1:0", BadVia},
	{"192.0.2.1:5060", "192.0.2.1:", BadVia},
	{"192.0.2.1:5060", "", BadVia},
	{";rport\r\n", ";rport;\r\n", BadVia},
	{";rport\r\n", ";rport,\r\n", BadVia},
	{";rport\r\n", ";branch=z9hG4bKx\r\n", BadVia},
	{";rport\r\n", ";x=\"a,b\"\r\n", BadVia},
	{"branch=z9hG4bKabc", "branch=", BadVia},
	{"branch=z9hG4bKabc", "branch=z9hG4bK", BadBranch},
	{"branch=z9hG4bKabc", "branch=1", OK},
	{"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKabc;rport\r\n", "", MissingVia},
	// From and To.
	{"From: \"Alice\" <sip:alice@example.com>;tag=f1\r\n", "", MissingFrom},
	{"From: \"Alice\" <sip:alice@example.com>;tag=f1", "f: Alice \xc3\xa9 <sip:alice@example.com> ; TAG = f1", OK},
	{"\"Alice\" <sip:alice@example.com>;tag=f1", "sip:alice@example.com;tag=f1", OK},
	{"\"Alice\" <sip:alice@example.com>;tag=f1", "\"a \\\" \\\\ <b>;tag=x\" <sip:alice@example.com;x=y?h=v>;tag=f1;q=\"x\"", OK},
	{"\"Alice\" <sip:alice@example.com>;tag=f1", "<sip:alice@example.com>", NoFromTag},
	{"\"Alice\" <sip:alice@example.com>;tag=f1", "<sip:alice@example.com>;tag=", BadFrom},
	{"\"Alice\" <sip:alice@example.com>;tag=f1", "<sip:alice@example.com>;tag=a;tag=b", BadFrom},
	{"\"Alice\" <sip:alice@example.com>;tag=f1", "<sip:alice@example.com>;tag=a, <sip:b@example.com>;tag=b", BadFrom},
	{"\"Alice\" <sip:alice@example.com>;tag=f1", "<sip:alice@example.com>;x=\";tag=y\";tag=f1", BadFrom},
	{"\"Alice\" <sip:alice@example.com>;tag=f1", "\"Alice <sip:alice@example.com>;tag=f1", BadFrom},
	{"\"Alice\" <sip:alice@example.com>;tag=f1", "\"Alice\" sip:alice@example.com;tag=f1", BadFrom},
	{"\"Alice\" <sip:alice@example.com>;tag=f1", "<sip:alice@example.com;tag=f1", BadFrom},
	{"\"Alice\" <sip:alice@example.com>;tag=f1", "*;tag=f1", BadFrom},
	{"\"Alice\" <sip:alice@example.com>;tag=f1", ";tag=f1", BadFrom},
	{"", "From: <sip:bob@example.com>;tag=2", BadFrom},
	{"To: <sip:room@example.com>", "t: tel:+1555;tag=2", OK},
	{"To: <sip:room@example.com>", "To: sip:room@example.com?x=y", BadTo},
	{"To: <sip:room@example.com>", "To:", BadTo},
	{"To: <sip:room@example.com>\r\n", "", MissingTo},
	{"", "t: <sip:bob@example.com>", BadTo},
	// Call-ID and CSeq.
	{"Call-ID: abc@192.0.2.1", "i:a{}[]?", OK},
	{"Call-ID: abc@192.0.2.1", "Call-ID: a@b@c", BadCallID},
	{"Call-ID: abc@192.0.2.1", "Call-ID: a b", BadCallID},
	{"Call-ID: abc@192.0.2.1", "Call-ID: @", BadCallID},
	{"Call-ID: abc@192.0.2.1", "Call-ID:", BadCallID},
	{"Call-ID: abc@192.0.2.1\r\n", "", MissingCallID},
	{"", "i: other", BadCallID},
	{"CSeq: 1 INVITE", "CSeq: 2147483647\r\n\t INVITE", OK},
	{"CSeq: 1 INVITE", "CSeq: 2147483648 INVITE", BadCSeq},
	{"CSeq: 1 INVITE", "CSeq: -1 INVITE", BadCSeq},
	{"CSeq: 1 INVITE", "CSeq: 1INVITE", BadCSeq},
	{"CSeq: 1 INVITE", "CSeq: 1", BadCSeq},
	{"CSeq: 1 INVITE", "CSeq: 1 INVITE x", BadCSeq},
	{"CSeq: 1 INVITE", "CSeq: 1 BYE", CSeqMismatch},
	{"CSeq: 1 INVITE\r\n", "", MissingCSeq},
	{"", "CSeq: 1 INVITE", BadCSeq},
	// The rest.
	{"Max-Forwards: 70\r\n", "", OK},
	{"Max-Forwards: 70", "Max-Forwards: 0", OK},
	{"Max-Forwards: 70", "Max-Forwards: 255", OK},
	{"Max-Forwards: 70", "Max-Forwards: 256", BadMaxForwards},
	{"Max-Forwards: 70", "Max-Forwards:", BadMaxForwards},
	{"", "Max-Forwards: 70", BadMaxForwards},
	{"Content-Length: 5", "l : 5", OK},
	{"Content-Length: 5", "Content-Length: 4", OK},
	{"Content-Length: 5", "Content-Length: 6", BodyShort},
	{"Content-Length: 5", "Content-Length: 5, 5", BadContentLength},
	{"Content-Length: 5", "Content-Length: +5", BadContentLength},
	{"Content-Length: 5", "Content-Length: 99999999999999999999", BadContentLength},
	{"Content-Length: 5\r\n", "", OK},
	{"", "l: 5", BadContentLength},
	{"application/sdp", "multipart/mixed ; boundary = \"a b\"", OK},
	{"application/sdp", "application", BadContentType},
	{"application/sdp", "application/", BadContentType},
	{"application/sdp", "application/sdp;", BadContentType},
	{"application/sdp", "application/sdp;x", BadContentType},
	{"Content-Type: application/sdp\r\n", "", NoContentType},
	{"Contact: <sip:alice@192.0.2.1>", "Contact: *", BadContact},
	{"Contact: <sip:alice@192.0.2.1>", "Contact:", BadContact},
	{"Contact: <sip:alice@192.0.2.1>", "m: \"a \\\", <b\" <sip:a,b@example.com>;+sip.instance=\"<urn:uuid:x>\";gr=\"x;y,z\", sip:c@example.com;q=0.3,<sip:d@[2001:db8::1]>", OK},
	{"Contact: <sip:alice@192.0.2.1>", "Contact: <sip:alice@192.0.2.1>,", BadContact},
	{"Contact: <sip:alice@192.0.2.1>", "Contact: <sip:alice@192.0.2.1> <sip:b@c>", BadContact},
	{"", "Route: <sip:a.invalid;lr>,\r\n <sip:b.invalid;lr>;x", OK},
	{"", "Record-Route: <sip:a.invalid;lr", BadRoute},
	{"", "Route:", BadRoute},
	{"", "Refer-To: <sip:a@b.invalid?Replaces=x%40y>", OK},
	{"", "r: sip:a@b.invalid?Replaces=x", BadRefer},
	{"", "Referred-By: <sip:a@b.invalid>;cid=\"x@y\"", OK},
	{"", "b: <sip:a@b.invalid>, <sip:b@c.invalid>", BadRefer},
}

func TestCheckVariants(t *testing.T) {
	for _, v := range variants {
		raw := v.message()
		got := Check(raw, false)
		if got.Reason != v.want {
			t.Errorf("%q for %q: got %s, want %s", v.new, v.old, got.Reason, v.want)
			continue
		}
		if got.Action == Pass {
			mustParse(t, raw)
		}
	}
}

func TestCheckClients(t *testing.T) {
	files, _ := filepath.Glob("testdata/clients/*.dat")
	if len(files) < 9 {
		t.Fatalf("only %d files", len(files))
	}
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if v := Check(raw, false); v.Action != Pass || v.Size != len(raw) {
			t.Errorf("%s: %s", f, v.Reason)
		}
		mustParse(t, raw)
	}
}

func TestCheckResponses(t *testing.T) {
	response := strings.Replace(invite, "INVITE sip:room@example.com SIP/2.0", "SIP/2.0 200 OK", 1)
	for _, c := range []struct {
		old, new string
		want     Reason
	}{
		{"200 OK", "200 OK", OK},
		{"200 OK", "200 ", OK},
		{"200 OK", "699 x", OK},
		{"200 OK", "200", BadStatus},
		{"200 OK", "099 OK", BadStatus},
		{"200 OK", "700 OK", BadStatus},
		{"200 OK", "2000 OK", BadStatus},
		{"SIP/2.0 200", "SIP/3.0 200", BadStatus},
		{"200 OK", "200 \x00", BadStatus},
		{"1 INVITE", "1 BYE", OK}, // the library matches it with its request, or does not
		{"1 INVITE", "x INVITE", BadCSeq},
		{";tag=f1", "", NoFromTag},
		{";rport\r\n", ";rport\r\nVia: SIP/2.0/UDP a.invalid\r\n", ResponseVia},
		{";rport\r\n", ";rport, SIP/2.0/UDP a.invalid\r\n", ResponseVia},
	} {
		raw := []byte(strings.Replace(response, c.old, c.new, 1))
		v := Check(raw, false)
		action := Drop
		if c.want == OK {
			action = Pass
			mustParse(t, raw)
		}
		if v.Reason != c.want || v.Action != action {
			t.Errorf("%q: got %s, action %d; want %s, %d", c.new, v.Reason, v.Action, c.want, action)
		}
	}
}

// An ACK is never answered, whatever is wrong; nor what cannot be answered.
func TestCheckNeverAnswered(t *testing.T) {
	bad := strings.Replace(invite, "Max-Forwards: 70", "Max-Forwards: x", 1)
	for _, raw := range []string{
		strings.ReplaceAll(bad, "INVITE", "ACK"),
		strings.Replace(bad, "1 INVITE", "1 ACK", 1),
		strings.Replace(bad, "1 INVITE", "1", 1),
		strings.Replace(bad, "1 INVITE", "x INVITE", 1),
		strings.Replace(bad, "SIP/2.0/UDP 192", "SIP/2.0/UDP192", 1),
		strings.Replace(bad, "abc@192.0.2.1", "", 1),
		"", "\r\n", "x", "x\r\n\r\n", "INVITE sip:x SIP/2.0", "INVITE sip:x SIP/2.0\r\n\r\n",
	} {
		if v := Check([]byte(raw), false); v.Action != Drop {
			t.Errorf("%q: action %d, %s", raw, v.Action, v.Reason)
		}
	}
}

func TestCheckStreamNeedsContentLength(t *testing.T) {
	raw := []byte(strings.Replace(invite, "Content-Length: 5\r\n", "", 1))
	if v := Check(raw, true); v.Reason != NoContentLength || v.Status != 400 {
		t.Errorf("stream: %+v", v)
	}
	if v := Check(raw, false); v.Action != Pass {
		t.Errorf("datagram: %+v", v)
	}
}

// Every limit lets its value pass and refuses one more.
func TestCheckLimits(t *testing.T) {
	add := func(lines string) func(int) []byte {
		return func(n int) []byte {
			return variant{"", strings.TrimSuffix(strings.Repeat(lines, n), "\r\n"), OK}.message()
		}
	}
	pad := func(n int) []byte { // a message of n bytes
		raw := strings.Replace(invite, "Content-Length: 5\r\n", "", 1)
		return []byte(raw + strings.Repeat("x", n-len(raw)))
	}
	header := func(n int) []byte { // a header section of n bytes
		return variant{"", "X: " + strings.Repeat("x", n-(len(invite)-5)-5), OK}.message()
	}
	small := DefaultLimits()
	small.HeaderLine, small.HeaderSize, small.MessageSize = 512, 1024, 4096
	for _, c := range []struct {
		name   string
		make   func(int) []byte
		edge   int
		want   Reason
		limits Limits
	}{
		{"message", pad, 4096, MessageTooLarge, small},
		{"headers", add("X: y\r\n"), 128 - 9, TooManyHeaders, DefaultLimits()},
		{"header line", func(n int) []byte { return variant{"", "X: " + strings.Repeat("x", n-5), OK}.message() }, 512, HeaderTooLong, small},
		{"header section", func(n int) []byte {
			return []byte(strings.Replace(string(header(n-240)), "Call-ID", "Y: "+strings.Repeat("y", 235)+"\r\nCall-ID", 1))
		}, 1024, HeadersTooLarge, small},
		{"vias", add("Via: SIP/2.0/UDP a.invalid\r\n"), 69, TooManyVia, DefaultLimits()},
		{"contacts", add("m: <sip:a@b>\r\n"), 31, TooManyContact, DefaultLimits()},
		{"routes", add("Route: <sip:a>,<sip:b>\r\n"), 32, TooManyRoute, DefaultLimits()},
	} {
		var good, bad message
		if v := good.check(c.make(c.edge), false, &c.limits); v.Action != Pass {
			t.Errorf("%s: refused at the limit: %s", c.name, v.Reason)
		}
		if v := bad.check(c.make(c.edge+1), false, &c.limits); v.Reason != c.want || v.Action != Answer || v.Status != 513 {
			t.Errorf("%s: past the limit got %s, action %d, status %d", c.name, v.Reason, v.Action, v.Status)
		}
	}
}

func TestAnswer(t *testing.T) {
	raw := []byte(strings.Replace(invite, "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKabc;rport\r\n",
		"Via: SIP/2.0/UDP\r\n phone.invalid:5070 ;received=203.0.113.9;rport;branch=z9hG4bKabc, SIP/2.0/TCP 192.0.2.200;x=y\r\nv: SIP/2.0/UDP c.invalid\r\n", 1))
	raw = bytes.Replace(raw, []byte("CSeq: 1 INVITE"), []byte("CSeq: 1 BYE"), 1)
	var m message
	v := m.check(raw, false, &defaultLimits)
	got := string(m.appendAnswer(nil, v, source))
	tag := got[strings.Index(got, "To: <sip:room@example.com>;tag=")+len("To: <sip:room@example.com>;tag="):]
	tag = tag[:strings.Index(tag, "\r\n")]
	want := "SIP/2.0 400 Bad Request - CSeq method is not the method of the request\r\n" +
		"Via: SIP/2.0/UDP phone.invalid:5070;received=192.0.2.77;rport=40000;branch=z9hG4bKabc\r\n" +
		"Via: SIP/2.0/TCP 192.0.2.200;x=y\r\n" +
		"Via: SIP/2.0/UDP c.invalid\r\n" +
		"From: \"Alice\" <sip:alice@example.com>;tag=f1\r\n" +
		"To: <sip:room@example.com>;tag=" + tag + "\r\n" +
		"Call-ID: abc@192.0.2.1\r\nCSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n"
	if got != want || len(tag) < 6 {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if again := string(m.appendAnswer(nil, v, source)); again != got {
		t.Error("a retransmission gets another answer")
	}
	// With a To tag there is none to add; without rport the sent-by's port counts.
	raw = bytes.Replace(raw, []byte("To: <sip:room@example.com>"), []byte("To: <sip:room@example.com>;tag=mine"), 1)
	raw = bytes.Replace(raw, []byte("rport;"), nil, 1)
	m = message{}
	got = string(m.appendAnswer(nil, m.check(raw, false, &defaultLimits), source))
	if !strings.Contains(got, "To: <sip:room@example.com>;tag=mine\r\n") || strings.Contains(got, "rport") {
		t.Errorf("got %s", got)
	}
	if p := m.answerPort(source); p != 5070 {
		t.Errorf("answer goes to port %d, want that of the sent-by", p)
	}
}

func TestCanonical(t *testing.T) {
	var m message
	raw := tortureFile(t, "valid/wsinv")
	if v := m.check(raw, false, &defaultLimits); v.Action != Pass {
		t.Fatal(v.Reason)
	}
	got, _, _ := bytes.Cut(m.appendCanonical(nil, source.Addr()), []byte("\r\n\r\n"))
	want := strings.Join([]string{
		"INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0",
		"To: sip:vivekg@chair-dnrc.example.com;tag=1918181833n",
		`From: "J Rosenberg \\\"" <sip:jdrosen@example.com>;tag=98asjd8`,
		"Max-Forwards: 0068",
		"Call-ID: wsinv.ndaksdj@192.0.2.1",
		"Content-Length: 150",
		"CSeq: 0009 INVITE",
		"Via: SIP/2.0/UDP 192.0.2.2;received=192.0.2.77;branch=390skdjuw",
		"s: ",
		"NewFangledHeader: newfangled value continued newfangled value",
		"UnknownHeaderWithUnusualValue: ;;,,;;,;",
		"Content-Type: application/sdp",
		"Route: <sip:services.example.com;lr;unknownwith=value;unknown-no-value>",
		"Via: SIP/2.0/TCP spindle.example.com;branch=z9hG4bK9ikj8",
		"Via: SIP/2.0/UDP 192.168.255.111;branch=z9hG4bK30239",
		`Contact: "Quoted string ''''" <sip:jdrosen@example.com>;newparam=newvalue;secondparam;q=0.33`,
	}, "\r\n")
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestCheckAllocatesNothing(t *testing.T) {
	raw, err := os.ReadFile("testdata/clients/linphone-invite.dat")
	if err != nil {
		t.Fatal(err)
	}
	out := make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(100, func() {
		if v := Check(raw, false); v.Action != Pass {
			t.Fatal(v.Reason)
		}
		var m message
		m.check(raw, false, &defaultLimits)
		out = m.appendCanonical(out[:0], source.Addr())
	}); n != 0 {
		t.Errorf("%g allocations", n)
	}
}

func BenchmarkCheck(b *testing.B) {
	for _, name := range []string{"clients/linphone-invite", "clients/sipp-bye", "rfc4475/valid/wsinv", "rfc4475/valid/longreq", "rfc4475/invalid/badinv01"} {
		raw, err := os.ReadFile(fmt.Sprintf("testdata/%s.dat", name))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(filepath.Base(name), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(raw)))
			for range b.N {
				Check(raw, false)
			}
		})
	}
}

func BenchmarkCanonical(b *testing.B) {
	raw, err := os.ReadFile("testdata/clients/linphone-invite.dat")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	var out []byte
	for range b.N {
		var m message
		m.check(raw, false, &defaultLimits)
		out = m.appendCanonical(out[:0], source.Addr())
	}
}
