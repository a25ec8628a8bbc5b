// Package webhook tells other people's HTTP endpoints what happens: each subscription gets
// the events that it asked for as signed POST requests (Standard Webhooks), in the order in
// which they happened in a room, again and again with growing pauses until the endpoint has
// taken them or patience ends.
//
//	Publish -> queue per subscription and room -> POST -> taken, again later, or dead letter
//
// Delivery is at least once: an event keeps its id over all attempts and over restarts, and
// who gets an id twice drops the second. What cannot be delivered becomes a dead letter that
// can be looked at and sent again.
//
// An endpoint can be anything: slow, gone, or an address inside our own network that only a
// server like this one can reach. So every connection's address is checked after name
// resolution, redirects are followed only where they keep the method and pass the same
// checks, every wait has a limit, and nobody's endpoint holds up another's: the
// subscriptions whose last attempt failed together use a quarter of the senders.
//
// The package knows events only as encoded bodies with an id, a room and a kind.
package webhook
