// Package library is a folder of sound files that can be played: put there by whoever runs
// the server, or uploaded. Files have names, never paths; nothing outside the folder is
// reached, not even by a symbolic link. What a file is, its content tells and not its name;
// an upload is accepted once all of it has been decoded.
package library
