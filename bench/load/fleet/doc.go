//go:build linux

// Package fleet is the media of the callers of a load: each has a UDP socket, says
// what its room's plan has it say (see bench/load/signal), and what it gets back is counted,
// and verified by its sound. It knows nothing of SIP: Connect is told where a caller's media
// goes.
//
// Caller i is in room i % Rooms and has seat i / Rooms there. Seats below Talkers speak, the
// others are silent, so that the first callers of a fleet are as balanced as all of them.
// Rooms have one of a few plans. The rooms of one plan say the same but are not in step, so
// that what comes from another room is found out.
//
// # Threads
//
// A few threads each own a part of the callers. A thread sleeps until the next slot of half
// a millisecond (Config.Grain) in which somebody is due, talkers first; it sends what is due and takes what
// has come. It holds a lock for the length of a slot, never for a packet; nothing is
// allocated. If it is behind it catches up five packets of a caller at most, gives up the rest
// (Counts.GivenUp), and Report.Late tells. If it is permitted to, it goes before threads of
// ordinary priority. The callers of a room share out the packet time between them.
//
// Callers have a socket each, or some of one thread share one (Config.Sharing): they send at the
// same time, so that a system call sends or receives for up to 32, and the others' phases lie
// between theirs.
//
// Ears, which decode and judge what they hear, have threads of their own. Packets reach them
// through a queue; if it is full they are counted in Report.Overflow, and are gaps to the ear.
//
// # Verification
//
// In each room one caller, a silent one if there is one, is the reference: an ear listens to
// it all the time. A silent caller whose payloads are those of the reference, packet for
// packet, is verified by them. All others, talkers first of all, since they hear a mix
// without themselves, share a number of ears (Config.Ears), by turns if these are too few.
// Who had neither is unverified, and Report says so.
package fleet
