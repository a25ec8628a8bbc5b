package main

import (
	"reflect"
	"testing"

	"github.com/confd/confd/api"
	"github.com/confd/confd/focus"
	"github.com/confd/confd/focus/guard"
	"github.com/confd/confd/forwarder"
	"github.com/confd/confd/multicast"
	"github.com/confd/confd/store"
	"github.com/confd/confd/webhook"
)

// Whatever is counted has a metric.
func TestEverythingIsTold(t *testing.T) {
	for _, c := range []struct {
		snapshot reflect.Type
		figures  []api.Figure
	}{
		{reflect.TypeFor[focus.Stats](), sipFigures},
		{reflect.TypeFor[focus.MediaStats](), legFigures},
		{reflect.TypeFor[focus.VideoStats](), videoLegFigures},
		{reflect.TypeFor[guard.Stats](), guardFigures},
		{reflect.TypeFor[portStats](), portFigures},
		{reflect.TypeFor[store.Stats](), storeFigures},
		{reflect.TypeFor[webhook.Stats](), hookFigures},
		{reflect.TypeFor[announcerStats](), announcerFigures},
		{reflect.TypeFor[forwarder.Stats](), forwarderFigures},
		{reflect.TypeFor[multicast.Stats](), append(groupFigures, api.One("Stream.SSRC", "none", "Of all groups there is none."))},
	} {
		if untold := api.Untold(c.snapshot, c.figures...); len(untold) > 0 {
			t.Errorf("no metric tells %v of %v", untold, c.snapshot)
		}
	}
}
