// Generate makes the client anew: it starts the program, reads the OpenAPI document that it
// serves, and has a public generator turn it into Go. Run it in the client's folder, by make
// generate, after every change of what the API takes or answers.
package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"
)

// generator is oapi-codegen at the version that the client is made with.
const generator = "github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2"

// Files of the client's folder.
const (
	documentFile = "openapi.json"
	configFile   = "oapi-codegen.yaml"
	codeFile     = "client.gen.go"
	sumsFile     = "generated.sum" // as sha256sum writes it: which of the others belong together
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run() error {
	if _, err := os.Stat(configFile); err != nil {
		return fmt.Errorf("run this in the client's folder: %w", err)
	}
	served, err := serve()
	if err != nil {
		return err
	}
	document, err := withoutVersion(served)
	if err != nil {
		return err
	}
	if err := os.WriteFile(documentFile, document, 0o644); err != nil {
		return err
	}
	if err := command("go", "run", generator, "-config", configFile, documentFile).Run(); err != nil {
		return fmt.Errorf("oapi-codegen: %w", err)
	}
	return errors.Join(dropPackageComment(), writeSums())
}

func command(name string, args ...string) *exec.Cmd {
	c := exec.Command(name, args...)
	c.Stdout, c.Stderr = os.Stderr, os.Stderr
	return c
}

// serve builds and starts the program with all of its parts, and returns its document.
func serve() (document []byte, err error) {
	dir, err := os.MkdirTemp("", "confd-generate-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "confd")
	if err := command("go", "build", "-tags", "nolibopusfile", "-o", program, "github.com/confd/confd/cmd/confd").Run(); err != nil {
		return nil, fmt.Errorf("building confd: %w", err)
	}
	c := exec.Command(program, "serve", "--store", "", "--sip", "udp:127.0.0.1:0", "--http", "127.0.0.1:0")
	c.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "CONFD_") })
	c.Env = append(c.Env, "CONFD_SOUNDS_FOLDER="+dir)
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.Start(); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Process.Signal(syscall.SIGTERM), c.Wait()) }()
	return fetch(out)
}

var apiAt = regexp.MustCompile(`the API at (http://[0-9.:]+)`)

// fetch waits for the program to say where its API is, and reads the document from there.
func fetch(out io.Reader) ([]byte, error) {
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("confd does not start: %w", err)
	}
	m := apiAt.FindStringSubmatch(line)
	if m == nil {
		return nil, fmt.Errorf("confd does not say where its API is: %s", line)
	}
	res, err := (&http.Client{Timeout: 10 * time.Second}).Get(m[1] + "/openapi.json")
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the document: %s", res.Status)
	}
	return io.ReadAll(res.Body)
}

// withoutVersion returns a document in its one form: keys sorted, a line each, and without
// the program's version, which is another in every build.
func withoutVersion(document []byte) ([]byte, error) {
	var d map[string]any
	in := json.NewDecoder(bytes.NewReader(document))
	in.UseNumber()
	if err := in.Decode(&d); err != nil {
		return nil, fmt.Errorf("the document: %w", err)
	}
	info, ok := d["info"].(map[string]any)
	if !ok {
		return nil, errors.New("the document has no info")
	}
	info["version"] = "any"
	var b bytes.Buffer
	out := json.NewEncoder(&b)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	err := out.Encode(d)
	return b.Bytes(), err
}

// dropPackageComment leaves saying what the package is to its doc.go.
func dropPackageComment() error {
	code, err := os.ReadFile(codeFile)
	if err != nil {
		return err
	}
	_, rest, found := bytes.Cut(code, []byte("// Code generated "))
	if !found {
		return fmt.Errorf("%s does not say that it is generated", codeFile)
	}
	rest = bytes.Replace(rest, []byte("\npackage "), []byte("\n\npackage "), 1)
	return os.WriteFile(codeFile, append([]byte("// Code generated "), rest...), 0o644)
}

func writeSums() error {
	var b bytes.Buffer
	for _, name := range []string{documentFile, configFile, codeFile} {
		content, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%x  %s\n", sha256.Sum256(content), name)
	}
	return os.WriteFile(sumsFile, b.Bytes(), 0o644)
}
