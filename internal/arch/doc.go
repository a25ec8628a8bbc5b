// Package arch holds the tests that keep the shape of the repository: which package may
// import which, and that each says what it is for.
package arch
