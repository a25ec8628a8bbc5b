package socket

import (
	"os"

	"golang.org/x/sys/unix"
)

// changes says when the kernel reports that a link, address or IPv4 route has changed
// (rtnetlink(7)). Without a netlink socket it says nothing.
func changes() (<-chan struct{}, func()) {
	f := route()
	if f == nil {
		return nil, func() {}
	}
	c, over := make(chan struct{}, 1), make(chan struct{})
	go func() {
		defer close(over)
		for b := make([]byte, 8192); ; {
			if _, err := f.Read(b); err != nil && !lost(err) {
				return
			}
			select {
			case c <- struct{}{}:
			default: // one is pending
			}
		}
	}()
	return c, func() {
		_ = f.Close()
		<-over
	}
}

func route() *os.File {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil
	}
	groups := uint32(unix.RTMGRP_LINK | unix.RTMGRP_IPV4_IFADDR | unix.RTMGRP_IPV6_IFADDR | unix.RTMGRP_IPV4_ROUTE)
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		_ = unix.Close(fd)
		return nil
	}
	return os.NewFile(uintptr(fd), "rtnetlink")
}

// lost tells that more changed than the socket could hold.
func lost(err error) bool {
	e, ok := err.(*os.PathError)
	return ok && e.Err == unix.ENOBUFS
}
