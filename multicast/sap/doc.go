// Package sap announces sessions to who listens for them (RFC 2974): packets, the addresses
// where each scope is announced, and an Announcer that keeps to the bandwidth that all
// announcers of a scope share.
package sap
