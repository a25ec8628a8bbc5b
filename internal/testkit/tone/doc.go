// Package tone makes test tones and measures what became of them: which frequencies are
// present and how strong, how much distortion and noise came along, whether the wave ever
// jumps.
//
// Samples are 16-bit mono. Levels are decibels of which 0 is a sine at full scale. No
// function keeps or changes the samples that it is given; all may be called from any
// goroutine, a Generator from one at a time.
package tone
