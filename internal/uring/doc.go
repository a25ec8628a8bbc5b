// Package uring sends datagrams of many sockets by one system call: an io_uring of Linux (since
// 6.1), set up for nothing else. What is sent is over when the call returns: nothing waits in the
// kernel, and only failures are told.
package uring
