// Package forwarding finds out what a forwarded video packet costs: confd's forwarder, with
// real legs, beside the barest program that does the same, in turns under the same load.
//
// The load is made here: cameras send pictures of ready-made packets, and sinks take what
// comes out, count it and tell how late it is. Each server is a process of its own, so that
// its processor time is known without what cameras and sinks use.
package forwarding
