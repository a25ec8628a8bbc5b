package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// Limits of an event stream.
const (
	silence = 45 * time.Second // without a byte it is dead: the server says something every 15 s
	maxLine = 64 << 20         // bytes; a snapshot is one line
)

// ErrBroken is an event stream that ended. It may be taken up again where it was.
var ErrBroken = errors.New("the event stream broke off")

// Watch follows an event stream and hands over each event, as JSON, until take fails, which
// is the error then, ctx ends, the server refuses (*Error), or the stream breaks
// ([ErrBroken]).
func (c *Client) Watch(ctx context.Context, path string, query url.Values, take func(json.RawMessage) error) error {
	alive, cancel := context.WithCancel(ctx)
	defer cancel()
	dead := time.AfterFunc(silence, cancel)
	defer dead.Stop()
	resp, err := c.open(alive, c.long, http.MethodGet, path, query, "", nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10)) // what came is enough
		return errorOf(resp, text)
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		dead.Reset(silence)
		data, ok := bytes.CutPrefix(lines.Bytes(), []byte("data:"))
		if !ok {
			continue // comments, and what is in the data, too
		}
		if !json.Valid(data) {
			return fmt.Errorf("%w: %s sends something that is no JSON", ErrBroken, c.base)
		}
		if err := take(bytes.Clone(bytes.TrimSpace(data))); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return errors.Join(ErrBroken, lines.Err())
}
