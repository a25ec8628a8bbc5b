package api

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"

	"github.com/confd/confd/mixer"
	"github.com/confd/confd/rooms"
)

func TestMetrics(t *testing.T) {
	s := newServer(t, Config{Version: "1.2.3"})
	get(s, "GET", "/nothing")
	get(s, "GET", "/healthz")
	body := get(s, "GET", "/metrics").Body.String()
	for _, want := range []string{
		"confd_rooms 0\n", `confd_events_total{kind="digit"} 0`, `confd_events_total{kind="media.lost"} 0`, "confd_tick_lateness_seconds_count 0\n", `confd_tick_stage_duration_seconds_bucket{stage="send",le="0.000512"} 0`,
		`confd_rtp_packets_unusable_total{reason="late"} 0`, "confd_mixer_load_ratio 0\n", "confd_participants 0\n", "confd_event_subscribers_cut_total 0\n", "go_goroutines ",
		`confd_build_info{version="1.2.3"} 1`,
		`confd_http_requests_total{code="200",route="/healthz"} 1`,
		`confd_http_requests_total{code="404",route="none"} 1`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
	if problems, err := testutil.GatherAndLint(s.metrics.registry); err != nil || len(problems) > 0 {
		t.Errorf("lint: %v %v", problems, err)
	}
}

func TestHistogram(t *testing.T) {
	var h mixer.Histogram
	for _, us := range []int64{0, 1, 3, 1 << 30} {
		h.Observe(us * 1000)
	}
	s := h.Snapshot()
	var out dto.Metric
	if err := histogram(prometheus.NewDesc("x", "x", nil, nil), &s).Write(&out); err != nil {
		t.Fatal(err)
	}
	got := out.GetHistogram()
	below4 := uint64(0)
	for _, b := range got.GetBucket() {
		if b.GetUpperBound() == 4e-6 {
			below4 = b.GetCumulativeCount()
		}
	}
	if got.GetSampleCount() != 4 || below4 != 3 || got.GetSampleSum() < 1000 {
		t.Errorf("got %v", got)
	}
}

// Whatever is counted has a metric.
func TestEverythingIsTold(t *testing.T) {
	for _, c := range []struct {
		snapshot reflect.Type
		figures  []Figure
	}{
		{reflect.TypeFor[rooms.Counts](), roomFigures},
		{reflect.TypeFor[rooms.MediaTotals](), mediaFigures},
		{reflect.TypeFor[mixer.Stats](), mixerFigures},
		{reflect.TypeFor[mixer.Load](), loadFigures},
		{reflect.TypeFor[httpStats](), httpFigures},
	} {
		if untold := Untold(c.snapshot, c.figures...); len(untold) > 0 {
			t.Errorf("no metric tells %v of %v", untold, c.snapshot)
		}
	}
}

type sample struct {
	Inner
	Part  struct{ Count uint64 }
	List  [2]int
	By    map[string]uint64
	Took  time.Duration
	IsBad bool
}

// Inner is embedded.
type Inner struct{ Load float64 }

var sampleFigures = []Figure{
	One("Load", "x_load", "."), One("Part.Count", "x_part_total", "."), By("at", "x_list", ".", map[string]string{"a": "List.0", "b": "List.1"}),
	Each("key", "By", "x_by_total", "."), One("Took", "x_took_seconds", "."), One("IsBad", "x_bad", "."),
}

func TestFigures(t *testing.T) {
	c := Tell(func() sample {
		return sample{Inner{0.5}, struct{ Count uint64 }{3}, [2]int{4, 5}, map[string]uint64{"k": 6}, time.Second / 4, true}
	}, sampleFigures...)
	want := `# HELP x_bad .
# TYPE x_bad gauge
x_bad 1
# HELP x_by_total .
# TYPE x_by_total counter
x_by_total{key="k"} 6
# HELP x_list .
# TYPE x_list gauge
x_list{at="a"} 4
x_list{at="b"} 5
# HELP x_load .
# TYPE x_load gauge
x_load 0.5
# HELP x_part_total .
# TYPE x_part_total counter
x_part_total 3
# HELP x_took_seconds .
# TYPE x_took_seconds gauge
x_took_seconds 0.25
`
	if err := testutil.CollectAndCompare(c, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
	if untold := Untold(reflect.TypeFor[sample](), sampleFigures...); len(untold) > 0 {
		t.Errorf("untold: %v", untold)
	}
	if untold := Untold(reflect.TypeFor[sample](), sampleFigures[3:]...); !slices.Equal(untold, []string{"Load", "Part.Count", "List.0", "List.1"}) {
		t.Errorf("untold: %v", untold)
	}
}
