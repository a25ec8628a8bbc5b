//go:build linux

// Package mixing measures in process what mixing costs, each part beside a floor that runs in
// turns with it, so that what else the machine does falls on both:
//
//   - Kernel: the loops that add the talkers up and take each of them out again, beside a
//     copy within the first-level cache that moves as many bytes.
//   - Tick: the whole tick of a room in steady state, packets ready-made and what it sends
//     dropped, beside the bare codec calls that it cannot do without: as many decodes as
//     talkers, as many encodes as classes.
//   - Transport: the legs of all participants, each a receive and a send, beside bare
//     receives and sends of packets of the same size on raw sockets.
//   - Whole: tick and transport together, beside both of their floors.
//
// Times are processor time of the one thread that runs it all, but for the kernel, whose
// turns are too short for that; of the kernel the fastest turns count, of the others the
// middle one.
package mixing
