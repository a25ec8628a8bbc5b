package main

import (
	"reflect"
	"testing"

	"github.com/confd/confd/api"
	"github.com/confd/confd/focus"
	"github.com/confd/confd/focus/guard"
	"github.com/confd/confd/forwarder"
	"github.com/confd/confd/multicast"
	"github.com/confd/confd/rooms"
	"github.com/confd/confd/store"
	"github.com/confd/confd/webhook"
)

// ofOneLine are the figures of a video line that make no sum, or are told in another unit.
var ofOneLine = []api.Figure{api.By("of", "none", "These tell what is, not how often something was.", map[string]string{
	"0": "Ingress.Live", "1": "Ingress.Watchers", "2": "Ingress.Width", "3": "Ingress.Height", "4": "Ingress.Bitrate", "5": "Ingress.Limit",
	"6": "Ingress.RoundTrip", "7": "Ingress.Unanswered", "8": "Ingress.Streams.Memory", "9": "Egress.Shown", "10": "Egress.Bitrate",
	"11": "Egress.Subscription.Estimate", "12": "Egress.Subscription.Waiting", "13": "Egress.Subscription.Layers.Encoding",
	"14": "Egress.Subscription.Layers.Temporal", "15": "Egress.Subscription.Layers.Spatial", "16": "Egress.Subscription.Frozen",
})}

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
		{reflect.TypeFor[rooms.VideoTotals](), append(lineFigures, ofOneLine...)},
		{reflect.TypeFor[multicast.Stats](), append(groupFigures,
			api.One("Stream.SSRC", "none", "Of all groups there is none."), api.One("Pictures.SSRC", "none", "Of all groups there is none."))},
	} {
		if untold := api.Untold(c.snapshot, c.figures...); len(untold) > 0 {
			t.Errorf("no metric tells %v of %v", untold, c.snapshot)
		}
	}
}
