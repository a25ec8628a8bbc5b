// Package bench holds the benchmarks of confd's hot paths. The folders beside it hold
// what they are judged by: floor, the smallest correct mixer; load, callers who hear and
// time what a server sends; compare, the program that puts both floor and confd under the
// same load in one run; steer, the program that has the API used hard while ticks are timed.
package bench
