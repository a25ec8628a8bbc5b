//go:build linux

package netlab

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Membership is one line of the switch's table: a host hears a group.
type Membership struct {
	Host   int // in Lab.Hosts
	Group  netip.Addr
	Source netip.Addr // whom alone it wants to hear of the group; invalid: anyone
}

// Memberships returns who is in which group, as the switch has found out from IGMP and MLD.
// Groups of the link itself (224.0.0.0/24, ff02::/16), of which it keeps some, are left out.
func (l *Lab) Memberships() (all []Membership, err error) {
	text, err := output("", "bridge", "-n", string(l.middle), "-j", "mdb", "show")
	if err != nil {
		return nil, err
	}
	var tables []struct {
		MDB []struct {
			Port   string
			Group  netip.Addr `json:"grp"`
			Source netip.Addr `json:"src"`
		}
	}
	if err := json.Unmarshal(text, &tables); err != nil {
		return nil, fmt.Errorf("netlab: the switch's table: %w", err)
	}
	for _, t := range tables {
		for _, e := range t.MDB {
			number, ok := strings.CutPrefix(e.Port, "p")
			host, err := strconv.Atoi(number)
			if ok && err == nil && !e.Group.IsLinkLocalMulticast() {
				all = append(all, Membership{host, e.Group, e.Source})
			}
		}
	}
	return all, nil
}

// Await waits until the switch's table has a membership, or has it no more. Error: that of
// ctx, with what the table has.
func (l *Lab) Await(ctx context.Context, m Membership, there bool) error {
	for {
		all, err := l.Memberships()
		if err != nil {
			return err
		}
		if slices.Contains(all, m) == there {
			return nil
		}
		select {
		case <-time.After(20 * time.Millisecond): // the table tells nobody that it changed
		case <-ctx.Done():
			return fmt.Errorf("netlab: %+v there: %v, want %v; the table has %+v: %w", m, !there, there, all, ctx.Err())
		}
	}
}
