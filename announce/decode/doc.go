// Package decode turns sound files into mono PCM, a piece at a time: WAV (PCM of 8 to 32
// bits, 32-bit float, A-law, µ-law) and Ogg/Opus (RFC 7845). What a file is, its first bytes
// tell, not its name. Nothing is loaded whole: a Decoder holds some tens of kilobytes
// whatever the file's size.
//
// A file is what someone uploaded: it may be broken or made to do harm. Errors say what is
// wrong with it, where, and what would be right.
package decode
