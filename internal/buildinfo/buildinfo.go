// Package buildinfo says which confd this is.
package buildinfo

import (
	"runtime"
	"runtime/debug"
)

// Version is the release. The release build sets it with
// -ldflags "-X github.com/confd/confd/internal/buildinfo.Version=1.2.3".
var Version = "0.1.0"

// String returns one line for people: release, commit if known, Go, platform.
func String() string {
	s := "confd " + Version
	if c := commit(); c != "" {
		s += " (" + c + ")"
	}
	return s + " " + runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH
}

// commit returns what the Go tool recorded of the checkout.
func commit() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	rev, dirty := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision" && len(s.Value) >= 12:
			rev = s.Value[:12]
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "+"
		}
	}
	return rev + dirty
}
