//go:build !race

package groupkey

const raceEnabled = false
