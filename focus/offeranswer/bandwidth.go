package offeranswer

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// asOverhead is what b=AS counts of headers in the reading of RFC 8829 section 5.9: a
// twentieth, and 50 packets a second with 40 bytes.
const asOverhead = 50 * 40 * 8

// bandwidth returns what the lines b= allow, bits per second without headers below RTP's; 0 if
// they do not say. TIAS (RFC 3890) counts before AS.
func bandwidth(lines []string) int {
	var application, independent int
	for _, line := range lines {
		kind, value, _ := strings.Cut(line, ":")
		n, err := strconv.ParseUint(strings.TrimSpace(value), 10, 31)
		if err != nil {
			continue
		}
		switch strings.ToUpper(strings.TrimSpace(kind)) {
		case "AS":
			application = int(min(n, math.MaxInt32/1000)) * 1000
		case "TIAS":
			independent = int(n)
		}
	}
	if independent > 0 {
		return independent
	}
	return max(application*95/100-asOverhead, application/2)
}

// bandwidth returns what a peer can take on a line: the less of what the line and the session
// say.
func (d *description) bandwidth(m *section) int {
	line, session := bandwidth(m.bands), bandwidth(d.bands)
	if line == 0 || session != 0 && session < line {
		return session
	}
	return line
}

// bandwidthLines are our b= lines; none for 0.
func bandwidthLines(bitrate int) string {
	if bitrate <= 0 {
		return ""
	}
	return fmt.Sprintf("b=AS:%d\r\nb=TIAS:%d\r\n", ((bitrate+asOverhead)*100/95+999)/1000, bitrate)
}
