//go:build linux

package netlab

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
)

// Unavailable says why there can be no lab.
type Unavailable struct {
	Reason string
	// Kernel is set where root and the programs are there and it still does not go, as in a
	// container without the capabilities: nothing that could be installed would help.
	Kernel bool
}

func (u *Unavailable) Error() string { return "no network of one's own: " + u.Reason }

// Possible returns an *Unavailable if there can be no lab. It tries that once for each
// process, by making one.
var Possible = sync.OnceValue(possible)

// programs are what a lab is made with, and the packages that have them.
var programs = [][2]string{{"ip", "iproute2"}, {"bridge", "iproute2"}, {"nft", "nftables"}}

func possible() error {
	if os.Geteuid() != 0 {
		return &Unavailable{Reason: "it takes root"}
	}
	for _, p := range programs {
		if _, err := exec.LookPath(p[0]); err != nil {
			return &Unavailable{Reason: "the program " + p[0] + " is not installed; the package is " + p[1]}
		}
	}
	if err := try(); err != nil {
		return &Unavailable{Reason: err.Error(), Kernel: forbidden(err)}
	}
	return nil
}

// forbidden tells a kernel's refusal from what else may have gone wrong, by what ip, bridge
// and nft say of it.
func forbidden(err error) bool {
	for _, words := range []string{"Operation not permitted", "Permission denied", "not supported", "Unknown device type"} {
		if strings.Contains(err.Error(), words) {
			return true
		}
	}
	return false
}

// try does once what a lab needs of the kernel.
func try() error {
	lab, err := build(1)
	if err != nil {
		return err
	}
	h := lab.Hosts[0]
	_, mdb := lab.Memberships()
	return errors.Join(h.Lose(1), h.Meter(9), mdb, h.Command("true").Run(), lab.Close())
}
