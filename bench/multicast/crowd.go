//go:build linux

package multicast

import (
	"container/heap"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"time"

	"github.com/pion/rtcp"

	"github.com/confd/confd/internal/clock"
	"github.com/confd/confd/internal/netlab"
	"github.com/confd/confd/multicast/feedback"
	"github.com/confd/confd/multicast/listen"
)

// Crowd is what the feedback of many receivers takes, all of whom the server knows of.
type Crowd struct {
	Receivers int     `json:"receivers"`
	Reports   int     `json:"reports"`
	Seconds   float64 `json:"seconds"`
	BitsIn    float64 `json:"rtcp_bits_per_second_in"`
	BitsOut   float64 `json:"rtcp_bits_per_second_out"`
	Estimate  int     `json:"estimate"` // of the audience, at the end
	Feedback  float64 `json:"feedback_percent"`
}

const (
	crowdStep    = 100 * time.Millisecond
	crowdAtOnce  = 100 // who report for the first time, each step
	crowdPatient = 10 * time.Second
	crowdStays   = 4 // times the window of a case, as there is less to count in each second
)

// crowd has receivers report from the lab's second host: each once, so that the server knows
// how many there are, which by their timers would take an hour, and from then on by the
// timers of RFC 3550, as listeners do. What they then send is what a real audience would.
func (run *runner) crowd(ctx context.Context) (c *Crowd, err error) {
	c = &Crowd{Receivers: run.Crowd}
	err = run.room(ctx, run.spec(), func(room string) error {
		g, err := run.server.describe(ctx, room, run.folder)
		if err != nil {
			return err
		}
		ssrc, _, err := run.group(ctx, room)
		if err != nil {
			return err
		}
		if err := c.stay(ctx, run, &people{s: g.Session, stream: ssrc}, g.bandwidth); err != nil {
			return err
		}
		_, c.Estimate, err = run.group(ctx, room)
		return err
	})
	return c, err
}

func (c *Crowd) stay(ctx context.Context, run *runner, p *people, bandwidth float64) (err error) {
	defer func() { err = errors.Join(err, p.close()) }()
	if err := run.lab.Hosts[1].Do(p.open); err != nil {
		return err
	}
	if err := p.come(ctx, c.Receivers); err != nil {
		return err
	}
	w, err := run.begin(bandwidth)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, crowdStays*run.For)
	defer cancel()
	if c.Reports, err = p.report(ctx); err != nil {
		return err
	}
	var side Side
	if err := errors.Join(w.slice(), w.end(&side)); err != nil {
		return err
	}
	c.Seconds = time.Since(w.began).Seconds()
	c.BitsIn, c.BitsOut, c.Feedback = side.BitsIn, side.BitsOut, side.Feedback
	return nil
}

// group returns a stream's SSRC, and how many the server thinks hear it.
func (run *runner) group(ctx context.Context, room string) (ssrc uint32, estimate int, err error) {
	text, err := run.server.ask(ctx, http.MethodGet, "/v1/rooms/"+room, "")
	if err != nil {
		return 0, 0, err
	}
	var r struct {
		Group struct {
			SSRC     uint32
			Audience struct{ Listeners int }
		} `json:"multicast_group"`
	}
	err = json.Unmarshal(text, &r)
	return r.Group.SSRC, r.Group.Audience.Listeners, err
}

// people are the receivers of a crowd: they have their timers, and all else in common.
type people struct {
	s      *listen.Session
	stream uint32 // its SSRC
	conn   *net.UDPConn
	group  *net.UDPConn
	size   int // of a report with the headers of UDP and IP
	news   chan feedback.GroupSize
	told   feedback.GroupSize
	due    []*person // a heap
}

type person struct {
	feedback.Timer
	ssrc uint32
	at   int64
}

func (p *people) Len() int           { return len(p.due) }
func (p *people) Less(i, j int) bool { return p.due[i].at < p.due[j].at }
func (p *people) Swap(i, j int)      { p.due[i], p.due[j] = p.due[j], p.due[i] }
func (p *people) Push(any)           { panic("nobody comes later") }
func (p *people) Pop() any           { panic("nobody goes") }

func (p *people) open() (err error) {
	if p.conn, err = net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(p.s.Target)); err != nil {
		return err
	}
	i, err := net.InterfaceByName(netlab.Interface)
	if err != nil {
		return err
	}
	if p.group, err = net.ListenMulticastUDP("udp", i, net.UDPAddrFromAddrPort(p.s.RTCP)); err != nil {
		return err
	}
	p.news = make(chan feedback.GroupSize, 64)
	return nil
}

func (p *people) close() (err error) {
	if p.conn != nil {
		err = p.conn.Close()
	}
	if p.group != nil {
		err = errors.Join(err, p.group.Close())
	}
	return err
}

// hear passes on what the sender tells about the group's size, until the socket is closed.
func (p *people) hear() {
	b := make([]byte, 2048)
	for {
		n, err := p.group.Read(b)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		c := feedback.Read(b[:max(n, 0)])
		for q, ok := c.Next(); ok; q, ok = c.Next() {
			if s, is := feedback.ReadSummary(&q); is && s.Group != nil {
				select {
				case p.news <- *s.Group:
				default: // it is told again
				}
			}
		}
	}
}

// come has each of n receivers report once, and waits until the server tells how many they
// are. Where each is in its interval is left to chance.
func (p *people) come(ctx context.Context, n int) error {
	go p.hear()
	pace := time.NewTicker(crowdStep)
	defer pace.Stop()
	for i := 0; i < n; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-pace.C:
		}
		for range min(crowdAtOnce, n-i) {
			i++
			b, err := compound(uint32(i), p.stream)
			if err != nil {
				return err
			}
			if _, err := p.conn.Write(b); err != nil {
				return fmt.Errorf("report: %w", err)
			}
			p.size = len(b) + feedback.Overhead(p.s.Target.Addr().Is6())
		}
	}
	patience := time.After(crowdPatient)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-patience:
			return fmt.Errorf("the server tells of %d receivers, want %d", p.told.Receivers, n)
		case p.told = <-p.news:
		}
		if int(p.told.Receivers) >= n {
			p.settle(n, clock.Now())
			return nil
		}
	}
}

// settle starts all timers as they would be after a few intervals.
func (p *people) settle(n int, now int64) {
	each := feedback.Interval(n, p.s.Bandwidth.Receivers, float64(p.size), feedback.Minimum)
	for i := range n {
		q := &person{ssrc: uint32(i + 1)}
		q.Bandwidth = p.s.Bandwidth
		q.Start(now-4*int64(each)-rand.Int64N(int64(each)), n, p.size)
		for q.at = q.Next(); q.at < now; q.at = q.Next() {
			if q.Due(q.at) {
				q.Sent(q.at, p.size)
			}
		}
		p.due = append(p.due, q)
	}
	heap.Init(p)
}

// report sends what is due until ctx ends, and returns how many reports it sent.
func (p *people) report(ctx context.Context) (sent int, err error) {
	for {
		select {
		case <-ctx.Done():
			return sent, nil
		case p.told = <-p.news:
			continue
		case <-time.After(time.Duration(p.due[0].at - clock.Now())):
		}
		ok, err := p.turn(p.due[0])
		if err != nil {
			return sent, err
		}
		if ok {
			sent++
		}
		heap.Fix(p, 0)
	}
}

// turn is a receiver's time to report, or to find that it may not yet.
func (p *people) turn(q *person) (sent bool, err error) {
	now := clock.Now()
	q.Members(now, int(p.told.Receivers))
	if p.told.AverageSize > 0 {
		q.Sized(int(p.told.AverageSize))
	}
	if sent = q.Due(now); sent {
		b, err := compound(q.ssrc, p.stream)
		if err != nil {
			return false, err
		}
		if _, err := p.conn.Write(b); err != nil {
			return false, fmt.Errorf("report: %w", err)
		}
		q.Sent(now, p.size)
	}
	q.at = q.Next()
	return sent, nil
}

// compound is a receiver's report about a stream.
func compound(ssrc, stream uint32) ([]byte, error) {
	return rtcp.Marshal([]rtcp.Packet{
		&rtcp.ReceiverReport{SSRC: ssrc, Reports: []rtcp.ReceptionReport{{SSRC: stream, Jitter: 30}}},
		&rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{{Source: ssrc,
			Items: []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: fmt.Sprintf("%016x", ssrc)}}}}},
	})
}
