package rooms

import (
	"strings"
	"testing"
)

func TestParseName(t *testing.T) {
	long := strings.Repeat("x", MaxNameLength)
	for _, c := range []struct {
		user string
		want Name
		code ErrorCode
	}{
		{user: "sales", want: "sales"},
		{user: "Sales", want: "sales"},
		{user: "%53ales", want: "sales"},
		{user: "%73%41", want: "sa"},
		{user: "+4930123456", want: "+4930123456"},
		{user: "*98", want: "*98"},
		{user: "a.b_c~d-e", want: "a.b_c~d-e"},
		{user: "+1555;phone-context=example.com", want: "+1555"},
		{user: "...", want: "..."},
		{user: long, want: Name(long)},
		{user: strings.Repeat("%78", MaxNameLength), want: Name(long)},
		{user: "", code: NoRoomName},
		{user: ";a=b", code: NoRoomName},
		{user: long + "x", code: Invalid},
		{user: strings.Repeat("%78", MaxNameLength+1), code: Invalid},
		{user: strings.Repeat("x", 1<<20), code: Invalid},
		{user: ".", code: Invalid},
		{user: "..", code: Invalid},
		{user: "%2e%2E", code: Invalid},
		{user: "a b", code: Invalid},
		{user: "a/b", code: Invalid},
		{user: "a%2fb", code: Invalid},
		{user: "a%00", code: Invalid},
		{user: "a%3bb", code: Invalid},
		{user: "a%", code: Invalid},
		{user: "a%4", code: Invalid},
		{user: "a%4g", code: Invalid},
		{user: "zo\u00eb", code: Invalid},
		{user: "alice:secret", code: Invalid},
	} {
		got, err := ParseName(c.user)
		if got != c.want || CodeOf(err) != c.code {
			t.Errorf("ParseName(%.40q) = %q, %v; want %q, code %q", c.user, got, err, c.want, c.code)
		}
	}
}

func TestParseNameErrorSaysWhatWouldBeRight(t *testing.T) {
	_, err := ParseName("a/b")
	if err == nil || !strings.Contains(err.Error(), `'/' at position 2`) || !strings.Contains(err.Error(), "a-z 0-9") {
		t.Errorf("error %v names neither the character nor the rule", err)
	}
}

// What comes out is canonical: it parses to itself, is bounded, and needs no escape in a
// URL path or a SIP address.
func FuzzParseName(f *testing.F) {
	for _, s := range []string{"sales", "%53ales", "+49;x=y", "a%", "a%2fb", "..", "\xff", "zo\u00eb"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, user string) {
		name, err := ParseName(user)
		if err != nil {
			if name != "" {
				t.Fatalf("%q: name %q beside error %v", user, name, err)
			}
			return
		}
		if len(name) < 1 || len(name) > MaxNameLength || strings.ContainsAny(string(name), "/%;@: ") {
			t.Fatalf("%q gives %q", user, name)
		}
		if again, err := ParseName(string(name)); again != name || err != nil {
			t.Fatalf("%q parses to %q, and that to %q, %v", user, name, again, err)
		}
	})
}
