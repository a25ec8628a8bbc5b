package api

import (
	"net/http"
	"slices"

	"github.com/confd/confd/rooms"
)

// cors lets pages of the configured origins use the API (the Fetch standard, section 3.3).
func (s *Server) cors(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin := r.Header.Get("Origin")
		if origin == "" || !s.allowsOrigin(origin) {
			next.ServeHTTP(w, r)
			return
		}
		h := w.Header()
		h.Add("Vary", "Origin")
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Expose-Headers", "ETag, Location, Retry-After, Idempotency-Replayed")
		if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
			next.ServeHTTP(w, r)
			return
		}
		h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE")
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match, Idempotency-Key, Last-Event-ID")
		h.Set("Access-Control-Max-Age", "600")
		w.WriteHeader(http.StatusNoContent)
	})
}

func (s *Server) allowsOrigin(origin string) bool {
	return slices.Contains(s.config.CORS, origin) || slices.Contains(s.config.CORS, "*")
}

// sameOrigin keeps pages of other origins from acting through the browser of somebody on
// this machine, who needs no key. A wildcard does not let them in: their own key does.
func (s *Server) sameOrigin(r *http.Request) error {
	if slices.Contains(s.config.CORS, r.Header.Get("Origin")) {
		return nil
	}
	if err := s.crossOrigin.Check(r); err != nil {
		return refuse(http.StatusForbidden, string(rooms.Forbidden), "a page of another origin may not do this without a key")
	}
	return nil
}
