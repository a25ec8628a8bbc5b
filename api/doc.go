// Package api is confd's face over HTTP: rooms, participants, announcements, webhooks and
// records as resources, events as streams, health and metrics for operators, and the OpenAPI
// document of all that, which is made from the same types that check requests.
//
// A resource is a file: rooms.go, participants.go, announcements.go, … What they share:
//
//	server.go openapi.go page.go docs.go   routes and their description
//	access.go host.go cors.go              who may
//	problem.go                             errors, as problem details (RFC 9457)
//	optional.go etag.go idempotency.go     patches, versions, repeated requests
//	events.go stream.go event.go           event streams
//	metrics.go mixer_metrics.go            figures
//
// Without access keys the machine itself is all that protects the API, so only loopback is
// served, and only requests that name a loopback host: a web page that had its own name
// resolve to 127.0.0.1 gets nothing.
//
// What the package needs from others (records, webhooks, announcements, keys' store) it
// declares as interfaces; cmd/confd wires them.
package api
