// Package groupkey is SRTP with a key that a whole multicast group shares: the key and its
// form in SDP, the sender's side and the receiver's.
//
// Every packet names its key by a master key identifier of four bytes (RFC 3711 section
// 3.1), so that a group can be re-keyed at a packet boundary while receivers hold both keys.
// Whoever holds the key can speak as anybody in the group; it keeps out only those who were
// not given it. Therefore it is renewed when someone is removed, and nothing is trusted for
// having come under it.
//
// # Who joins late
//
// A packet carries 16 bits of its index. The rest, the rollover counter, is counted by each
// receiver, and who joins after 65,536 packets (22 minutes at 20 ms) would have to be told
// it. RFC 4771 carries it in packets, but hardly any receiver knows that transform. A new
// key does not reset it (RFC 3711 section 3.3.1); a new SSRC begins at 0. So a sender to a
// group leaves its SSRC, with a BYE, before its sequence number wraps, and goes on under
// another with the same clock: then whoever joins, whenever, is right to begin at 0, as every
// receiver does. SRTCP carries its whole index and needs none of this.
//
// # Suites
//
// AES_CM_128_HMAC_SHA1_80 and _32. GCM is refused: receivers report under SSRCs that they
// choose at random, two of ten thousand may choose the same, and for GCM one repeated nonce
// gives the authentication key away.
package groupkey
