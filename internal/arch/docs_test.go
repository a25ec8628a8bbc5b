package arch

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// root is the repository's, seen from this folder.
const root = "../.."

// files returns the files of the repository with a suffix, relative to its root. What is
// hidden, or made by the Makefile, is left out.
func files(t *testing.T, suffix string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (name[0] == '.' || name == "bin" || name == "dist"):
			return filepath.SkipDir
		case !d.IsDir() && strings.HasSuffix(name, suffix):
			names = append(names, filepath.ToSlash(name))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(names) < 5 {
		t.Fatalf("there are only %d files *%s: the wrong folder?", len(names), suffix)
	}
	return names
}

// What a page links to is there: files, folders, and headings of pages.
func TestLinksOfPagesResolve(t *testing.T) {
	for _, page := range files(t, ".md") {
		text := read(t, page)
		for _, link := range links(text) {
			if why := broken(page, text, link); why != "" {
				t.Errorf("%s links to %q: %s", page, link, why)
			}
		}
	}
}

// What a page or a comment names as a page is there, in its folder or from the root.
func TestPagesNamedInTextExist(t *testing.T) {
	for _, name := range append(files(t, ".md"), files(t, ".go")...) {
		for _, page := range pageName.FindAllString(read(t, name), -1) {
			page = strings.Trim(page, "`")
			if !exists(filepath.Join(filepath.Dir(name), page)) && !exists(page) && !ofSomeFolder(page) {
				t.Errorf("%s names %s, which is neither in its folder nor at that path from the root", name, page)
			}
		}
	}
}

// pageName finds pages by name: in backquotes, or the pages that comments speak of.
var pageName = regexp.MustCompile("`[A-Za-z0-9_./-]+\\.md`|\\b(?:[a-z0-9]+/)*(?:DESIGN|README|ARCHITECTURE|CONTRIBUTING|CHANGELOG)\\.md\\b")

// ofSomeFolder tells whether a page is spoken of in general: "the DESIGN.md of a folder".
func ofSomeFolder(page string) bool { return page == "DESIGN.md" }

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func exists(name string) bool {
	_, err := os.Stat(filepath.Join(root, name))
	return err == nil
}

var (
	linkInline    = regexp.MustCompile(`\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)`)
	linkReference = regexp.MustCompile(`(?m)^ {0,3}\[[^\]^]+\]:\s+<?([^\s>]+)>?`)
	scheme        = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9+.-]*:`)
	fence         = regexp.MustCompile("(?ms)^[ \t]*```.*?^[ \t]*```[ \t]*$")
	codeSpan      = regexp.MustCompile("`[^`\n]*`")
	heading       = regexp.MustCompile(`(?m)^#{1,6}[ \t]+(.*?)[ \t]*#*$`)
)

// links returns a page's links within the repository; those in code are none.
func links(text string) (all []string) {
	text = codeSpan.ReplaceAllString(fence.ReplaceAllString(text, ""), "")
	for _, form := range []*regexp.Regexp{linkInline, linkReference} {
		for _, m := range form.FindAllStringSubmatch(text, -1) {
			if !scheme.MatchString(m[1]) {
				all = append(all, m[1])
			}
		}
	}
	return all
}

// broken says why a link on a page leads nowhere; "" if it does not.
func broken(page, text, link string) string {
	path, anchor, _ := strings.Cut(link, "#")
	target := page
	switch {
	case strings.HasPrefix(path, "/"):
		return "links are relative to the page"
	case path != "":
		target = filepath.ToSlash(filepath.Join(filepath.Dir(page), path))
	}
	if target == ".." || strings.HasPrefix(target, "../") {
		return "it leaves the repository"
	}
	if !exists(target) {
		return "there is no " + target
	}
	if anchor == "" {
		return ""
	}
	if path != "" {
		other, err := os.ReadFile(filepath.Join(root, target))
		if err != nil {
			return err.Error()
		}
		text = string(other)
	}
	if !anchors(text)[anchor] {
		return "no heading of " + target + " makes that anchor"
	}
	return ""
}

// anchors returns those that a page's headings make.
func anchors(text string) map[string]bool {
	all := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		all[anchorOf(m[1])] = true
	}
	return all
}

func anchorOf(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
			return unicode.ToLower(r)
		case r == ' ':
			return '-'
		}
		return -1
	}, heading)
}

func TestRulesOfLinks(t *testing.T) {
	const page = "docs/operate.md"
	for text, good := range map[string]bool{
		"[a](../README.md)":                              true,
		"[a](../mixer/)":                                 true,
		"[a](adr)":                                       true,
		"[a](https://example.invalid/none)":              true,
		"[a](mailto:nobody@example.invalid)":             true,
		"## Behind *NAT*, it is\n[a](#behind-nat-it-is)": true,
		"[a](../README.md#the-first-call)":               true,
		"in code: `[a](none.md)`":                        true,
		"```\n[a](none.md)\n```\n":                       true,
		"[a][1]\n\n[1]: ../LICENSE":                      true,
		"[a](none.md)":                                   false,
		"[a](README.md \"title\")":                       false,
		"[a](/README.md)":                                false,
		"[a](../../elsewhere)":                           false,
		"[a](#none)":                                     false,
		"[a](../README.md#none)":                         false,
		"[a][1]\n\n[1]: none.md":                         false,
	} {
		why := ""
		for _, link := range links(text) {
			why += broken(page, text, link)
		}
		if (why == "") != good {
			t.Errorf("%q: found wrong %v (%s), want %v", text, why != "", why, !good)
		}
	}
}
