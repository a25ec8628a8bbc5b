//go:build race

package e2e

// underRace: the server, too, is built with the race detector, and everything is some ten
// times slower. Data races and what is heard are looked for then; how steady it sounds and
// how much load is borne says nothing.
const underRace = true
