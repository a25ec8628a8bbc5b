// Package video is what the load generator's callers show, and how they judge what they
// see: prepared streams of VP8 and H.264, played in a loop without an encoder, and watched
// without a decoder. It has no sockets and no clock: times are the caller's, in nanoseconds.
//
//	Prepared   a stream of about a bitrate, packed once for all who play it   stream.go, vp8.go, h264.go
//	Player     plays it for one sender, from any time on                      player.go
//	Mark       what each frame says of its sender, where decoders skip it     mark.go
//	Watch      verifies what one receiver gets                                watch.go
//
// The streams are in streams/, whose make makes them anew by ffmpeg.
package video
