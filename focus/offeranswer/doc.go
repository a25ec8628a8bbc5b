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
// Beside audio there may be video: Capabilities.Video, on the ends of Local.Video. It never
// decides over a call: a line that cannot be agreed on gets port 0, Video says why, and what the
// peer can. All that may be agreed on is one format (media.VideoFormat) for both directions, as
// pictures are forwarded unchanged. OfferVideo moves a session to another. What stands on a line:
//
//   - H.264 (RFC 6184): profile and packetization-mode have to be equal (section 8.2.2); the level
//     in our answer is the peer's or a lower one that the room wants, with level-asymmetry-allowed
//     also a higher one. VP8 (RFC 7741), VP9 (RFC 9628), H.265 (RFC 7798), AV1 likewise.
//   - Payload type numbers mean the same for the whole session, on refused lines too.
//   - Feedback (RFC 4585, RFC 5104) is what both sides name, in any profile: phones name it in
//     RTP/AVP. Retransmission (RFC 4588), goog-remb, transport-cc and header extensions are
//     answered, but offered only to who has named them before in the session: few phones know
//     them, and they make an offer too long for one datagram.
//   - Several encodings of a picture (RFC 8853) are taken where they have names (RFC 8851), and
//     never offered.
//   - Of the lines of the peer those in use keep their end. The rest have what is left, in order.
//
// Reading is lenient, because phones are not exact: what does not matter to us is skipped,
// what matters and cannot be understood is an *Error. Writing is strict.
//
// Directions are the server's, as everywhere: Send is egress, Receive is ingress.
package offeranswer
