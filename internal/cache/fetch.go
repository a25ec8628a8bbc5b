// Package cache tells the processor what will be needed soon.
//
// A tick goes through thousands of legs, each of which it last touched a period ago: what
// they hold is far away by then, and waiting for it costs more than what is done with it. So
// the memory of the next one is asked for while this one is at work, above all in a system
// call.
package cache

// Fetch asks for size bytes from p on to be brought near. It does not wait, and it changes
// nothing; p may be nil. On processors for which nobody wrote it down, it does nothing.
func Fetch[T any](p *T, size uintptr) { fetch(p, size) }
