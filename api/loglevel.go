package api

import (
	"context"
	"log/slog"
	"strings"
)

// LogSettings is what can be set of the log.
type LogSettings struct {
	Level string `json:"level" enum:"debug,info,warn,error" doc:"What is logged from: debug, info, warn or error." example:"info"`
}

// LogPatch is the body that changes the log.
type LogPatch struct {
	Level string `json:"level,omitempty" enum:"debug,info,warn,error" doc:"What is logged from: debug, info, warn or error. It holds until the server ends." example:"debug"`
}

// LogAnswer is the settings of the log.
type LogAnswer struct{ Body LogSettings }

func (s *Server) addLog() {
	if s.config.LogLevel == nil {
		return
	}
	add(s, endpoint{method: "GET", path: "/v1/log", id: "get-log", tag: "server", scope: ScopeRead,
		summary: "Read the log level"}, s.getLog)
	add(s, endpoint{method: "PATCH", path: "/v1/log", id: "patch-log", tag: "server", scope: ScopeAdmin,
		summary: "Change the log level", text: "At once, until the server ends."}, s.patchLog)
}

func (s *Server) getLog(context.Context, *struct{}) (*LogAnswer, error) {
	return &LogAnswer{LogSettings{strings.ToLower(s.config.LogLevel.Level().String())}}, nil
}

func (s *Server) patchLog(ctx context.Context, in *struct{ Body LogPatch }) (*LogAnswer, error) {
	if in.Body.Level != "" {
		var level slog.Level
		if err := level.UnmarshalText([]byte(in.Body.Level)); err != nil {
			return nil, invalid("body.level", "%v", err)
		}
		s.config.LogLevel.Set(level)
	}
	return s.getLog(ctx, nil)
}
