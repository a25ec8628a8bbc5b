// Package rooms is the conference: who is in which room, what they may do, and what
// happens to them, told as one ordered stream of events.
//
// A [Registry] holds the rooms by name. Each room is an actor: one goroutine owns its
// state and is parked while nothing happens. Verbs reach it as requests and come back as
// values; it never waits for media, and media never waits for it. A room that a call
// opened ends when its last participant leaves; one that was created stays, and its
// definition outlives the process in a [Store].
//
// Where to read on:
//
//	registry.go room.go membership.go   joining, leaving, the actor
//	definition.go steer.go expiry.go    rooms that the API makes, changes and deletes
//	settings.go patch.go                what can be set, in rooms and in participants
//	hears.go hearing.go                 who hears whom, as few mixes
//	stage.go conference.go              the media plane, behind an interface
//	move.go invite.go play.go           changing rooms, dialling out, announcements
//	multicast.go group.go delivery.go   the group that hears a room, and phones that listen to it
//	video.go video_codec.go video_select.go  video: the settlement on a format, who sees whom
//	video_room.go video_lines.go video_call.go  the same in a room, on the forwarder
//	video_group.go                      the same for the multicast group
//	event.go hub.go history.go roster.go  the stream, resuming, what latecomers get
//	figures.go mos.go record.go id.go   how it sounded, and what was
//
// The package knows no SIP, no SDP, no HTTP and no socket: a participant is a source, a
// sink, and a [Call] that can be asked to end.
package rooms
