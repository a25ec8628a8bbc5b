package ingress

import "time"

// Layers of which bitrates are told apart; what is higher counts with the highest.
const (
	TemporalLayers = 4
	SpatialLayers  = 4
)

const (
	buckets    = 8
	bucketTime = second / buckets
	headerSize = 12 // of RTP
)

// Rates are bitrates of the last second by temporal and spatial layer, each alone, in bits/s
// of RTP packets (with headers, which are taken to have 12 bytes; without UDP and IP).
type Rates [TemporalLayers][SpatialLayers]uint64

// UpTo returns the bitrate of a temporal and a spatial layer and all below them. UpTo(255, 255)
// is the whole.
func (r *Rates) UpTo(temporal, spatial uint8) (sum uint64) {
	for t := range min(int(temporal)+1, TemporalLayers) {
		for s := range min(int(spatial)+1, SpatialLayers) {
			sum += r[t][s]
		}
	}
	return sum
}

// meter counts bytes over a sliding window of a second.
type meter struct {
	bytes [buckets][TemporalLayers][SpatialLayers]uint32
	now   int64 // number of the current bucket
	began int64 // of the first
	rates Rates

	// The layers of the current picture: an AV1 packet that goes on with what the one before
	// began does not tell them.
	stamp             uint32
	temporal, spatial uint8
}

func (m *meter) add(p *slot) {
	m.turn(p.arrival / bucketTime)
	if p.Timestamp != m.stamp {
		m.stamp, m.temporal, m.spatial = p.Timestamp, 0, 0
	}
	m.temporal, m.spatial = max(m.temporal, p.Info.Temporal), max(m.spatial, p.Info.Spatial)
	m.bytes[uint64(m.now)%buckets][min(m.temporal, TemporalLayers-1)][min(m.spatial, SpatialLayers-1)] += uint32(len(p.Payload) + headerSize)
}

// turn empties the buckets that time has passed over. Time that runs backwards counts with
// the current bucket.
func (m *meter) turn(to int64) {
	if m.began == 0 {
		m.began, m.now = to, to
	}
	if to-m.now > buckets {
		m.now = to - buckets
	}
	for ; m.now < to; m.now++ {
		m.bytes[uint64(m.now+1)%buckets] = [TemporalLayers][SpatialLayers]uint32{}
	}
}

// read returns the bitrates over the buckets there are, the current one among them as far as
// it has passed.
func (m *meter) read(now int64) *Rates {
	m.rates = Rates{}
	if m.began == 0 {
		return &m.rates
	}
	m.turn(now / bucketTime)
	passed := now - m.now*bucketTime
	span := min(m.now-m.began, buckets-1)*bucketTime + min(max(passed, bucketTime/2), bucketTime)
	for i := range m.bytes {
		for t := range m.rates {
			for s := range m.rates[t] {
				m.rates[t][s] += uint64(m.bytes[i][t][s]) * 8 * uint64(second) / uint64(span)
			}
		}
	}
	return &m.rates
}

// Bitrates returns what the source has sent of late. It is valid until the next call.
func (s *Stream) Bitrates(now int64) *Rates { return s.meter.read(now) }

// keys remember when key frames came, and how large pictures are.
type keys struct {
	at, interval  int64
	stamp         uint32
	width, height uint16
}

// note takes a packet that was stored. The interval is smoothed over some four key frames.
func (k *keys) note(p *slot) {
	if !p.Info.Key || k.at > 0 && p.Timestamp == k.stamp {
		return
	}
	if gap := p.arrival - k.at; k.at > 0 && gap > 0 {
		if k.interval == 0 {
			k.interval = gap
		}
		k.interval += (gap - k.interval) / 4
	}
	k.at, k.stamp = p.arrival, p.Timestamp
}

// KeyFrameAt returns when the first packet of the newest key frame came, which may not be
// whole yet; 0 if there was none.
func (s *Stream) KeyFrameAt() int64 { return s.keys.at }

// KeyInterval returns how far apart key frames have been of late, 0 before the second.
func (s *Stream) KeyInterval() time.Duration { return time.Duration(s.keys.interval) }

// Size returns the width and height that the source told last, in pixels, 0 if it did not.
func (s *Stream) Size() (width, height uint16) { return s.keys.width, s.keys.height }
