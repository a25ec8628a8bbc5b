package api

import (
	"net/http"
	"time"
)

// Reason is why the server should get no new calls.
type Reason struct {
	Code   string `json:"code" doc:"draining or overloaded." example:"draining"`
	Detail string `json:"detail" doc:"What speaks against new calls." example:"the server is about to end"`
}

type health struct {
	Status  string `json:"status" enum:"alive,ready" doc:"alive, or ready." example:"ready"`
	Version string `json:"version,omitempty" doc:"Which confd this is." example:"1.2.3"`
	Time    string `json:"time,omitempty" format:"date-time" doc:"The server's clock." example:"2026-03-01T09:00:00Z"`
}

// healthz says that the process lives: whoever runs it need not restart it.
func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, "application/json",
		health{"alive", s.config.Version, time.Now().UTC().Format(time.RFC3339)})
}

// readyz says whether new calls are welcome: whoever spreads them sends them elsewhere on
// 503.
func (s *Server) readyz(w http.ResponseWriter, _ *http.Request) {
	var reasons []Reason
	if s.config.NotReady != nil {
		reasons = s.config.NotReady()
	}
	if len(reasons) == 0 {
		writeJSON(w, http.StatusOK, "application/json", health{Status: "ready"})
		return
	}
	p := problem(http.StatusServiceUnavailable, codeNotReady, "new calls should go elsewhere")
	p.Reasons = reasons
	WriteProblem(w, p)
}
