package api

import (
	"strconv"

	"github.com/confd/confd/mixer"
)

// roomFigures are those of rooms.Counts.
var roomFigures = []Figure{
	One("Rooms", "confd_rooms", "Rooms that there are."),
	One("Conferences", "confd_conferences", "Rooms with somebody in them."),
	One("Participants", "confd_participants", "Participants in all rooms, those being called among them."),
	One("RoomsOpened", "confd_rooms_opened_total", "Conferences ever begun."),
	One("Joined", "confd_participants_joined_total", "Participants who ever joined."),
	One("Refused", "confd_participants_refused_total", "Joins that ended in an error."),
	One("DialsRefused", "confd_dial_outs_refused_total", "Dial-outs that ended in an error before they began."),
	One("MediaEventsLost", "confd_media_events_lost_total", "Events of the media plane that found a room's queue full."),
	Each("kind", "Events", "confd_events_total", "Events published, by kind."),
	One("Subscribers", "confd_event_subscribers", "Who follows events, over HTTP and inside the server."),
	One("SubscribersCut", "confd_event_subscribers_cut_total", "Event subscribers cut off because they did not keep up."),
	One("Draining", "confd_draining", "1 if nobody may join any more."),
}

// mediaFigures are those of rooms.MediaTotals.
var mediaFigures = []Figure{
	One("Received", "confd_rtp_packets_received_total", "RTP packets that reached the mixer."),
	One("Sent", "confd_rtp_packets_sent_total", "RTP packets sent to participants."),
	By("reason", "confd_rtp_packets_unusable_total", "Of the received, those that could not be played, by reason.",
		map[string]string{"malformed": "Malformed", "payload_type": "Unknown", "duplicate": "Duplicate", "late": "Late", "held": "Held"}),
	One("Lost", "confd_rtp_packets_lost_total", "RTP packets that never came, but later ones did."),
	One("Recovered", "confd_rtp_packets_recovered_total", "Of the lost, those restored from redundancy."),
	One("Concealed", "confd_concealed_samples_total", "Samples made up because nothing came in time."),
	One("Cuts", "confd_jitter_buffer_cuts_total", "Times that a jitter buffer gave up too much delay at once."),
	One("Restarts", "confd_rtp_stream_restarts_total", "Streams that began anew within a call: another SSRC or rate, a leap of sequence or timestamp."),
}

// mixerFigures are those of mixer.Stats.
var mixerFigures = []Figure{
	One("Late", "confd_tick_lateness_seconds", "By how much ticks began after they were due."),
	One("Busy", "confd_tick_duration_seconds", "How long one pass over the rooms of a phase took."),
	By("stage", "confd_tick_stage_duration_seconds", "How long each stage of a pass took, of one in 16.", stageFields()),
	One("Inputs", "confd_mixer_inputs", "Sources that are mixed."),
	One("Ticks", "confd_ticks_total", "Ticks of rooms."),
	One("Rebased", "confd_ticks_given_up_total", "Periods left out because the machine was too late for them."),
	One("Splits", "confd_ticks_split_total", "Of the ticks, those that several threads did together."),
	One("HelperWakes", "confd_mixer_helpers_woken_total", "Times that a mixing thread was woken to help the one that owns the rooms."),
	One("Helped", "confd_mixer_helped_seconds_total", "Time that mixing threads spent helping."),
	One("Batches", "confd_rtp_batches_total", "Batches of RTP packets given to the kernel at once (audio.io_uring)."),
	One("Batched", "confd_rtp_packets_batched_total", "RTP packets in such batches; none where the system has no io_uring."),
	One("Unbatched", "confd_rtp_packets_unbatched_total", "RTP packets sent one by one because the kernel refused a batch."),
	One("Panics", "confd_mixer_panics_total", "Faults of the mixer's own, each of which ended a room."),
	One("Decoded", "confd_packets_decoded_total", "Payloads decoded, those among them that only ready a decoder or tell how loud somebody is."),
	One("Encoded", "confd_packets_encoded_total", "Payloads encoded, each for one listener or many."),
	One("EncodeErrors", "confd_encode_errors_total", "Payloads that could not be encoded."),
}

func stageFields() map[string]string {
	fields := make(map[string]string, len(mixer.StageNames))
	for i, name := range mixer.StageNames {
		fields[name] = "Stages." + strconv.Itoa(i)
	}
	return fields
}

// loadFigures are those of mixer.Load.
var loadFigures = []Figure{
	One("Used", "confd_mixer_load_ratio", "Share of its time that the busiest mixing thread is at work, 0 to 1."),
	One("Late", "confd_tick_lateness_now_seconds", "By how much ticks begin late now, smoothed."),
}
