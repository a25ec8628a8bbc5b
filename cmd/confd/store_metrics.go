package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/confd/confd/api"
	"github.com/confd/confd/store"
	"github.com/confd/confd/webhook"
)

// storeMetrics tells of the store, and of what runs beside the rooms.
func storeMetrics(file *store.Store, e *extras) []prometheus.Collector {
	all := []prometheus.Collector{
		api.Tell(file.Stats, storeFigures...),
		api.Tell(func() webhook.Stats { return withReasons(e.hooks.Stats()) }, hookFigures...),
	}
	if e.announcer != nil {
		all = append(all, api.Tell(e.announcer.stats, announcerFigures...))
	}
	return all
}

// withReasons has each reason of dead letters told, before there is one of it.
func withReasons(s webhook.Stats) webhook.Stats {
	if s.Dead == nil {
		s.Dead = map[webhook.DeadReason]uint64{}
	}
	for _, r := range []webhook.DeadReason{
		webhook.DeadRejected, webhook.DeadRefused, webhook.DeadExhausted, webhook.DeadExpired, webhook.DeadOverflow, webhook.DeadDisabled,
	} {
		s.Dead[r] += 0
	}
	return s
}

var storeFigures = []api.Figure{
	api.One("Bytes", "confd_store_bytes", "Size of the store."),
	api.One("Broken", "confd_store_broken", "1 if the store refuses everything until a restart, since the disk failed."),
	api.One("Damaged", "confd_store_damaged_records", "Records that were found damaged when the store was opened."),
	api.One("Commits", "confd_store_commits_total", "Transactions written."),
	api.One("Failures", "confd_store_failures_total", "Transactions that failed."),
	api.One("Appended", "confd_store_records_total", "Records of calls and conferences that were taken."),
	api.One("Waiting", "confd_store_records_waiting", "Of these, those that are not written yet."),
	api.One("Lost", "confd_store_records_lost_total", "Records of calls and conferences that are in the log only."),
}

var hookFigures = []api.Figure{
	api.One("Subscriptions", "confd_webhooks", "Subscriptions."),
	api.One("Failing", "confd_webhooks_failing", "Subscriptions whose last attempt failed."),
	api.One("Disabled", "confd_webhooks_disabled_total", "Subscriptions that the server disabled."),
	api.One("Published", "confd_webhook_events_total", "Events that webhooks took."),
	api.One("Refused", "confd_webhook_events_refused_total", "Events that webhooks could not take."),
	api.One("Queued", "confd_webhook_deliveries_queued_total", "Deliveries begun: an event counts once per subscription."),
	api.One("Pending", "confd_webhook_deliveries_pending", "Deliveries that wait or are under way."),
	api.One("Running", "confd_webhook_requests_running", "Requests under way."),
	api.One("Attempts", "confd_webhook_attempts_total", "Requests that had an end."),
	api.One("Delivered", "confd_webhook_deliveries_total", "Deliveries that were taken."),
	api.One("Retries", "confd_webhook_retries_total", "Attempts that failed and are repeated."),
	api.Each("reason", "Dead", "confd_webhook_dead_letters_total", "Deliveries that were given up, by reason."),
	api.One("DeadLetters", "confd_webhook_dead_letters", "Dead letters that are kept."),
	api.One("DeadDropped", "confd_webhook_dead_letters_dropped_total", "Dead letters that gave way to newer ones."),
	api.One("Redelivered", "confd_webhook_redeliveries_total", "Dead letters that were queued again."),
	api.One("Lost", "confd_webhook_deliveries_lost_total", "Deliveries that the end of the server left unkept."),
	api.One("StoreErrors", "confd_webhook_store_errors_total", "Writes of webhooks that the store did not take."),
}

var announcerFigures = []api.Figure{
	api.One("Playing", "confd_announcements_playing", "Announcements at work."),
	api.One("Played", "confd_announcements_total", "Announcements that have begun."),
	api.One("Broken", "confd_announcements_broken_total", "Announcements that broke off because their file could not be read on."),
}
