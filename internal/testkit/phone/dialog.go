package phone

import (
	"crypto/rand"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// dialog is the state of RFC 3261 section 12, on the caller's side.
type dialog struct {
	wire     wire
	user     string
	uri      string // called
	callID   string
	localTag string

	remote string // To with the tag, once there is one
	target string // remote target, from the answer's Contact
	routes []string
	next   netip.AddrPort // where requests go
	cseq   uint32
}

func newDialog(w wire, o *Options, to netip.AddrPort) *dialog {
	return &dialog{
		wire: w, user: o.User, uri: o.URI, next: to, cseq: 1,
		callID: token() + "@" + w.local().Addr().String(), localTag: token(),
		remote: "<" + o.URI + ">", target: o.URI,
	}
}

func token() string {
	return strings.ToLower(rand.Text()[:16])
}

func newBranch() string { return "z9hG4bK" + token() }

func (d *dialog) contact() string {
	transport := ""
	if d.wire.name() != "UDP" {
		transport = ";transport=" + strings.ToLower(d.wire.name())
	}
	return fmt.Sprintf("<sip:%s@%s%s>", d.user, d.wire.local(), transport)
}

// build writes a request. ACK and CANCEL reuse the CSeq number that they are given.
func (d *dialog) build(method, branch string, cseq uint32, lines []string, contentType string, body string) []byte {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
	line("%s %s SIP/2.0", method, d.target)
	line("Via: SIP/2.0/%s %s;branch=%s;rport", d.wire.name(), d.wire.local(), branch)
	for _, r := range d.routes {
		line("Route: %s", r)
	}
	line("Max-Forwards: 70")
	line("From: <sip:%s@%s>;tag=%s", d.user, uriHost(d.wire.local().Addr()), d.localTag)
	line("To: %s", d.remote)
	line("Call-ID: %s", d.callID)
	line("CSeq: %d %s", cseq, method)
	line("Contact: %s", d.contact())
	line("User-Agent: testkit")
	if method == "INVITE" {
		line("Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO")
	}
	for _, l := range lines {
		line("%s", l)
	}
	if contentType != "" && body != "" {
		line("Content-Type: %s", contentType)
	}
	line("Content-Length: %d", len(body))
	b.WriteString("\r\n")
	b.WriteString(body)
	return []byte(b.String())
}

// uriHost writes an address as the host of a URI.
func uriHost(a netip.Addr) string {
	if a.Is6() {
		return "[" + a.String() + "]"
	}
	return a.String()
}

// established takes tag, target and routes from a 2xx.
func (d *dialog) established(res *sip.Response) error {
	to := res.To()
	if to == nil {
		return fmt.Errorf("the answer has no To:\n%s", res)
	}
	if _, tagged := to.Params.Get("tag"); !tagged {
		return fmt.Errorf("the answer's To has no tag:\n%s", res)
	}
	d.remote = to.Value()
	contact := res.Contact()
	if contact == nil {
		return fmt.Errorf("the answer has no Contact:\n%s", res)
	}
	d.target = contact.Address.String()
	d.routes = nil
	for _, h := range res.GetHeaders("Record-Route") {
		d.routes = append([]string{h.Value()}, d.routes...)
	}
	hop := contact.Address
	if len(d.routes) > 0 {
		if err := sip.ParseUri(strings.Trim(d.routes[0], "<>"), &hop); err != nil {
			return err
		}
	}
	next, err := resolve(hop)
	if err != nil {
		return fmt.Errorf("the answer's Contact %s: %w", d.target, err)
	}
	d.next = next
	return nil
}

// respond writes the response to a request of the peer's.
func (d *dialog) respond(req *sip.Request, status int, reason string, lines []string, body string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "SIP/2.0 %d %s\r\n", status, reason)
	for _, name := range []string{"Via", "From", "To", "Call-ID", "CSeq", "Record-Route"} {
		for _, h := range req.GetHeaders(name) {
			fmt.Fprintf(&b, "%s: %s\r\n", name, h.Value())
		}
	}
	fmt.Fprintf(&b, "Contact: %s\r\n", d.contact())
	for _, l := range lines {
		fmt.Fprintf(&b, "%s\r\n", l)
	}
	if body != "" {
		b.WriteString("Content-Type: application/sdp\r\n")
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
	return []byte(b.String())
}

// resolve returns the transport address of a URI that names an IP address or a host.
func resolve(u sip.Uri) (netip.AddrPort, error) {
	port := u.Port
	if port == 0 {
		port = 5060
		if transportOf(u) == "tls" {
			port = 5061
		}
	}
	host := strings.Trim(u.Host, "[]")
	ip, err := netip.ParseAddr(host)
	if err == nil {
		return netip.AddrPortFrom(ip, uint16(port)), nil
	}
	a, err := net.ResolveUDPAddr("udp", net.JoinHostPort(host, fmt.Sprint(port)))
	if err != nil {
		return netip.AddrPort{}, err
	}
	return unmapped(a), nil
}

func transportOf(u sip.Uri) string {
	if t, ok := u.UriParams.Get("transport"); ok {
		return strings.ToLower(t)
	}
	if strings.EqualFold(u.Scheme, "sips") {
		return "tls"
	}
	return "udp"
}
