// Package arch holds the tests that keep the shape of the repository: which package may
// import which, that each says what it is for, and that what the pages link to is there.
package arch
