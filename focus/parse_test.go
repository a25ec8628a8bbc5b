package focus

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
)

func TestParseSessionExpires(t *testing.T) {
	for in, want := range map[string]string{
		"1800": "1800", " 90 ; refresher = UAC ": "90;refresher=uac", "90;x=y;refresher=uas": "90;refresher=uas",
		"99999999999999999999": "2147483647", "": "error", "-1": "error", "90;refresher=both": "error",
		"1e3": "error", "90;refresher": "error",
	} {
		got := "error"
		if se, err := parseSessionExpires(in); err == nil {
			got = se.String()
		}
		if got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

// RFC 4028 section 9, table 2, and our own policy for the open cases.
func TestGrantTimer(t *testing.T) {
	a := &Agent{cfg: Config{SessionExpires: 1800 * time.Second, MinSE: 90 * time.Second}}
	for in, want := range map[string]string{
		"":                                      "none",
		"Supported: timer":                      "1800;refresher=uas false",
		"k: path, timer":                        "1800;refresher=uas false",
		"Session-Expires: 600":                  "600;refresher=uas false",
		"Session-Expires: 600|Supported: timer": "600;refresher=uac true",
		"x: 600;refresher=uac|k: timer":         "600;refresher=uac true",
		"x: 600;refresher=uas|k: timer":         "600;refresher=uas false",
		"x: 7200|k: timer":                      "1800;refresher=uac true",
		"x: 7200|k: timer|Min-SE: 3600":         "3600;refresher=uac true",
		"x: 600|Require: timer":                 "600;refresher=uac true",
		"Supported: timer|Min-SE: 4000":         "4000;refresher=uas false",
		"x: 89|k: timer":                        "422",
		"x: 90|k: timer":                        "90;refresher=uac true",
	} {
		req := sip.NewRequest(sip.INVITE, sip.Uri{})
		for h := range strings.SplitSeq(in, "|") {
			if name, v, ok := strings.Cut(h, ":"); ok {
				req.AppendHeader(sip.NewHeader(name, strings.TrimSpace(v)))
			}
		}
		g, bad := a.grantTimer(req)
		got := fmt.Sprintf("%s %v", g.expires, g.require)
		switch {
		case bad != nil:
			got = fmt.Sprint(bad.code)
		case g.expires.seconds == 0:
			got = "none"
		}
		if got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

func TestEventCode(t *testing.T) {
	for in, want := range map[string]int{"0": 0, "9": 9, "*": 10, "#": 11, "A": 12, "d": 15, "10": 10, "11": 11, "16": -1, "": -1, "E": -1, "55": -1} {
		got, err := eventCode(in)
		if (err != nil) != (want < 0) || err == nil && int(got) != want {
			t.Errorf("%q: %d, %v; want %d", in, got, err, want)
		}
	}
}

func TestParseListen(t *testing.T) {
	for in, want := range map[string]string{
		"udp:0.0.0.0:5060": "[udp:0.0.0.0:5060]", "tls:[::]:5061": "[tls:[::]:5061]",
		":5060": "[udp::5060 tcp::5060]", "[::1]:0": "[udp:[::1]:0 tcp:[::1]:0]",
		"sctp:1.2.3.4:5": "error", "localhost": "error", "": "error",
	} {
		got := "error"
		if l, err := ParseListen(in); err == nil {
			got = fmt.Sprint(l)
		}
		if got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

func FuzzSessionExpires(f *testing.F) {
	f.Add("1800;refresher=uac")
	f.Add("90 ; refresher = uas;x")
	f.Fuzz(func(t *testing.T, s string) {
		se, err := parseSessionExpires(s)
		if err != nil {
			return
		}
		if se.seconds < 0 || se.seconds > maxDelta {
			t.Fatalf("%d seconds", se.seconds)
		}
		if again, err := parseSessionExpires(se.String()); err != nil || again != se {
			t.Fatalf("%q reads as %v, that as %v, %v", s, se, again, err)
		}
		if _, err := parseMinSE(s); err != nil {
			t.Fatalf("Min-SE: %v", err)
		}
	})
}

func FuzzDTMFRelay(f *testing.F) {
	f.Add([]byte("Signal=5\r\nDuration=160\r\n"))
	f.Add([]byte("Signal= *\nDuration = 99999999999\n"))
	f.Add([]byte("#"))
	f.Fuzz(func(t *testing.T, body []byte) {
		key, held, err := parseDTMFRelay(body)
		if err == nil && (key == "" || held < 0 || held > maxDigit) {
			t.Fatalf("key %q for %v", key, held)
		}
		if code, err := eventCode(string(body)); err == nil && code > 15 {
			t.Fatalf("code %d", code)
		}
	})
}

func FuzzBody(f *testing.F) {
	f.Add("multipart/mixed;boundary=b", []byte("--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n\r\n--b--\r\n"))
	f.Add("application/sdp", []byte("v=0\r\n"))
	f.Add("multipart/mixed;boundary=\"b\"", []byte("--b\r\nContent-Type: multipart/x;boundary=c\r\n\r\n--c\r\n\r\nx\r\n--c--\r\n--b--"))
	f.Fuzz(func(t *testing.T, typ string, body []byte) {
		req := sip.NewRequest(sip.INVITE, sip.Uri{})
		req.AppendHeader(sip.NewHeader("Content-Type", typ))
		req.SetBody(body)
		sdp, err := sdpOf(req)
		if err == nil && sdp != nil && !bytes.Contains(body, bytes.TrimRight(sdp, "\r\n")) {
			t.Fatalf("%q is not in the body", sdp)
		}
		_ = connectionOf(body)
		if s := quote(string(body)); strings.ContainsAny(s, "\r\n") {
			t.Fatalf("line end in %q", s)
		}
	})
}
