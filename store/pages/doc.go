// Package pages reads the page structure of a bbolt file without trusting it.
//
// bbolt maps its file and follows what it finds: a cut-off or damaged file makes it panic,
// loop or touch memory that is not there, which no caller can catch. [Check] walks the same
// structure with bounded reads, so that a file is known to be whole before it is mapped.
//
// The format is version 2 of bbolt's, in the byte order of the machine: two meta pages, of
// which the valid one with the higher transaction counts; branch and leaf pages of trees,
// one tree a bucket, small buckets inline in their parent's leaf; and a list of free pages.
package pages
