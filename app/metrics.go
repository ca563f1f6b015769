// SPDX-License-Identifier: Apache-2.0

package app

import (
	"net"
	"net/http"
)

// metrics serves what the engine counts to a Prometheus on this machine. It
// holds no secret and no identifier; a browser gets nothing of it all the same.
func (a *App) metrics() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if ip := net.ParseIP(host); err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback()) ||
			r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != "" {
			http.Error(w, "for a Prometheus on this machine", http.StatusForbidden)
			return
		}
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		if err := a.tokens.WriteMetrics(w); err != nil {
			a.log.Debug("the metrics were not read to their end", "err", err)
		}
	})
	return mux
}
