package mixer

import (
	"time"

	"github.com/confd/confd/codec"
	"github.com/confd/confd/media"
)

// digits follows the named events of one stream (RFC 4733): a digit is reported once when
// its first packet arrives and once when it ends, however many packets tell of it.
type digits struct {
	active bool
	ended  bool
	ssrc   uint32
	ts     uint32 // of the event, its identity
	code   uint8
	last   int64 // arrival of its newest packet

	silencing bool // the input is kept out of the mix: some phones send the tone as well
}

// digitTimeout ends a digit whose end was lost, ns.
const digitTimeout = int64(200e6)

func (d *digits) take(in *Input, p *media.Packet, ev codec.Event, clock uint32) {
	same := d.ssrc == p.SSRC && d.ts == p.Timestamp && (d.active || d.ended)
	if !same {
		if (d.active || d.ended) && d.ssrc == p.SSRC && int32(p.Timestamp-d.ts) < 0 && p.Arrival-d.last < stragglerTime {
			return // of an earlier event; later on it is the clock that began anew
		}
		d.finish(in, 0)
		*d = digits{active: true, silencing: true, ssrc: p.SSRC, ts: p.Timestamp, code: ev.Code}
		in.emit(Event{Kind: DigitStarted, Digit: digit(ev.Code)})
	}
	d.last = p.Arrival
	if ev.End {
		var length time.Duration
		if clock > 0 {
			length = time.Duration(ev.Duration) * time.Second / time.Duration(clock)
		}
		d.finish(in, length)
	}
}

// stragglerTime is how late a packet of an earlier event may come, ns.
const stragglerTime = int64(1e9)

// finish reports the end of the digit that is on.
func (d *digits) finish(in *Input, length time.Duration) {
	if !d.active {
		return
	}
	d.active, d.ended = false, true
	in.emit(Event{Kind: DigitEnded, Digit: digit(d.code), Duration: length})
}

// toneTail is how long after a digit its tone may still be in sound that waits, ns.
const toneTail = int64(60e6)

// watch ends a digit that went silent, and lets sound in again after one that ended.
func (d *digits) watch(in *Input, now int64) {
	if d.active && now-d.last > digitTimeout {
		d.finish(in, 0)
	}
	if !d.active && now-d.last > toneTail {
		d.silencing = false
	}
}

// digit returns the key of an event code, 0 if it is none.
func digit(code uint8) byte {
	key, _ := codec.Event{Code: code}.Digit()
	return key
}
