//go:build linux

package fleet

import (
	"fmt"
	"net/netip"

	"github.com/confd/confd/bench/wire"
)

// post is a socket that some callers of one thread share. They send at the same time, so that
// one system call does for many of them, and who gets what comes is told by where it comes from.
type post struct {
	socket *wire.Socket
	phase  int64 // of their packets within the packet time
	from   map[wire.Peer]*caller
	due    int64 // when it is looked at next
}

const (
	// collectEvery is how often, ns, a post is looked at. The kernel notes when packets came.
	collectEvery = int64(10e6)
	// postBuffer holds what comes to a caller in some 0.3 s, as the kernel counts it.
	postBuffer = 16 << 10
)

// place returns the post of a thread's next caller, a new one if the last is full.
func (f *Fleet) place(t *thread, locals []netip.Addr) (*post, error) {
	if len(t.callers)%f.config.Sharing != 0 {
		return t.posts[len(t.posts)-1], nil
	}
	number := len(f.posts)
	s, err := listenEven(locals[number%len(locals)])
	if err != nil {
		return nil, err
	}
	p := &post{socket: s, from: make(map[wire.Peer]*caller)}
	f.posts, t.posts = append(f.posts, p), append(t.posts, p)
	p.phase = f.config.phase(float64(number) * golden)
	return p, s.Buffer(f.config.Sharing * postBuffer)
}

// reach makes a caller's packets go to an address, from which alone its own come. What it got
// from elsewhere it gets no more.
func (c *caller) reach(to netip.AddrPort) error {
	if c.post == nil {
		return c.socket.Connect(to)
	}
	if to.Addr().Unmap().Is4() != c.socket.Local().Addr().Is4() {
		return fmt.Errorf("from %v to %v: want a peer of the same IP version", c.socket.Local(), to)
	}
	c.thread.mu.Lock()
	defer c.thread.mu.Unlock()
	peer := wire.PeerOf(to)
	if o := c.post.from[peer]; o != nil && o != c {
		return fmt.Errorf("the server has caller %d at %v, too, and both share a port: want a port for each", o.number, to)
	}
	delete(c.post.from, c.peer)
	c.peer = peer
	return nil
}

// send puts a packet into the thread's outbox, which holds those of one post.
func (t *thread) send(c *caller, p *packet) {
	if t.outbox.Full() || t.posting != c.post {
		t.flush()
	}
	t.posting = c.post
	t.senders[t.outbox.Len()] = c
	t.outbox.Add(c.fill(t.outbox.Next(), p), c.peer)
}

// flush sends what is in the outbox.
func (t *thread) flush() {
	n := t.outbox.Len()
	if n == 0 {
		return
	}
	taken := t.outbox.Send(t.posting.socket)
	for i, c := range t.senders[:n] {
		c.count(t, taken>>i&1 != 0)
	}
}

// collect takes what has come to posts that are due.
func (t *thread) collect(now int64) {
	for _, p := range t.posts {
		if now < p.due {
			continue
		}
		p.due = now + collectEvery
		for n := wire.Batch; n == wire.Batch; {
			n = t.inbox.Receive(p.socket)
			for i := range n {
				t.deliver(p, i, now)
			}
		}
	}
}

// deliver gives a packet of the inbox to whom it is for.
func (t *thread) deliver(p *post, i int, now int64) {
	datagram, from, arrival := t.inbox.Packet(i)
	c := p.from[from]
	if c == nil {
		t.strays++
		return
	}
	if arrival != 0 {
		arrival -= t.offset
	}
	c.take(t, datagram, arrival, now)
}
