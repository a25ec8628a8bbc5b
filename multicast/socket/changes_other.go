//go:build !linux

package socket

// changes says nothing: interfaces are looked at every now and then.
func changes() (<-chan struct{}, func()) { return nil, func() {} }
