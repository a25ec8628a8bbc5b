package guard

// Reason says what was wrong with a message or connection. Each has a counter.
type Reason uint8

// The reasons. Those that Check finds come first.
const (
	OK Reason = iota
	NotSIP
	BadStartLine
	BadMethod
	MethodCase
	BadRequestURI
	UnknownScheme
	BadVersion
	BadStatus
	BadHeaderLine
	ControlCharacter
	HeaderTooLong
	TooManyHeaders
	HeadersTooLarge
	NoHeaderEnd
	MissingVia
	MissingFrom
	MissingTo
	MissingCallID
	MissingCSeq
	BadVia
	BadBranch
	BadFrom
	NoFromTag
	BadTo
	BadCallID
	BadCSeq
	CSeqMismatch
	BadMaxForwards
	BadContentLength
	NoContentLength
	BodyShort
	BadContentType
	NoContentType
	BadContact
	BadRoute
	BadRefer
	TooManyVia
	TooManyContact
	TooManyRoute
	ResponseVia
	MessageTooLarge
	MessageRate
	CallFlood
	KeepAlive
	ConnectionsTotal
	ConnectionsSource
	StreamMemory
	FirstMessageTimeout
	MessageTimeout
	IdleTimeout
	Malformed
	NulBody
	SocketError
	reasonCount
)

type reasonText struct{ name, phrase string }

var reasons = [reasonCount]reasonText{
	OK:                  {"ok", ""},
	NotSIP:              {"not_sip", "Not a SIP message"},
	BadStartLine:        {"start_line", "Malformed request line, expected METHOD SP Request-URI SP SIP/2.0"},
	BadMethod:           {"method", "Method is not a token"},
	MethodCase:          {"method_case", "Methods are case-sensitive"},
	BadRequestURI:       {"request_uri", "Malformed Request-URI"},
	UnknownScheme:       {"scheme", "Only sip and sips Request-URIs are supported"},
	BadVersion:          {"version", "Only SIP/2.0 is supported"},
	BadStatus:           {"status_line", "Malformed status line"},
	BadHeaderLine:       {"header_line", "Malformed header line, expected name: value"},
	ControlCharacter:    {"control_character", "Control character in header"},
	HeaderTooLong:       {"header_too_long", "Header line too long"},
	TooManyHeaders:      {"too_many_headers", "Too many header lines"},
	HeadersTooLarge:     {"headers_too_large", "Header section too large"},
	NoHeaderEnd:         {"no_header_end", "No empty line after the headers"},
	MissingVia:          {"missing_via", "Via missing"},
	MissingFrom:         {"missing_from", "From missing"},
	MissingTo:           {"missing_to", "To missing"},
	MissingCallID:       {"missing_call_id", "Call-ID missing"},
	MissingCSeq:         {"missing_cseq", "CSeq missing"},
	BadVia:              {"via", "Malformed Via"},
	BadBranch:           {"branch", "Via branch is empty behind its z9hG4bK"},
	BadFrom:             {"from", "Malformed or repeated From"},
	NoFromTag:           {"from_tag", "From has no tag"},
	BadTo:               {"to", "Malformed or repeated To"},
	BadCallID:           {"call_id", "Malformed or repeated Call-ID"},
	BadCSeq:             {"cseq", "Malformed or repeated CSeq, expected a number below 2^31 and a method"},
	CSeqMismatch:        {"cseq_method", "CSeq method is not the method of the request"},
	BadMaxForwards:      {"max_forwards", "Malformed or repeated Max-Forwards, expected 0 to 255"},
	BadContentLength:    {"content_length", "Malformed or repeated Content-Length"},
	NoContentLength:     {"no_content_length", "Content-Length missing on a stream"},
	BodyShort:           {"body_short", "Body shorter than Content-Length"},
	BadContentType:      {"content_type", "Malformed or repeated Content-Type"},
	NoContentType:       {"no_content_type", "Body without Content-Type"},
	BadContact:          {"contact", "Malformed Contact"},
	BadRoute:            {"route", "Malformed Route or Record-Route"},
	BadRefer:            {"refer", "Malformed Refer-To or Referred-By"},
	TooManyVia:          {"too_many_via", "Too many Via values"},
	TooManyContact:      {"too_many_contact", "Too many Contact values"},
	TooManyRoute:        {"too_many_route", "Too many Route or Record-Route values"},
	ResponseVia:         {"response_via", "Response with more than one Via"},
	MessageTooLarge:     {"message_too_large", "Message too large"},
	MessageRate:         {"message_rate", "Too many messages"},
	CallFlood:           {"call_flood", "Too many calls"},
	KeepAlive:           {"keep_alive", "Keep-alive"},
	ConnectionsTotal:    {"connections_total", "Too many connections"},
	ConnectionsSource:   {"connections_source", "Too many connections from this source"},
	StreamMemory:        {"stream_memory", "Too many unfinished messages"},
	FirstMessageTimeout: {"first_message_timeout", "No message in time"},
	MessageTimeout:      {"message_timeout", "Message not finished in time"},
	IdleTimeout:         {"idle_timeout", "Connection idle"},
	Malformed:           {"malformed_connection", "Too many malformed messages on this connection"},
	NulBody:             {"nul_body", "Body of zeros"},
	SocketError:         {"socket_error", "Socket error"},
}

// String returns the reason's short name: lower case and underscores, for a metrics label.
func (r Reason) String() string {
	if r >= reasonCount {
		return "unknown"
	}
	return reasons[r].name
}

// status returns the code that answers a request with this fault.
func (r Reason) status() int {
	switch r {
	case BadVersion:
		return 505
	case UnknownScheme:
		return 416
	case MethodCase:
		return 501
	case MessageTooLarge, HeadersTooLarge, HeaderTooLong, TooManyHeaders, TooManyVia, TooManyContact, TooManyRoute:
		return 513
	}
	return 400
}

func statusLine(status int) string {
	switch status {
	case 416:
		return "SIP/2.0 416 Unsupported URI Scheme - "
	case 501:
		return "SIP/2.0 501 Not Implemented - "
	case 505:
		return "SIP/2.0 505 Version Not Supported - "
	case 513:
		return "SIP/2.0 513 Message Too Large - "
	}
	return "SIP/2.0 400 Bad Request - "
}
