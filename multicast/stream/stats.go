package stream

import (
	"runtime"
	"sync/atomic"

	"github.com/confd/confd/multicast/socket"
	"github.com/confd/confd/transport"
)

// Stats are a stream's counters since it began.
type Stats struct {
	SSRC        uint32 // at present
	Packets     uint64 // sent
	Octets      uint64 // of their payloads
	Suppressed  uint64 // packet times that were not sent because nobody contributed
	Failed      uint64 // not sent: the system refused it, or the key is used up
	Busy        uint64 // not sent: the socket or the interface had no room
	Unreachable uint64 // not sent: the interface was down, or its address gone
	Oversize    uint64 // not sent: the payload alone is longer than a packet may be
	Trimmed     uint64 // packets that do not list everyone
	Unrepeated  uint64 // payloads that there was no room to send again
	TimeSteps   uint64 // times that media time ran backwards
	Forgotten   uint64 // packets that the history had no room for
	Sources     uint64 // changes of SSRC
}

type counters struct {
	packets, octets, suppressed, failed, busy, refused, oversize,
	trimmed, unrepeated, timeSteps atomic.Uint64
}

// lost counts a packet that the socket did not take.
func (c *counters) lost(v socket.Verdict) {
	switch v {
	case socket.Busy:
		c.busy.Add(1)
	case socket.Refused:
		c.refused.Add(1)
	default:
		c.failed.Add(1)
	}
}

// Stats returns the counters. Any goroutine may call it.
func (s *Stream) Stats() Stats {
	c := &s.count
	st := Stats{
		SSRC: s.report.ssrc.Load(), Packets: c.packets.Load(), Octets: c.octets.Load(),
		Suppressed: c.suppressed.Load(), Failed: c.failed.Load(), Busy: c.busy.Load(), Unreachable: c.refused.Load(),
		Oversize: c.oversize.Load(), Trimmed: c.trimmed.Load(), Unrepeated: c.unrepeated.Load(),
		TimeSteps: c.timeSteps.Load(), Sources: s.sources.Load(),
	}
	if s.ring != nil {
		st.Forgotten = s.ring.Dropped()
	}
	return st
}

// published is what reports say, read whole while it is written: the version is odd during
// a write, and a reader that saw it change reads again.
type published struct {
	version         atomic.Uint32
	ssrc, stamp     atomic.Uint32
	packets, octets atomic.Uint32
	at              atomic.Int64
}

// write is the media thread's.
func (p *published) write(v *voice, stamp uint32, now int64) {
	p.version.Add(1)
	p.ssrc.Store(v.ssrc)
	p.stamp.Store(stamp)
	p.packets.Store(v.packets)
	p.octets.Store(v.octets)
	p.at.Store(now)
	p.version.Add(1)
}

func (p *published) read() transport.SenderInfo {
	for {
		version := p.version.Load()
		info := transport.SenderInfo{
			SSRC: p.ssrc.Load(), Timestamp: p.stamp.Load(), SentAt: p.at.Load(),
			Packets: p.packets.Load(), Octets: p.octets.Load(),
		}
		if version&1 == 0 && p.version.Load() == version {
			return info
		}
		runtime.Gosched()
	}
}
