// Package signal is what the callers of a load say, and how one of them tells what it hears:
// whom, when, how late, how loud, and how clean. It is arithmetic on samples and times that
// are handed to it: no socket, no clock, no goroutine.
//
// # What is said
//
// A Room is a plan: who speaks when in a cycle of some seconds that comes round for ever.
// Talk spurts and pauses are distributed as in ITU-T P.59. A spurt begins, if there is room
// for it, with a mark: a chirp of 40 ms from 2500 to 3300 Hz, at least 160 ms from every
// other mark of the room. Then come tones of 80 ms, one at a time, out of a grid of 31 from
// 406 to 2281 Hz. Each talker hops over the grid on a path of his own, which the room's seed
// chooses: never where another is at the time or beside him, as long as there are tones
// enough (some ten who speak at once); and if there are not, such that two who share a tone
// soon part again. So who speaks is told by many tones, eight talkers take eight lines and
// not sixteen as pairs would, the envelope is flat, and every server counts it as speech.
// The chirps have a band of their own, so that neither disturbs the other. All are as loud,
// and as many as the server mixes stay below its limiter.
//
// Rendered sound is the same for all rooms with equal Options: it is encoded once.
//
// # What is heard
//
// An Ear knows the plan and when each talker's cycle began. It brings the sound to 8 kHz and
// looks at it through a Hann window of 32 ms every 8 ms: on the grid a sine fills three lines
// and its neighbours' own lines are zeros. A spurt is judged when it is surely over, and what
// fits nobody later still, so that nothing need be known beforehand: neither the delay nor
// whom the server chose.
//
//   - Heard: half of the spurt's tones are there, at the delay at which most of them are. In
//     a crowd, when more speak or did until just now than the server mixes, nobody in
//     particular need be heard, three quarters of the tones are asked for, and the power of
//     it all tells how many were (PlacesHeard).
//   - Delay: correlation with the chirp, to a few hundredths of a sample of 8 kHz in clean
//     sound. It is from the first sample's time at the talker, who sends each packet at its
//     first sample's time, to its time at the ear, for which each packet begins when it
//     arrives. Where packets are passed on whole that is from send to arrival of the packet;
//     where they are cut anew it is the mean over its samples.
//   - Level: the mean of tones that nothing else is on or beside.
//   - Gaps: what the tones are weaker by, window for window, adds up to what is missing.
//   - Jumps: the phase of a tone is a straight line over time, even if it is stretched.
//   - Clicks: power below 281 and above 3468 Hz at once, where nobody ever is.
//   - Own voice and unexpected: tones that no spurt explains, for 48 ms at least. If they fit
//     the ear's own talker, he heard himself; else it takes three of them within half a second.
//
// # Limits
//
// Opus has few bits for many tones, so less is certain there (see limits): this is what is
// found, with up to eight talkers of whom three speak on average, in tests that inject it.
//
//	                        G.711, G.722         Opus at 24 kb/s
//	delay                   within 0.2 ms        within 1 ms, look-ahead known
//	level error             2 dB                 4.5 dB
//	gap                     7 ms (5 often)       20 ms, unless four speak at once
//	packet repeated         three of four        one of four, with one or two who speak
//	click, one sample       3500 (G.722 12000)   12000 for 0.1 ms
//	own voice at -20 dB     yes                  yes, a spurt in four among eight talkers
//	other room's at -20 dB  yes                  yes, not always among eight
//	beginning missing       30 ms                45 ms, with one or two who speak
//
// In 14 hours of clean sound through these codecs there was no false alarm but with Opus at
// limits since widened, and none in two hours since. An ear takes 8 to 12 µs for 20 ms of
// sound, 30 µs with 200 talkers at 48 kHz, and 150 KB.
//
// Beyond that:
//
//   - Gaps, jumps, beginnings and wrong levels are looked for in spurts that must be heard,
//     not in crowds; levels and gaps where a tone is alone. With eight who speak without a
//     pause that is half of the time, with twenty or more hardly ever.
//   - In a crowd of fifty, one in fifty spurts is taken for heard that was not, because others
//     have its tones. An Opus encoder weakens eight tones at once by 1 to 2 dB, and
//     PlacesHeard is that much less.
//   - A room whose talkers are fewer tells another room's from its own by what is not planned
//     at the time: with the same seed and in step they cannot be told apart.
//   - A delay that changes within a spurt by more than 24 ms looks like a gap. One of more than
//     MaxDelay looks like silence. While a server stretches sound by 1 %, a chirp's delay is
//     1.5 ms off.
//   - Spurts of which more than half was lost on the way to the ear (Gap) are not judged, and
//     nothing is in windows that miss a packet.
package signal
