package phone

import (
	"slices"
	"sync"
	"time"

	"github.com/pion/rtp"
)

// Report is what was odd, or not, about the stream that the phone received.
type Report struct {
	Packets, Octets uint64 // octets of payload
	Lost            uint64 // sequence numbers that never came, between first and last
	Duplicates      uint64
	Late            uint64 // came after a later one
	SSRCChanges     uint64
	SequenceJumps   uint64 // by more than 1,000
	TimestampJumps  uint64 // unlike the sequence number's step, and no silence before it
	Undecodable     uint64
	Unauthentic     uint64 // SRTP that did not verify
	UnknownType     uint64 // payload type that was not negotiated
	NotRTP          uint64
	Markers         uint64
	ComfortNoise    uint64
	Events          uint64 // telephone-event packets
	TooLong         uint64 // over 1,400 bytes
	WidestGap       time.Duration
	SSRC            uint32
	PayloadTypes    map[uint8]uint64
	Contributors    map[uint32]uint64 // packets that named this CSRC
	Levels          map[uint8]uint64  // packets with a mixer-to-client level list, by its length
	FirstAt         time.Time
	SenderReports   uint64
	ReceiverReports uint64
	Goodbyes        uint64 // RTCP BYE
	BadRTCP         uint64
}

// recorder keeps every packet and decodes on demand, so that a phone to which nobody
// listens costs next to nothing.
type recorder struct {
	codec Codec

	mu       sync.Mutex
	grown    chan struct{} // closed and replaced whenever a packet comes
	packets  []kept
	seen     map[int64]bool // extended sequence numbers
	started  bool
	lastSeq  int64 // highest extended sequence number
	lastTS   int64 // its extended timestamp, in segment-free time
	base     int64 // added to what unwraps, since the last change of SSRC or jump
	ssrc     uint32
	lastStep int64 // timestamp units a packet
	lastAt   time.Time
	report   Report
}

type kept struct {
	seq, ts int64 // extended; ts counts from the first packet
	payload []byte
}

func newRecorder(c Codec) *recorder {
	return &recorder{
		codec: c, grown: make(chan struct{}), seen: map[int64]bool{},
		report: Report{
			PayloadTypes: map[uint8]uint64{}, Contributors: map[uint32]uint64{}, Levels: map[uint8]uint64{},
		},
	}
}

// add takes one packet; voice says that its payload is in the codec.
func (r *recorder) add(p *rtp.Packet, voice bool, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count(p, at)
	seq, ts := r.place(p, voice)
	if r.seen[seq] {
		r.report.Duplicates++
		return
	}
	r.seen[seq] = true
	if voice {
		r.packets = append(r.packets, kept{seq, ts, p.Payload})
	}
	close(r.grown)
	r.grown = make(chan struct{})
}

func (r *recorder) count(p *rtp.Packet, at time.Time) {
	s := &r.report
	s.Packets++
	s.Octets += uint64(len(p.Payload))
	s.PayloadTypes[p.PayloadType]++
	if p.Marker {
		s.Markers++
	}
	for _, c := range p.CSRC {
		s.Contributors[c]++
	}
	if s.FirstAt.IsZero() {
		s.FirstAt = at
	} else {
		s.WidestGap = max(s.WidestGap, at.Sub(r.lastAt))
	}
	r.lastAt = at
}

// place unwraps sequence number and timestamp, and counts what is out of line.
func (r *recorder) place(p *rtp.Packet, voice bool) (seq, ts int64) {
	if !r.started {
		r.started, r.ssrc = true, p.SSRC
		r.report.SSRC = p.SSRC
		r.lastSeq = int64(p.SequenceNumber)
		r.base = -int64(p.Timestamp)
		return r.lastSeq, 0
	}
	if p.SSRC != r.ssrc {
		r.report.SSRCChanges++
		r.ssrc = p.SSRC
		return r.restart(p)
	}
	step := int64(int16(p.SequenceNumber - uint16(r.lastSeq)))
	if step > 1000 || step < -1000 {
		r.report.SequenceJumps++
		return r.restart(p)
	}
	seq = r.lastSeq + step
	gone := int64(int32(p.Timestamp - uint32(r.lastTS-r.base)))
	ts = r.lastTS + gone
	if step < 0 {
		r.report.Late++
		return seq, ts
	}
	if step == 0 {
		return seq, ts
	}
	r.judge(p, voice, step, gone)
	r.lastSeq, r.lastTS = seq, ts
	return seq, ts
}

// judge compares the timestamp's step with the usual one.
func (r *recorder) judge(p *rtp.Packet, voice bool, step, gone int64) {
	if !voice || p.Marker {
		return
	}
	if r.lastStep != 0 && gone != step*r.lastStep {
		r.report.TimestampJumps++
	}
	if step == 1 && gone > 0 {
		r.lastStep = gone
	}
}

// restart continues the recording where it stands, whatever the numbers say.
func (r *recorder) restart(p *rtp.Packet) (seq, ts int64) {
	seq = r.lastSeq + 1
	// Keep the low 16 bits equal to the wire's, so that later steps are right.
	seq += int64(p.SequenceNumber-uint16(seq)) & 0xffff
	ts = r.lastTS + max(r.lastStep, 1)
	r.base = ts - int64(p.Timestamp)
	r.lastSeq, r.lastTS = seq, ts
	return seq, ts
}

// extent is how much sound has come, from the first packet to the latest's start.
func (r *recorder) extent() (d time.Duration, grown <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.duration(r.lastTS), r.grown
}

func (r *recorder) duration(ticks int64) time.Duration {
	return time.Duration(ticks * int64(time.Second) / int64(r.codec.ClockRate))
}

// warmUp is decoded and thrown away before the stretch that is asked for.
const warmUp = 400 * time.Millisecond

// sound decodes from..to, gaps filled with silence. missing is how many samples that is.
func (r *recorder) sound(from, to time.Duration) (pcm []int16, missing int, err error) {
	dec, err := newCoder(r.codec, 20*time.Millisecond)
	if err != nil {
		return nil, 0, err
	}
	r.mu.Lock()
	packets := slices.Clone(r.packets)
	r.mu.Unlock()
	slices.SortFunc(packets, func(a, b kept) int { return int(a.seq - b.seq) })
	rate := int64(r.codec.SampleRate)
	first := int64(from) * rate / int64(time.Second)
	pcm = make([]int16, int64(to)*rate/int64(time.Second)-first)
	written := make([]bool, len(pcm))
	undecodable := uint64(0)
	for _, k := range packets {
		at := r.duration(k.ts)
		if at < from-warmUp || at > to {
			continue
		}
		out, err := dec.decode(k.payload)
		if err != nil {
			undecodable++
			continue
		}
		start := k.ts*rate/int64(r.codec.ClockRate) - first
		for i, s := range out {
			if j := start + int64(i); j >= 0 && j < int64(len(pcm)) {
				pcm[j], written[j] = s, true
			}
		}
	}
	for _, w := range written {
		if !w {
			missing++
		}
	}
	r.mu.Lock()
	r.report.Undecodable = max(r.report.Undecodable, undecodable)
	r.mu.Unlock()
	return pcm, missing, nil
}

// finish returns the report with what can only be told at the end.
func (r *recorder) finish() Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.report
	if n := len(r.seen); n > 0 && s.SequenceJumps+s.SSRCChanges == 0 {
		lowest := r.lastSeq
		for q := range r.seen {
			lowest = min(lowest, q)
		}
		s.Lost = uint64(r.lastSeq - lowest + 1 - int64(n))
	}
	return s
}

// note changes a counter.
func (r *recorder) note(f func(*Report)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f(&r.report)
}
