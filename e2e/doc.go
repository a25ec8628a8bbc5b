// Package e2e starts the real program and calls it with real clients: baresip, Linphone's
// console client and SIPp from the distribution, and the test kit's phones where a hundred
// of them or an exact measurement is wanted. What each heard is judged by its tones, what each
// saw by its colours: ffmpeg films and decodes for the test kit's cameras. The API
// is spoken to by the client that is generated from its document.
//
// Clients that insist on an address of a real interface run in a network namespace of the
// test's own, together with the program; where namespaces are not permitted they run on
// the host. The tests need the programs in the package lists of the Makefile; a test whose
// program is missing says so and is skipped, unless CONFD_E2E_STRICT is set.
package e2e
