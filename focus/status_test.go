package focus

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"testing"

	"github.com/confd/confd/rooms"
)

// Each reason that a room may give is told to the phone in words of its own.
func TestReasonHeader(t *testing.T) {
	want := map[rooms.ReasonCode]string{
		rooms.ReasonLeft:          `SIP;cause=200;text="Left the conference"`,
		rooms.ReasonRemoved:       `SIP;cause=403;text="Removed from the conference"`,
		rooms.ReasonRoomClosed:    `SIP;cause=410;text="Conference ended"`,
		rooms.ReasonMoved:         `SIP;cause=200;text="Moved to another conference"`,
		rooms.ReasonEmpty:         `SIP;cause=410;text="Conference ended"`,
		rooms.ReasonExpired:       `SIP;cause=410;text="Conference ended"`,
		rooms.ReasonFailed:        `SIP;cause=480;text="Call not completed"`,
		rooms.ReasonDraining:      `SIP;cause=503;text="Server shutting down"`,
		rooms.ReasonTimedOut:      `SIP;cause=408;text="No longer reachable"`,
		rooms.ReasonProtocolError: `SIP;cause=400;text="Protocol error"`,
		rooms.ReasonServerError:   `SIP;cause=500;text="Server error"`,
	}
	for _, code := range reasonCodes(t) {
		if _, ok := endings[code]; !ok || want[code] == "" {
			t.Errorf("the reason %q is not in the table, or not in this test", code)
		}
		if got := reasonHeader(rooms.Reason{Code: code}).Value(); got != want[code] {
			t.Errorf("%q becomes %s, want %s", code, got, want[code])
		}
	}
	own := rooms.Reason{Code: rooms.ReasonMoved, Text: "say \"hi\"\r\nEvil: 1"}
	if got := reasonHeader(own).Value(); got != `SIP;cause=200;text="say \"hi\"  Evil: 1"` {
		t.Errorf("a text of its own becomes %s", got)
	}
}

// reasonCodes reads them from the source of rooms, so that a new one is not forgotten.
func reasonCodes(t *testing.T) (codes []rooms.ReasonCode) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../rooms/error.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if typ, ok := spec.Type.(*ast.Ident); ok && typ.Name == "ReasonCode" {
			code, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			codes = append(codes, rooms.ReasonCode(code))
		}
		return true
	})
	if len(codes) < 11 {
		t.Fatalf("found only the reasons %v", codes)
	}
	return codes
}
