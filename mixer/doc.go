// Package mixer is the audio plane: it turns the packets of many sources into one packet
// stream for each of many sinks, driven by a clock and not by packets.
//
// Every period (20 ms by default) the worker runs each conference through these
// stages, in this order, without a lock, allocation, timer or log line in steady
// state:
//
//	1 apply   joins, leaves, moves and changes queued since the last tick   ops.go, attach.go
//	2 drain   each source's packets into its input's buffer                 input.go, buffer.go
//	3 look    the room's rate; loudness without decoding; who talks         rate.go, loudness.go
//	4 choose  per mix, the loudest K with hysteresis; candidates            talkers.go, render.go
//	5 render  position, delay and drift; decode or conceal; resample; gain  consume.go, feed.go, voice.go
//	6 mix     one sum per mix; fade in, fade out                            mix.go, kernel.go
//	7 encode  per class: less own, limit, resample, code when due           class.go, limiter.go
//	8 send    the payload to each output of the class                       output.go
//
// and then lets go of who moves to another conference: ops.go, travel.go.
//
// The nouns: an Input is one stream of ingress and an Output one of egress. A Mix is a
// recipe over the inputs of a Conference; outputs hang on mixes. Outputs of one mix with the
// same needs share a class: one limiter, one encoder, one payload. A talker's output has a
// class of its own, which is the mix less that talker. An Engine has one
// worker, the thread that owns all conferences (worker.go), and a crew of helpers that it calls
// when there is more to do than one thread should (crew.go, spread.go).
//
// DESIGN.md in this folder tells why it is so.
package mixer
