// Package listen hears a multicast group as its SDP describes it: it joins, takes what the
// group's sender says and nobody else, makes good for what is lost, decodes to mono PCM, and
// tells the sender how well it is heard.
//
// Loss is repaired from redundant payloads (RFC 2198) and by asking for packets again (RFC
// 4585, 4588; with a token of RFC 6284), within a buffer's time; what is missing then is
// concealed. Reports go by unicast to the feedback target (RFC 5760) as rarely as the
// group's size asks (RFC 3550 section 6.2).
//
// A session of video (ParseVideo) is listened to by a Viewer, which gets the packets and says
// what it misses, and when only a key frame helps.
//
// What comes from the group is counted, bounded and believed only if it is from the
// sender's address and, with a group key, authentic.
package listen
