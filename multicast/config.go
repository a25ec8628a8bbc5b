package multicast

import (
	"log/slog"
	"net/netip"
	"strings"

	"github.com/confd/confd/media"
	"github.com/confd/confd/multicast/sap"
)

// Config is what the operator sets for all groups of a server.
type Config struct {
	Enabled   bool       // rooms may have groups
	Pools     Pools      // addresses to give
	Ports     [2]int     // lowest and highest port to give, 1024 to 65535: RTP even, RTCP the next
	MaxTTL    int        // the most that a room may ask for, 1 to 255
	Interface string     // where rooms name none; "" is the route's
	Source    netip.Addr // to send from, an address of the interface; invalid is the route's or the interface's first
	// Formats say what is encoded for a group of each codec, less the packet time. They are
	// what a unicast listener without wishes is sent, so that both share an encoder; where one
	// is missing, confd's default is used.
	Formats       map[media.Codec]media.Format
	FeedbackShare float64    // of a stream's bandwidth for its RTCP, 0.01 to 0.1 (RFC 3550 section 6.2)
	RepairShare   float64    // of a stream's bandwidth for retransmissions, 0 (none) to 1
	SAP           sap.Config // of announcements; the zero value is as RFC 2974 has it
	// Changed is told of rooms whose group has moved to another interface or source address, and
	// so has another description. A goroutine of the host calls it; nil is nobody.
	Changed func(room string)
	Logger  *slog.Logger
}

// DefaultConfig is what a server does where nothing is configured.
func DefaultConfig() Config {
	return Config{Enabled: true, Pools: DefaultPools(), Ports: [2]int{10000, 16383}, MaxTTL: 15,
		FeedbackShare: 0.05, RepairShare: 0.25, Logger: slog.New(slog.DiscardHandler)}
}

// Check says what is wrong with a config: nil or an *Error with code Invalid that names the
// field.
func (c *Config) Check() error {
	switch low, high := c.Ports[0], c.Ports[1]; {
	case low < 1024 || high > 65535 || low+low&1 >= high:
		return invalid("ports", "%d-%d: want LOW-HIGH within 1024-65535, with room for an even port and the one above it", low, high)
	case c.MaxTTL < 1 || c.MaxTTL > 255:
		return invalid("max_ttl", "%d: want 1 to 255", c.MaxTTL)
	case len(c.Interface) > 15 || strings.ContainsAny(c.Interface, "/ \t\r\n\x00"):
		return invalid("interface", "%q: want the name of a network interface, as eth0", c.Interface)
	case c.Source.IsValid() && (c.Source.IsUnspecified() || c.Source.IsMulticast() || c.Source.Is4In6()):
		return invalid("source", "%v: want a unicast address of this machine", c.Source)
	case !(c.FeedbackShare >= 0.01 && c.FeedbackShare <= 0.1):
		return invalid("feedback_share", "%v: want 0.01 to 0.1; RFC 3550 recommends 0.05", c.FeedbackShare)
	case !(c.RepairShare >= 0 && c.RepairShare <= 1):
		return invalid("repair_share", "%v: want 0 to 1", c.RepairShare)
	}
	return c.checkPools()
}

func (c *Config) checkPools() error {
	for _, p := range []struct {
		field  string
		mode   Mode
		family int
	}{{"pool_asm4", AnySource, 4}, {"pool_ssm4", SourceSpecific, 4}, {"pool_asm6", AnySource, 6}, {"pool_ssm6", SourceSpecific, 6}} {
		if err := c.Pools.of(p.mode, p.family).check(p.field, p.mode, p.family); err != nil {
			return err
		}
	}
	return nil
}
