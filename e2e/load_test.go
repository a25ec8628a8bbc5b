package e2e

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// loadReport is what tests read of the report of "confd load".
type loadReport struct {
	Schema int
	Calls  struct {
		Tried, Answered, Running int
		Failed, Statuses         map[string]int
	}
	Total struct {
		Media struct{ Sent, Received, Lost int }
		Delay struct{ N int } `json:"delay_ms"`
		Heard struct {
			Expected, Heard, Unexpected, Own int
			UnheardCallers                   int `json:"unheard_callers"`
			DeafCallers                      int `json:"deaf_callers"`
			OwnCallers                       int `json:"own_callers"`
		}
		Verified struct {
			BySound   int `json:"by_sound"`
			ByPayload int `json:"by_payload"`
			Not       int
		}
	}
	Rooms    []struct{ Callers, Talkers int }
	Video    *loadVideo
	Troubled []struct {
		Number  int
		Trouble []string
	}
	Server *struct {
		CPU float64 `json:"cpu_percent_per_caller"`
		RSS int64   `json:"rss_bytes"`
	}
	Verdict struct {
		Passed bool
		Broken []struct{ Bound, Text string }
	}
}

// load runs "confd load" against a SIP address in place and returns its report. The status
// must be that of the verdict.
func load(t *testing.T, p *place, to string, env []string, args ...string) (r loadReport) {
	t.Helper()
	cmd := p.Command(binary, append([]string{"load", "--json", "--to", to}, args...)...)
	cmd.Env = append(os.Environ(), env...)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if json.Unmarshal(out, &r) != nil || r.Schema != 1 {
		t.Fatalf("%v: %v\n%s%s", cmd.Args, err, said.String(), tail(string(out), 5000))
	}
	if failed, ok := err.(*exec.ExitError); r.Verdict.Passed != (err == nil) || err != nil && (!ok || failed.ExitCode() != 1) {
		t.Errorf("%v with verdict %+v", err, r.Verdict)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%v: %s%s", cmd.Args, said.String(), tail(string(out), 20000))
		}
	})
	return r
}

// TestLoadHearsEverybody: callers of the load hear one another in the program's rooms, with
// every codec and over both transports, and the report says so.
func TestLoadHearsEverybody(t *testing.T) {
	t.Parallel()
	place := newPlace(t)
	c := startConfd(t, place, serverOptions{})
	for _, k := range []struct{ name, args string }{
		{"pcmu", "--codec pcmu --callers 24 --rooms 3"},
		{"tcp", "--codec pcma --callers 8 --tcp"},
		{"g722", "--codec g722 --callers 8"},
		{"opus", "--codec opus --callers 8 --dtx"},
		{"bad network", "--callers 8 --loss 3 --burst 2 --jitter 20ms --reorder 1 --drift 100"},
	} {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			args := append(strings.Fields(k.args), "--for", "12s", "--settle", "1s", "--talkers", "2", "--pid", strconv.Itoa(c.cmd.Process.Pid))
			r := load(t, place, uri("load-"+strings.Fields(k.name)[0], c.sip), nil, args...)
			callers, rooms := 8, 1
			if k.name == "pcmu" {
				callers, rooms = 24, 3
			}
			if r.Calls.Tried != callers || r.Calls.Answered != callers || r.Calls.Running != callers || len(r.Rooms) != rooms {
				t.Errorf("calls: %+v in %d rooms, want %d in %d", r.Calls, len(r.Rooms), callers, rooms)
			}
			v, h := r.Total.Verified, r.Total.Heard
			if v.BySound+v.ByPayload != callers || v.BySound < 2*rooms {
				t.Errorf("verified: %+v", v)
			}
			if h.Expected == 0 || h.UnheardCallers+h.DeafCallers+h.OwnCallers > 0 || !r.Verdict.Passed {
				t.Errorf("heard: %+v; %+v", h, r.Verdict)
			}
			if r.Total.Delay.N == 0 || r.Server == nil || r.Server.CPU <= 0 || r.Server.RSS < 1<<20 {
				t.Errorf("delay: %+v, server: %+v", r.Total.Delay, r.Server)
			}
		})
	}
}

// TestLoadDialsThePIN: the digits of --pin reach the server, every one of every caller.
func TestLoadDialsThePIN(t *testing.T) {
	t.Parallel()
	place := newPlace(t)
	c := startConfd(t, place, serverOptions{})
	r := load(t, place, uri("pin", c.sip), nil, "--callers", "3", "--talkers", "1", "--settle", "1s", "--for", "4s", "--pin", "12#")
	if r.Calls.Answered != 3 {
		t.Errorf("%+v", r.Calls)
	}
	c.awaitMetric(t, 9, "confd_events_total", `kind="digit"`)
}

// badTarget is a server that does not do as it should, and what the load must say of it.
type badTarget struct {
	scenario string // of SIPp
	args     string
	password string
	answered int
	cause    string
	status   string
	broken   string // bound
}

// TestLoadTellsWhatIsWrong: each way to fail is reported as what it is.
func TestLoadTellsWhatIsWrong(t *testing.T) {
	need(t, "sipp")
	t.Parallel()
	place := newPlace(t)
	const callers = 3
	for name, k := range map[string]badTarget{
		"busy":      {scenario: "busy.xml", cause: "busy", status: "486", broken: "calls"},
		"declines":  {scenario: "decline.xml", cause: "declined", status: "603", broken: "calls"},
		"rings":     {scenario: "ring.xml", args: "--answer-within 1s", cause: "no-answer", broken: "calls"},
		"codec":     {scenario: "refuse.xml", cause: "wrong-codec", status: "488", broken: "calls"},
		"strange":   {scenario: "strange.xml", cause: "wrong-codec", broken: "calls"},
		"dumb":      {scenario: "dumb.xml", answered: callers, cause: "dead-media", broken: "deaf"},
		"drops":     {scenario: "drop.xml", answered: callers, cause: "dropped", broken: "calls"},
		"stranger":  {scenario: "trunk.xml", args: "--user trunk", password: "guess", cause: "unauthorized", broken: "calls"},
		"anonymous": {scenario: "trunk.xml", cause: "unauthorized", broken: "calls"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			port := place.freePort(t)
			startSipp(t, place, sippRun{scenario: k.scenario, port: port, room: "any", transport: "u1", calls: callers, rate: callers, freq: 860}).listens(t, port)
			args := append([]string{"--callers", fmt.Sprint(callers), "--talkers", "1", "--rate", "20/s", "--settle", "2500ms", "--for", "2s"}, strings.Fields(k.args)...)
			r := load(t, place, uri("any", hostPort(place.ip, port)), []string{"CONFD_LOAD_PASSWORD=" + k.password}, args...)
			if r.Calls.Answered != k.answered || r.Calls.Failed[k.cause] != callers || len(r.Calls.Failed) != 1 {
				t.Errorf("calls: %+v, want %d answered and all failed of %s", r.Calls, k.answered, k.cause)
			}
			if k.status != "" && r.Calls.Statuses[k.status] != callers {
				t.Errorf("statuses: %v, want %s", r.Calls.Statuses, k.status)
			}
			for _, b := range r.Verdict.Broken {
				if b.Bound == k.broken {
					return
				}
			}
			t.Errorf("verdict: %+v, want %s broken", r.Verdict, k.broken)
		})
	}
}

// TestLoadFindsNobody: a port at which nobody listens refuses; one at which nobody speaks SIP
// does not answer.
func TestLoadFindsNobody(t *testing.T) {
	t.Parallel()
	place := newPlace(t)
	mute, err := place.ListenPacket("udp4", net.JoinHostPort(place.ip, "0"))
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	for _, k := range []struct{ port, cause string }{
		{strconv.Itoa(place.freePort(t)), "refused"},
		{strconv.Itoa(int(mute.LocalAddr().(*net.UDPAddr).AddrPort().Port())), "no-answer"},
	} {
		r := load(t, place, "sip:any@"+net.JoinHostPort(place.ip, k.port), nil, "--callers", "2", "--talkers", "1", "--for", "2s", "--answer-within", "1s")
		if r.Calls.Answered != 0 || r.Calls.Failed[k.cause] != 2 {
			t.Errorf("calls: %+v, want 2 %s", r.Calls, k.cause)
		}
	}
}

// TestLoadHearsItself: a server that sends back what it gets is found out.
func TestLoadHearsItself(t *testing.T) {
	need(t, "sipp")
	t.Parallel()
	place := newPlace(t)
	port := place.freePort(t)
	cmd := place.Command("sipp", "-sn", "uas", "-rtp_echo", "-i", place.ip, "-p", strconv.Itoa(port), "-mp", strconv.Itoa(place.freePort(t)), "-nostdin", "-m", "1", "-timeout", "60s")
	run(t, cmd).listens(t, port)
	r := load(t, place, uri("any", hostPort(place.ip, port)), nil, "--callers", "1", "--talkers", "1", "--for", "20s", "--settle", "1s")
	if h := r.Total.Heard; r.Calls.Answered != 1 || h.Own == 0 || h.OwnCallers != 1 || r.Verdict.Passed {
		t.Errorf("calls: %+v; heard: %+v; %+v", r.Calls, h, r.Verdict)
	}
}

// TestLoadWritesAPage: the page is one file that names what was found.
func TestLoadWritesAPage(t *testing.T) {
	t.Parallel()
	place := newPlace(t)
	c := startConfd(t, place, serverOptions{})
	file := filepath.Join(t.TempDir(), "report.html")
	load(t, place, uri("page", c.sip), nil, "--callers", "4", "--talkers", "1", "--for", "6s", "--settle", "1s", "--ramp", "2", "--report", file)
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"</html>", "<svg", "sip:page@" + c.sip} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page has no %q", want)
		}
	}
}

// TestLoadAgainstLinphone: the same command against another server, the conference of
// Linphone's console client.
func TestLoadAgainstLinphone(t *testing.T) {
	place := newPlace(t)
	conference := startLinphoneConference(t, place)
	r := load(t, place, uri("any", conference.address), nil, "--callers", "5", "--talkers", "3", "--rate", "2/s", "--settle", "3s", "--for", "15s")
	h, v := r.Total.Heard, r.Total.Verified
	if r.Calls.Answered != 5 || h.Expected == 0 || h.UnheardCallers+h.DeafCallers+h.OwnCallers > 0 || v.BySound+v.ByPayload != 5 || v.BySound < 4 {
		t.Errorf("calls: %+v; heard: %+v; verified: %+v; %+v", r.Calls, h, v, r.Verdict)
	}
}
