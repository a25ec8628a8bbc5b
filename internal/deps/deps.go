//go:build deps

// Package deps holds pinned requirements until the packages that use them land.
package deps

import (
	_ "github.com/danielgtaylor/huma/v2"
	_ "github.com/danielgtaylor/huma/v2/adapters/humachi"
	_ "github.com/pion/webrtc/v4/pkg/media/oggreader"
	_ "go.etcd.io/bbolt"
)
