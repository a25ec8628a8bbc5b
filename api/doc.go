// Package api is confd's face over HTTP: health, readiness and metrics.
//
// Without access keys the machine itself is all that protects the API, so only loopback is
// served, and only requests that name a loopback host: a web page that had its own name
// resolve to 127.0.0.1 gets nothing.
//
// Errors are problem details (RFC 9457).
package api
