package report

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// samples are reports of every kind, always the same.
func samples() map[string]*Report {
	return map[string]*Report{"one": sampleOf(1, 50, false), "many": sampleOf(400, 2000, true), "failed": failedSample(), "empty": emptySample(), "video": videoSample()}
}

// videoSample is a load with video in which one server showed the wrong picture.
func videoSample() *Report {
	s := sampleOf(3, 12, false)
	s.Options.Video = &VideoOptions{Codec: "h264", BitrateBPS: 300000, Cameras: 4, HoldMS: 2000, WithinMS: 1500}
	w := Video{
		Callers: 11, Cameras: 11, Refused: map[string]int{"port 0": 1}, SentBPS: 3.6e6, ReceivedBPS: 912e3,
		Pictures: Pictures{Sent: 4500, Due: 4500, Whole: 4480, Keys: 60, Undecodable: 3, Broken: 1, Freezes: 2, FrozenSeconds: 1.5, FrozenPercent: 0.4},
		DelayMS:  NewQuantiles([]float64{1, 2, 3, 9}), Delays: NewHistogram([]float64{1, 2, 3, 9}),
		Switches: Switches{Expected: 40, Seen: 36, Missed: 4, LateMS: NewQuantiles([]float64{600, 640, 700}), Silent: 1}, Lates: NewHistogram([]float64{600, 640, 700}),
		Seen:     Seen{Blind: 1, Wrong: 1},
		Packets:  Packets{Sent: 9000, Withheld: 30, Resent: 30, Received: 8990, Repaired: 4, Lost: 2, LossPercent: 0.022},
		Requests: Requests{KeysWanted: 2, KeysAsked: 14, NACKsSent: 3, NACKsTaken: 30, Limits: 1},
	}
	for i := range s.Rooms {
		one := w
		one.Callers, one.Cameras, one.Refused, one.Delays, one.Lates, one.Seen = 4, 4, nil, nil, nil, Seen{}
		s.Rooms[i].Video = &one
	}
	s.Rooms[1].Video.Seen, s.Video = Seen{Wrong: 1}, &w
	s.Troubled = []Caller{{Number: 4, Room: "load-1", Seat: 1, Trouble: []string{WrongPicture}}, {Number: 5, Room: "load-2", Seat: 1, Trouble: []string{Blind}}}
	for i := range s.Timeline {
		s.Timeline[i].VideoSentBPS, s.Timeline[i].VideoReceivedBPS = 3.6e6, 3.5e6
	}
	s.Verdict = s.Options.Bounds.Judge(s)
	return s
}

// emptySample is a load that was given up before its first call.
func emptySample() *Report {
	s := &Report{Began: began, Options: sampleOf(1, 50, false).Options, Machine: sampleOf(1, 50, false).Machine, Load: Self{Threads: 1}}
	s.Options.Impairments = &Impairments{BurstPackets: 1} // which is none
	s.Verdict = s.Options.Bounds.Judge(s)
	return s
}

var began = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// sampleOf is a load on so many rooms in which all was well, with a ramp or without.
func sampleOf(rooms, callers int, ramp bool) *Report {
	r := rand.New(rand.NewPCG(1, 1))
	delay := func(n int) (all []float64) {
		for range n {
			all = append(all, math.Abs(11+9*r.Float64()+0.7*r.NormFloat64()))
		}
		return all
	}
	delays := delay(4000)
	s := &Report{
		Program: "confd 1.0", Began: began, TookSeconds: 104.2,
		Options: Options{To: "sip:load@127.0.0.1:5060", Transport: "udp", Callers: callers, Rooms: rooms, Talkers: 3, Mixed: 8, Codec: "pcmu",
			PacketTimeMS: 20, CallersPerPort: 32, RatePerSecond: 50, ForSeconds: 60, Bounds: Bounds{MaxLossPercent: p(0.5), MaxDelayP99MS: p(50), MinMOS: p(4)}},
		Machine: Machine{Name: "2 x Processor, Linux 6.1, go1.26 amd64", Scheduling: "shared, nice 0", StealPercent: 0.3},
		Calls:   Calls{Tried: callers, Answered: callers, Running: callers, Failed: map[string]int{}, Statuses: map[string]int{"200": callers}},
		Server:  &Server{Source: "process 42 (confd)", CPUPercent: 0.021 * float64(callers), CPUPercentPerCaller: 0.021, RSSBytes: 90 << 20, RSSBytesPerCaller: 31000, Threads: 9},
		Load:    Self{CPUPercent: 14.2, LateP99MS: 0.21, Threads: 8},
	}
	setups := make([]float64, callers)
	for i := range setups {
		setups[i] = 2 + r.ExpFloat64()
	}
	s.Calls.SetupMS, s.Calls.Setups = NewQuantiles(setups), NewHistogram(setups)
	s.Delays = NewHistogram(delays)
	s.Total = Quality{
		Media:    Media{Sent: 3000 * callers, Received: 3000*callers - 4, Lost: 4, LossPercent: 400.0 / float64(3000*callers), BurstRatio: 1, JitterMeanMS: 0.2, JitterMaxMS: 1.4},
		DelayMS:  NewQuantiles(delays),
		Heard:    Heard{Expected: 25 * rooms, Heard: 25 * rooms, Crowded: 4, CrowdHeard: 3, PlacesDueSeconds: 31, PlacesHeardSeconds: 30.8},
		Verified: Verified{BySound: 4 * rooms, ByPayload: callers - 4*rooms},
		Sound:    Sound{Level: Level{20 * rooms, -0.6, -0.1, 0.4}},
		MOS:      &MOS{4.38, 4.4, 4.4},
	}
	for i := range rooms {
		room := Room{Name: fmt.Sprintf("load-%d", i), Callers: callers / rooms, Talkers: 3, Quality: s.Total}
		room.DelayMS = NewQuantiles(delay(30))
		room.Heard = Heard{Expected: 25, Heard: 25}
		room.Media.LossPercent = 0
		s.Rooms = append(s.Rooms, room)
	}
	for t := range 100 {
		n := min(callers, 50*t)
		s.Timeline = append(s.Timeline, Moment{AtSeconds: float64(t), Callers: n, LossPercent: max(0, 0.02*r.NormFloat64()-0.03), DelayP50MS: 15 + r.Float64(),
			DelayP99MS: 20 + 2*r.Float64(), MOS: 4.4, ServerCPUPercent: 0.021*float64(n) + r.Float64(), ServerRSSBytes: 30<<20 + 31000*int64(n), LateP99MS: 0.2})
	}
	if ramp {
		s.Ramp = &Ramp{Capacity: 1800, Bound: BoundDelay}
		for n := 200; n <= 2000; n += 200 {
			s.Ramp.Steps = append(s.Ramp.Steps, Step{Callers: n, HeldSeconds: 10, DelayP50MS: 15 + float64(n)/1000, DelayP99MS: 20 + math.Exp(float64(n)/550),
				MinMOS: 4.4 - float64(n)/1e4, ServerCPUPercent: 0.021 * float64(n), ServerRSSBytes: 30<<20 + 31000*int64(n), LateP99MS: 0.2})
		}
		s.Ramp.Steps[9].Broken = []string{BoundDelay}
	}
	s.Verdict = s.Options.Bounds.Judge(s)
	return s
}

// failedSample is a load on which everything went wrong, and whose names mean harm.
func failedSample() *Report {
	s := sampleOf(12, 120, false)
	s.Options.To = "sip:<script>alert(1)</script>\x1b[31m@\u202eexample"
	s.Options.Impairments = &Impairments{LossPercent: 2, BurstPackets: 3, JitterMS: 15, ReorderPercent: 0.5, DriftPPM: 50, DTX: true}
	s.Options.Continuous = true
	s.Calls = Calls{Tried: 120, Answered: 101, Running: 97, Failed: map[string]int{"busy": 12, "no-answer": 7, "dropped": 4}, Statuses: map[string]int{"200": 101, "486": 12},
		SetupMS: s.Calls.SetupMS, Setups: s.Calls.Setups}
	s.Total.Media.Lost, s.Total.Media.LossPercent, s.Total.Media.Withheld = 9000, 2.44, 7100
	s.Total.Heard = Heard{Expected: 300, Heard: 250, Missed: 50, Unexpected: 3, Own: 2, UnheardCallers: 2, DeafCallers: 11, OwnCallers: 1, UnexpectedCallers: 3}
	s.Total.Sound.Gaps, s.Total.Sound.Clicks, s.Total.Sound.Clipped = 17, 1, 4
	s.Total.MOS = &MOS{1.2, 2.8, 4.2}
	s.Total.Verified.Not = 5
	s.Delays.Beyond = 3
	s.Rooms[7].Heard.DeafCallers, s.Rooms[3].Media.LossPercent, s.Rooms[5].Heard.Missed = 11, 12, 4
	s.Rooms[9].MOS, s.Rooms[9].DelayMS = nil, Quantiles{}
	for i := range 11 {
		s.Troubled = append(s.Troubled, Caller{Number: 10*i + 7, Room: "load-7", Seat: i, Talker: i < 3, Trouble: []string{Deaf}})
	}
	s.Troubled = append(s.Troubled, Caller{Number: 118, Room: `load-"&'`, Seat: 9, Trouble: []string{OwnVoice, Unexpected}})
	s.Server = nil
	s.Verdict = s.Options.Bounds.Judge(s)
	return s
}
