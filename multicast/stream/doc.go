// Package stream sends a room's sound to a multicast group: the one RTP stream that all its
// listeners hear (RFC 3550). It is a media.Sink of an audio class that unicast listeners
// share, so a group costs a header, a copy and a send per packet time, however many listen.
//
//	Send: time -> silence -> key and SSRC -> header, lists -> history -> RFC 2198 -> SRTP -> one send
//
// Timestamps are media time. What is not sent in silence shows in them and not in the
// sequence numbers. Under SRTP the stream leaves its SSRC before the sequence number wraps
// (package groupkey says why) and goes on under another with the same timeline; who sends its
// reports sees another SSRC in Sent and says BYE for the one before.
//
// Silence is suppressed here and not in the encoder, because the encoder is also that of
// unicast listeners, who want a packet each packet time: once nobody has contributed for
// 200 ms, one packet each 400 ms goes out. For PCMU these say comfort noise (RFC 3389). The first
// packet of the next contribution carries the marker.
//
// Send and Close belong to the owner of the tick. Everything else may be called by any
// goroutine and never makes Send wait: keys and SSRCs are prepared by who calls, and taken
// over by one atomic exchange at a packet boundary.
//
// Pictures is the same for the group's video: a room's forwarder hands it packets of whole
// pictures, and owns SendVideo and Poll as the tick owns Send.
package stream
