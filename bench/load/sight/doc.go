// Package sight judges whom the callers of a room saw, by what each of them was shown when,
// and by who talked when. It is arithmetic on times that are handed to it.
//
// The rule is the one by which conference servers show who speaks: somebody who talks is seen
// once whoever is seen has been silent, and has been seen for the hold time at least; the
// talker itself sees somebody else. Where several talk at once any of them may be seen, and
// as long as who is seen goes on talking nobody need take its place. How loud they are does
// not count: all callers are equally loud.
//
// What servers do not tell is taken from what was seen: the room's speaker is whom most of
// its callers see, and the hold time runs from when they saw it. So the judge is lenient by
// the time that a key frame takes, and needs to know of the server the hold time alone.
package sight
