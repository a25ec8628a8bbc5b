package webhook

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// verdict is what an outcome means for a delivery.
type verdict uint8

const (
	taken    verdict = iota // 2xx
	again                   // may work later
	rejected                // will not work later either
	gone                    // 410: the endpoint wants nothing any more
)

func (o outcome) verdict() verdict {
	switch {
	case o.refused:
		return rejected
	case o.err != nil:
		return again
	case o.status >= 200 && o.status < 300:
		return taken
	case o.status == http.StatusGone:
		return gone
	case o.status == http.StatusRequestTimeout, o.status == http.StatusTooEarly,
		o.status == http.StatusTooManyRequests, o.status >= 500 && o.status < 600:
		return again
	}
	return rejected
}

// message says what was wrong, for people.
func (o outcome) message() string {
	switch {
	case o.err != nil:
		return clip(o.err.Error(), 300)
	case o.verdict() == taken:
		return ""
	case o.status >= 300 && o.status < 400:
		return fmt.Sprintf("the endpoint answered %d; only 307 and 308 redirects are followed", o.status)
	}
	return clip(fmt.Sprintf("the endpoint answered %d %s", o.status, http.StatusText(o.status)), 300)
}

// maxRetryAfter is the longest pause that an endpoint can ask for.
const maxRetryAfter = 12 * time.Hour

// parseRetryAfter returns how long to wait: seconds or a date (RFC 9110 section 10.2.3), at
// most maxRetryAfter, 0 for anything else.
func parseRetryAfter(s string, now time.Time) time.Duration {
	if n, err := strconv.ParseUint(s, 10, 31); err == nil {
		return min(time.Duration(n)*time.Second, maxRetryAfter)
	}
	at, err := http.ParseTime(s)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), maxRetryAfter)
}

// backoff returns the pause after so many attempts, 1 and up, that failed: by the schedule,
// whose last entry repeats, a fifth more or less so that what failed together does not come
// back together.
func backoff(schedule []time.Duration, attempts int) time.Duration {
	d := schedule[min(attempts, len(schedule))-1]
	return time.Duration(float64(d) * (0.8 + 0.4*rand.Float64()))
}
