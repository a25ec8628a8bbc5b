//go:build linux

// Package netlab makes a small network of its own on this machine: hosts in network
// namespaces, each with eth0 and an address of IPv4 and of IPv6, on a switch that snoops on
// IGMP and MLD and asks who listens. Programs and sockets of a test run in the hosts; each
// may lose packets, change its address, or have its cable pulled; the switch tells who is
// in which group.
//
// It takes root, and iproute2 and nftables: Possible says what is missing. The switch is in
// a namespace as well, so that labs, of one process and of several, do not know of each
// other, and nothing of the machine's own network changes. What a process leaves behind
// because it was killed, the next lab of the machine removes.
//
//	lab, err := netlab.New(3)
//	defer lab.Close()
//	lab.Hosts[1].Lose(10)
//	cmd := lab.Hosts[1].Command("ffmpeg", "-i", "room.sdp", "room.wav")
package netlab
