// Package dial places the calls of the load generator: plain SIP over UDP on loopback,
// as a phone would, for callers whose media is elsewhere.
package dial

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

// Line is a SIP socket from which any number of calls can be made.
type Line struct {
	agent   *sipgo.UserAgent
	conn    *net.UDPConn
	dialogs sipgo.DialogUA
	dropped atomic.Int64
	serving chan error
}

// Open listens on a free UDP port of 127.0.0.1.
func Open() (*Line, error) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	own := conn.LocalAddr().(*net.UDPAddr)
	l := &Line{conn: conn, serving: make(chan error, 1)}
	if err := l.build(own); err != nil {
		return nil, errors.Join(fmt.Errorf("dial: %w", err), conn.Close())
	}
	server, err := sipgo.NewServer(l.agent)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("dial: %w", err), conn.Close())
	}
	server.OnBye(func(r *sip.Request, tx sip.ServerTransaction) {
		l.dropped.Add(1)
		l.accept(r, tx)
	})
	server.OnOptions(l.accept)
	listener := &announcer{PacketConn: conn, reading: make(chan struct{})}
	go func() { l.serving <- server.ServeUDP(listener) }()
	<-listener.reading
	return l, nil
}

// announcer tells when its first read begins: by then sipgo knows the socket. Before, it
// would open another one for requests, on the same port.
type announcer struct {
	net.PacketConn
	once    sync.Once
	reading chan struct{}
}

func (a *announcer) ReadFrom(p []byte) (int, net.Addr, error) {
	a.once.Do(func() { close(a.reading) })
	return a.PacketConn.ReadFrom(p)
}

func (l *Line) build(own *net.UDPAddr) error {
	var err error
	quiet := slog.New(slog.DiscardHandler) // what fails is returned; retransmissions are no news
	l.agent, err = sipgo.NewUA(sipgo.WithUserAgent("confd-bench"),
		sipgo.WithUserAgentTransactionLayerOptions(sip.WithTransactionLayerLogger(quiet),
			sip.WithTransactionLayerUnhandledResponseHandler(func(*sip.Response) {})),
		sipgo.WithUserAgentTransportLayerOptions(sip.WithTransportLayerLogger(quiet)))
	if err != nil {
		return err
	}
	client, err := sipgo.NewClient(l.agent,
		sipgo.WithClientAddr(own.String()), sipgo.WithClientConnectionAddr(own.String()))
	if err != nil {
		return err
	}
	contact := sip.Uri{Scheme: "sip", User: "bench", Host: own.IP.String(), Port: own.Port}
	l.dialogs = sipgo.DialogUA{Client: client, ContactHDR: sip.ContactHeader{Address: contact}}
	return nil
}

func (l *Line) accept(r *sip.Request, tx sip.ServerTransaction) {
	// Should the answer be lost, the server asks again.
	_ = tx.Respond(sip.NewResponseFromRequest(r, sip.StatusOK, "OK", nil))
}

// Dropped returns how many calls the other side has ended.
func (l *Line) Dropped() int { return int(l.dropped.Load()) }

// Close ends the line, but not its calls.
func (l *Line) Close() error {
	err := errors.Join(l.agent.Close(), l.conn.Close())
	<-l.serving // its error says that the socket was closed
	return err
}

// Options asks the server at to, a SIP URI, whether it is there.
func (l *Line) Options(ctx context.Context, to string) error {
	var uri sip.Uri
	if err := sip.ParseUri(to, &uri); err != nil {
		return fmt.Errorf("dial: OPTIONS to %q: %w", to, err)
	}
	r, err := l.dialogs.Client.Do(ctx, sip.NewRequest(sip.OPTIONS, uri))
	if err != nil {
		return fmt.Errorf("dial: OPTIONS to %s: %w", to, err)
	}
	if !r.IsSuccess() {
		return fmt.Errorf("dial: OPTIONS to %s: answered %s", to, r.Short())
	}
	return nil
}

// Call is an established call.
type Call struct {
	Media       netip.AddrPort // where the server takes RTP
	PayloadType uint8          // of the codec that was offered

	dialog *sipgo.DialogClientSession
}

// Call invites the server at to, a SIP URI, to send RTP to o's address, and waits for the
// answer.
func (l *Line) Call(ctx context.Context, to string, o Offer) (*Call, error) {
	var uri sip.Uri
	if err := sip.ParseUri(to, &uri); err != nil {
		return nil, fmt.Errorf("dial: call %q: %w", to, err)
	}
	d, err := l.dialogs.Invite(ctx, uri, o.sdp(), sip.NewHeader("Content-Type", "application/sdp"))
	if err != nil {
		return nil, fmt.Errorf("dial: call %s: %w", to, err)
	}
	if err := d.WaitAnswer(ctx, sipgo.AnswerOptions{}); err != nil {
		return nil, fmt.Errorf("dial: call %s: %w", to, err)
	}
	if err := d.Ack(ctx); err != nil {
		return nil, fmt.Errorf("dial: call %s: ACK: %w", to, err)
	}
	media, err := o.answer(d.InviteResponse.Body())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("dial: call %s: %w", to, err), d.Bye(ctx))
	}
	return &Call{Media: media, PayloadType: o.PayloadType, dialog: d}, nil
}

// Hangup ends the call.
func (c *Call) Hangup(ctx context.Context) error {
	if err := c.dialog.Bye(ctx); err != nil {
		return fmt.Errorf("dial: BYE: %w", err)
	}
	return nil
}
