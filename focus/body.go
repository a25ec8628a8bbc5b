package focus

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"strings"

	"github.com/emiago/sipgo/sip"
)

const (
	typeSDP       = "application/sdp"
	typeDTMFRelay = "application/dtmf-relay"
	typeDTMF      = "application/dtmf"

	maxParts     = 16 // of one multipart body
	maxPartDepth = 2  // multipart within multipart
	maxPartBytes = 64 << 10
)

// bodied is a request or a response.
type bodied interface {
	headerer
	Body() []byte
}

// errUnsupportedBody is a body of a type that we do not read (415).
var errUnsupportedBody = errors.New("unsupported body")

// mediaType returns the type of a message's body in lower case, with its parameters, and
// "" if there is no Content-Type.
func mediaType(m headerer) (string, map[string]string, error) {
	v, ok := value(m, "content-type", "c")
	if !ok {
		return "", nil, nil
	}
	typ, params, err := mime.ParseMediaType(v)
	if err != nil && typ == "" {
		return "", nil, fmt.Errorf("Content-Type %q cannot be read: %w", v, err)
	}
	return typ, params, nil
}

// isOptional reports whether the sender lets us ignore the body (RFC 3261 section 20.11).
func isOptional(m headerer) bool {
	v, _ := value(m, "content-disposition")
	_, params, err := mime.ParseMediaType(v)
	return err == nil && strings.EqualFold(params["handling"], "optional")
}

// sdpOf returns the session description in a message, nil if it has none. A body that is
// something else, and must be understood, is errUnsupportedBody.
func sdpOf(req bodied) ([]byte, error) {
	body := req.Body()
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, nil
	}
	if enc, ok := value(req, "content-encoding", "e"); ok && enc != "" && !strings.EqualFold(enc, "identity") {
		return nil, fmt.Errorf("%w: Content-Encoding %q; send the body as it is", errUnsupportedBody, enc)
	}
	typ, params, err := mediaType(req)
	if err != nil {
		return nil, err
	}
	switch {
	case typ == typeSDP, typ == "" && bytes.HasPrefix(body, []byte("v=")):
		return body, nil
	case strings.HasPrefix(typ, "multipart/"):
		sdp, err := sdpInParts(body, params["boundary"], 1)
		if err != nil || sdp != nil {
			return sdp, err
		}
	}
	if isOptional(req) {
		return nil, nil
	}
	return nil, fmt.Errorf("%w: %q; send application/sdp", errUnsupportedBody, typ)
}

// sdpInParts returns the first session description in a multipart body (RFC 5621), nil if
// there is none.
func sdpInParts(body []byte, boundary string, depth int) ([]byte, error) {
	if boundary == "" {
		return nil, fmt.Errorf("a multipart body needs a boundary parameter in Content-Type")
	}
	r := multipart.NewReader(bytes.NewReader(body), boundary)
	for range maxParts {
		part, err := r.NextRawPart()
		if err == io.EOF {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("the multipart body cannot be read: %w", err)
		}
		typ, params, err := mime.ParseMediaType(part.Header.Get("Content-Type"))
		if err != nil {
			continue
		}
		isParts := strings.HasPrefix(typ, "multipart/") && depth < maxPartDepth
		if typ != typeSDP && !isParts {
			continue
		}
		data, err := io.ReadAll(io.LimitReader(part, maxPartBytes))
		if err != nil {
			return nil, fmt.Errorf("the multipart body cannot be read: %w", err)
		}
		if typ == typeSDP {
			return data, nil
		}
		if sdp, err := sdpInParts(data, params["boundary"], depth+1); err != nil || sdp != nil {
			return sdp, err
		}
	}
	return nil, fmt.Errorf("a multipart body may have at most %d parts", maxParts)
}

// bodyStatus is the refusal that an error of sdpOf amounts to.
func bodyStatus(err error) *status {
	if errors.Is(err, errUnsupportedBody) {
		return refusal(sip.StatusUnsupportedMediaType, err.Error(),
			sip.NewHeader("Accept", acceptValue), sip.NewHeader("Accept-Encoding", "identity"))
	}
	return refusal(sip.StatusBadRequest, err.Error())
}
