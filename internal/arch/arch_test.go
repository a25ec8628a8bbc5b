package arch

import (
	"bytes"
	"encoding/json"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/confd/confd"

// mayImport is the one-way order of the repository's folders: whom the packages of a
// folder may import, beside their own folder, internal (but its test kit) and media.
// A folder that is not in it is a mistake; a new one needs a decision.
var mayImport = map[string][]string{
	"internal":            {"codec"}, // the test kit's phones code Opus
	"media":               {},
	"codec":               {},
	"transport":           {},
	"mixer":               {"codec", "transport"},
	"forwarder":           {"codec", "transport"},
	"forwarder/payload":   {},
	"forwarder/bandwidth": {"transport"},
	"forwarder/ingress":   {"transport"},
	"forwarder/egress":    {"transport"},
	"multicast":           {"codec", "transport"},
	"rooms":               {"codec", "transport", "mixer", "forwarder", "multicast"},
	"focus":               {"codec", "transport", "mixer", "forwarder", "multicast", "rooms"},
	"focus/offeranswer":   {},
	"focus/guard":         {},
	"api":                 {"codec", "transport", "mixer", "forwarder", "multicast", "rooms"},
	"store":               {},
	"webhook":             {},
	"announce":            {"codec", "mixer"},
	"cmd":                 {"codec", "transport", "mixer", "forwarder", "multicast", "rooms", "focus", "api", "store", "announce", "webhook", "bench"},
	"bench":               {"codec", "transport", "mixer", "forwarder", "multicast", "rooms", "focus", "api"},
	"client":              {},
	"e2e":                 {"client"},
}

// within is the same order for the parts of one folder: whom of it they may import. A part
// that is not in it may import all others.
var within = map[string][]string{
	"focus/offeranswer":   {},
	"focus/guard":         {},
	"forwarder/payload":   {},
	"forwarder/bandwidth": {},
	"forwarder/ingress":   {"forwarder/payload"},
	"forwarder/egress":    {"forwarder/payload", "forwarder/ingress"},
	"forwarder/recording": {"forwarder/payload", "forwarder/ingress"},
}

// control is what knows no signalling and no network.
var mustNotKnow = map[string][]string{
	"rooms": {"net/http", "net", "github.com/emiago/sipgo", "github.com/pion", "github.com/go-chi"},
	"mixer": {"net", "net/http", "github.com/emiago/sipgo", "github.com/pion"},
	"codec": {"net", "net/http", "github.com/emiago/sipgo", "github.com/pion"},

	"forwarder":           {"net", "net/http", "github.com/emiago/sipgo", "github.com/pion"},
	"forwarder/payload":   {"net", "net/http", "github.com/emiago/sipgo", "github.com/pion"},
	"forwarder/bandwidth": {"net", "net/http", "github.com/emiago/sipgo", "github.com/pion"},
	"forwarder/ingress":   {"net", "net/http", "github.com/emiago/sipgo", "github.com/pion"},
	"forwarder/egress":    {"net", "net/http", "github.com/emiago/sipgo", "github.com/pion"},
	"media":               {"net", "net/http", "os", "sync", "github.com"},
	"api":                 {"github.com/emiago/sipgo"},
}

type pkg struct {
	ImportPath string
	Dir        string
	Name       string
	Doc        string
	GoFiles    []string
	Imports    []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-tags", "nolibopusfile", "-json=ImportPath,Dir,Name,Doc,GoFiles,Imports", module+"/...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []pkg
	for d := json.NewDecoder(bytes.NewReader(out)); d.More(); {
		var p pkg
		if err := d.Decode(&p); err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if len(all) < 10 {
		t.Fatalf("go list finds only %d packages", len(all))
	}
	return all
}

// folderOf returns the longest key of mayImport that holds a package.
func folderOf(path string) (folder string, ok bool) {
	rest := strings.TrimPrefix(path, module+"/")
	for f := range mayImport {
		if (rest == f || strings.HasPrefix(rest, f+"/")) && len(f) > len(folder) {
			folder = f
		}
	}
	return folder, folder != ""
}

// Whatever the build tags, and tests, too, which may use the test kit besides.
func TestImportsRunOneWay(t *testing.T) {
	for _, name := range files(t, ".go") {
		test := strings.HasSuffix(name, "_test.go")
		from, ok := folderOf(module + "/" + name)
		if !ok {
			t.Errorf("%s is in a folder that mayImport does not know", name)
			continue
		}
		for _, path := range imports(t, name) {
			switch {
			case strings.HasPrefix(path, module+"/") && !allowed(from, path) && !(test && isTestkit(path)):
				t.Errorf("%s must not import %s", name, path)
			case !test && forbidden(from, path):
				t.Errorf("%s must not know of %s", name, path)
			}
		}
	}
}

// imports returns what a file imports; name is relative to the root.
func imports(t *testing.T, name string) (paths []string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, name), nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range f.Imports {
		path, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}

func forbidden(from, path string) bool {
	for _, no := range mustNotKnow[from] {
		if path == no || strings.HasPrefix(path, no+"/") && path != "net/netip" {
			return true
		}
	}
	return false
}

func isTestkit(path string) bool { return strings.HasPrefix(path, module+"/internal/testkit") }

func allowed(from, path string) bool {
	rest := strings.TrimPrefix(path, module+"/")
	to, _ := folderOf(path)
	switch {
	case top(from) == top(rest): // parts of one folder, the test kit in itself
		parts, ordered := within[from]
		return !ordered || from == to || slices.Contains(parts, to)
	case isTestkit(path):
		return from == "e2e" || from == "bench"
	case to == "internal" || to == "media":
		return from != "media" || to == "internal"
	}
	for _, f := range mayImport[from] {
		if f == top(rest) {
			return true
		}
	}
	return false
}

func top(path string) string {
	first, _, _ := strings.Cut(path, "/")
	return first
}

func TestRulesOfImports(t *testing.T) {
	for _, c := range []struct {
		from, to string
		want     bool
	}{
		{"rooms", "mixer", true}, {"mixer", "rooms", false}, {"rooms", "focus", false}, {"focus", "api", false},
		{"api", "focus", false}, {"focus", "focus/guard", true}, {"focus/guard", "focus", false},
		{"focus/offeranswer", "media", true}, {"focus/offeranswer", "transport", false}, {"focus/offeranswer", "focus/guard", false},
		{"media", "codec", false}, {"codec", "codec/resample", true}, {"mixer", "internal/clock", true},
		{"forwarder", "forwarder/egress", true}, {"forwarder/egress", "forwarder/ingress", true}, {"forwarder/egress", "forwarder", false},
		{"forwarder/ingress", "forwarder/egress", false}, {"forwarder/payload", "transport", false}, {"forwarder/ingress", "transport", true},
		{"multicast", "forwarder", false}, {"forwarder", "multicast", false}, {"forwarder", "mixer", false}, {"rooms", "forwarder", true},
		{"mixer", "internal/testkit/tone", false}, {"api", "cmd/confd", false}, {"cmd", "focus/guard", true},
	} {
		if got := allowed(c.from, module+"/"+c.to); got != c.want {
			t.Errorf("%s importing %s: allowed %v, want %v", c.from, c.to, got, c.want)
		}
	}
}

// Every package says in one place what it is for.
func TestEveryPackageHasOneDoc(t *testing.T) {
	for _, p := range packages(t) {
		if len(p.GoFiles) == 0 {
			continue
		}
		if p.Name != "main" && !strings.HasPrefix(p.Doc, "Package "+p.Name+" ") {
			t.Errorf("%s: the package comment is %q, want it to begin with %q", p.ImportPath, p.Doc, "Package "+p.Name)
		}
		var docs []string
		for _, name := range p.GoFiles {
			f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.PackageClauseOnly|parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			if f.Doc != nil {
				docs = append(docs, name)
			}
		}
		if len(docs) != 1 {
			t.Errorf("%s: package comments in %v, want one", p.ImportPath, docs)
		}
	}
}
