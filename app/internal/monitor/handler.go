package monitor

import (
	"encoding/json"
	"net/http"
	"slices"
)

type livez struct {
	Status  string `json:"status"`
	Version string `json:"version"`
}

type readyz struct {
	Status string  `json:"status"`
	Mounts []State `json:"mounts"`
}

// Handler serves GET /livez, which is 200 as long as the process serves, and GET /readyz, which is 200 when every
// mount point is mounted and answers, and 503 otherwise.
func Handler(m *Monitor, version string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) {
		write(w, http.StatusOK, livez{Status: "ok", Version: version})
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		states := m.Check(r.Context())
		if slices.ContainsFunc(states, func(s State) bool { return !s.OK() }) {
			write(w, http.StatusServiceUnavailable, readyz{Status: "unavailable", Mounts: states})
			return
		}
		write(w, http.StatusOK, readyz{Status: "ok", Mounts: states})
	})
	return mux
}

func write(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	// An error here means that the client has gone: there is nobody left to tell.
	_ = json.NewEncoder(w).Encode(body)
}
