// Package payload reads what the payload of a video packet tells a server that forwards it
// (where pictures begin, which can be decoded by themselves, layers, sizes, numbers), and
// writes the numbers anew that a receiver expects to run on when its source changes.
//
//	VP8    RFC 7741           vp8.go
//	VP9    RFC 9628           vp9.go
//	H.264  RFC 6184, 6190     h264.go, h264_sps.go
//	H.265  RFC 7798           h265.go, h265_sps.go
//	AV1    AOM's RTP payload  av1.go
//	frame marking RFC 9626    marking.go
//
// An Unpacker takes pictures out of their packets, for files (unpack.go).
//
// Nothing is decoded, kept or allocated: a function reads the bytes that it is given and
// may be called from any goroutine. Payloads come from the network: whatever they hold, the
// answer is an error or an Info, in time that grows with their length only.
package payload
