// Package offeranswer agrees on a call's media: SDP offers and answers (RFC 3264, RFC 8866,
// RFC 6337) as pure functions. Nothing here opens a socket, reads a clock or draws a random
// number; the same input gives the same bytes.
//
// Negotiate answers a peer's offer. Offer writes ours (for an INVITE without one, and for
// re-offers) and Accept reads the answer to it. All three take the State that the last
// exchange of the same session returned, nil for the first.
//
// The audio line may be the room's multicast group instead (RFC 3264 sections 5.2, 6.2): see
// Group. What was agreed on for the session's own stream rests meanwhile.
//
// Reading is lenient, because phones are not exact: what does not matter to us is skipped,
// what matters and cannot be understood is an *Error. Writing is strict.
//
// Directions are the server's, as everywhere: Send is egress, Receive is ingress.
package offeranswer
