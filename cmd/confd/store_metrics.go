package main

import (
	"maps"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/confd/confd/store"
	"github.com/confd/confd/webhook"
)

// storeCollector tells the figures of the store and of webhooks.
type storeCollector struct {
	file  *store.Store
	hooks *webhook.Manager
}

var (
	storeBytes    = prometheus.NewDesc("confd_store_bytes", "Size of the store.", nil, nil)
	storeBroken   = prometheus.NewDesc("confd_store_broken", "1 if the store refuses everything until a restart, since the disk failed.", nil, nil)
	storeFailures = prometheus.NewDesc("confd_store_failures_total", "Transactions that failed.", nil, nil)
	storeRecords  = prometheus.NewDesc("confd_store_records_total", "Records of calls and conferences that were taken.", nil, nil)
	storeLost     = prometheus.NewDesc("confd_store_records_lost_total", "Records of calls and conferences that are in the log only.", nil, nil)
	hookPending   = prometheus.NewDesc("confd_webhook_deliveries_pending", "Deliveries that wait or are under way.", nil, nil)
	hookFailing   = prometheus.NewDesc("confd_webhooks_failing", "Subscriptions whose last attempt failed.", nil, nil)
	hookDelivered = prometheus.NewDesc("confd_webhook_deliveries_total", "Deliveries that were taken.", nil, nil)
	hookRetries   = prometheus.NewDesc("confd_webhook_retries_total", "Attempts that failed and are repeated.", nil, nil)
	hookDead      = prometheus.NewDesc("confd_webhook_dead_letters_total", "Deliveries that were given up, by reason.", []string{"reason"}, nil)
	hookRefused   = prometheus.NewDesc("confd_webhook_events_refused_total", "Events that webhooks could not take.", nil, nil)
)

// Describe implements prometheus.Collector.
func (c storeCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		storeBytes, storeBroken, storeFailures, storeRecords, storeLost,
		hookPending, hookFailing, hookDelivered, hookRetries, hookDead, hookRefused,
	} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c storeCollector) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64) { out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v) }
	count := func(d *prometheus.Desc, v uint64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	s := c.file.Stats()
	gauge(storeBytes, float64(s.Bytes))
	broken := 0.0
	if s.Broken {
		broken = 1
	}
	gauge(storeBroken, broken)
	count(storeFailures, s.Failures)
	count(storeRecords, s.Appended)
	count(storeLost, s.Lost)
	h := c.hooks.Stats()
	gauge(hookPending, float64(h.Pending))
	gauge(hookFailing, float64(h.Failing))
	count(hookDelivered, h.Delivered)
	count(hookRetries, h.Retries)
	count(hookRefused, h.Refused)
	dead := map[webhook.DeadReason]uint64{
		webhook.DeadRejected: 0, webhook.DeadRefused: 0, webhook.DeadExhausted: 0,
		webhook.DeadExpired: 0, webhook.DeadOverflow: 0, webhook.DeadDisabled: 0,
	}
	maps.Copy(dead, h.Dead)
	for _, reason := range slices.Sorted(maps.Keys(dead)) {
		count(hookDead, dead[reason], string(reason))
	}
}
