package guard

import "net/netip"

var source = netip.MustParseAddrPort("192.0.2.77:40000")
