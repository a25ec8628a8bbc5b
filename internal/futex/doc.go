// Package futex parks a thread until another one changes a word, without a lock, an
// allocation or a timer. Any goroutine may call it; whoever changes the word does so before
// Wake.
package futex
