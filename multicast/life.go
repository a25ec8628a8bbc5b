package multicast

import (
	"net/netip"
	"runtime"

	"github.com/confd/confd/multicast/control"
	"github.com/confd/confd/multicast/sap"
	"github.com/confd/confd/multicast/socket"
	"github.com/confd/confd/multicast/stream"
)

// Open starts the stream. Errors are of type *Error: Unavailable if interface, address or
// sockets cannot be had; it may then be called again. While a group is open it follows its
// interface: when that is away or its address changes, it goes on as soon as it can.
func (g *Group) Open() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.released {
		return &Error{Code: Unavailable, Message: "the group is released"}
	}
	if g.open {
		return nil
	}
	path, err := g.find()
	if err != nil {
		return &Error{Code: Unavailable, Field: "interface", Message: "there is no way to send to " + g.place.Group.String(), Err: err}
	}
	if err := g.start(path); err != nil {
		return &Error{Code: Unavailable, Message: "cannot send to " + g.place.Group.String() + " on " + path.Interface.Name, Err: err}
	}
	g.open = true
	g.host.watch()
	return nil
}

// Close ends the stream with a BYE; Open may start it again. What is sent after is dropped.
// Further calls do nothing.
func (g *Group) Close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open = false
	g.stop()
}

// Release closes the group and gives its addresses back. Nothing but Stats is to be called
// after.
func (g *Group) Release() {
	g.mu.Lock()
	g.open, g.released = false, true
	g.stop()
	g.mu.Unlock()
	g.host.release(g)
}

// find looks for the way to the group.
func (g *Group) find() (socket.Path, error) {
	c, name := &g.host.config, g.spec.Interface
	source := netip.Addr{}
	if name == "" || name == c.Interface {
		name = c.Interface
		if c.Source.IsValid() && c.Source.Is4() == g.place.Group.Is4() {
			source = c.Source
		}
	}
	return socket.Find(g.place.Group, name, source)
}

// start sends from now on. The mutex is held.
func (g *Group) start(path socket.Path) error {
	if path.Source != g.path.Source {
		g.version = g.host.next() // it is announced below
	}
	g.path = path
	p, err := g.build(path)
	if err != nil {
		return err
	}
	if err := g.light(p); err != nil {
		g.host.log.Error("a group is without its video", "room", g.room, "group", g.place.Group, "error", err)
	}
	g.live.Store(p)
	if g.spec.Announce {
		g.announce()
	}
	return nil
}

// build opens what the group sends with on a path.
func (g *Group) build(path socket.Path) (*plant, error) {
	to := netip.AddrPortFrom(g.place.Group, uint16(g.place.Port))
	sender, err := socket.OpenSender(socket.SenderConfig{Group: to, Path: path, TTL: g.spec.TTL})
	if err != nil {
		return nil, err
	}
	s, err := stream.New(stream.Config{Socket: sender, Format: g.format, PayloadType: g.PayloadType(),
		Redundancy: g.spec.Redundancy, RedundantType: redType, LevelsID: levelsID, Key: g.key, History: history})
	if err != nil {
		sender.Close()
		return nil, err
	}
	c, err := control.Start(control.Config{Group: to, Path: path, TTL: g.spec.TTL,
		Target: netip.AddrPortFrom(path.Source, to.Port()+1), HearGroup: g.spec.Mode == AnySource,
		CNAME: g.cname, Bandwidth: g.rtcp(), PayloadType: g.PayloadType(), RepairType: repairType,
		Repair: g.host.config.RepairShare * float64(bandwidth(g.format, g.spec)),
		Sent:   s.Sent, History: s.History(), Collided: s.NewSSRC, Reported: g.reported, Key: g.key})
	if err != nil {
		s.Close()
		return nil, err
	}
	return &plant{stream: s, control: c, key: g.key}, nil
}

// history is how many packets wait for control to take them, which it does every second: more
// than there are of 10 ms.
const history = 256

// stop sends no more. The mutex is held.
func (g *Group) stop() {
	if g.rekey != nil { // what is opened next uses the key from the start
		g.rekey.Stop()
		g.rekey = nil
	}
	if g.ad != nil {
		g.ad.Close()
		g.ad = nil
	}
	p := g.live.Swap(nil)
	if p == nil {
		return
	}
	for g.inside.Load() != 0 { // a Send takes microseconds, and the next finds nothing
		runtime.Gosched()
	}
	g.darken(p)
	p.control.Close() // with a BYE
	p.stream.Close()
	g.past.add(p)
}

// announce begins to announce the group. That it cannot be is no reason not to send. The mutex
// is held.
func (g *Group) announce() {
	var err error
	s := sap.Session{Group: g.place.Group, TTL: g.spec.TTL, Path: g.path, Description: g.describe(false, true)}
	if g.ad, err = g.host.sap.Announce(s); err != nil {
		g.host.log.Warn("a group is not announced", "room", g.room, "group", g.place.Group, "error", err)
	}
}

// follow goes on where the interface has changed, or is there again, and tells whether it did.
func (g *Group) follow() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.open {
		return false
	}
	path, err := g.find()
	switch {
	case err != nil: // what is sent without an interface is counted as failed
		return false
	case g.live.Load() != nil && path.Interface.Index == g.path.Interface.Index && path.Source == g.path.Source:
		return false
	}
	g.stop()
	if err := g.start(path); err != nil { // it is tried again when something changes, and every few seconds
		g.past.Lost++
		g.host.log.Warn("a group cannot go on", "room", g.room, "group", g.place.Group, "interface", path.Interface.Name, "error", err)
		return false
	}
	g.past.Moved++
	g.host.log.Info("a group has moved", "room", g.room, "group", g.place.Group, "interface", path.Interface.Name, "source", path.Source)
	return true
}
