// Package report is what a load found: its words, its verdict, and how they are written as
// JSON, as text, and as a page of HTML. It is arithmetic on what it is handed: no socket,
// no clock, no goroutine.
//
// # Names and units
//
// The JSON is for programs: names stay as they are while Schema does, and a figure's unit is
// the end of its name (_ms, _seconds, _percent, _bytes, _db). New names may come. What was
// not measured is left out, or stands with a count (n) of zero beside it.
//
// # Delay
//
// Delay is from mouth to ear as package signal has it: from the time of a sample at the
// talker, who sends each packet at its first sample's time, to its time at the listener, for
// whom each packet begins when it arrives, without the look-ahead of codecs. What phones add
// is in none of it but the MOS.
//
// # MOS
//
// MOS is the estimate of the E-model (ITU-T G.107, narrowband scale, at most 4.4) for each
// caller as a listener, from the loss of what it received and the delay of what it heard; see
// Line. It knows nothing of gaps and clicks that are within packets, which are counted apart.
package report
