// SPDX-License-Identifier: Apache-2.0

package api

import (
	"encoding/json"
	"net/http"
	"time"
)

// pluginLog streams what a plugin logs, a JSON object per line, until the
// client goes.
func (a *API) pluginLog(w http.ResponseWriter, r *http.Request) {
	rc := http.NewResponseController(w)
	lines := a.cfg.Plugins.Logs(r.Context(), r.PathValue("plugin"))
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.WriteHeader(http.StatusOK)
	_ = rc.Flush() // the client knows now that it listens
	for line := range lines {
		b, err := json.Marshal(line)
		if err != nil {
			continue
		}
		_ = rc.SetWriteDeadline(time.Now().Add(writeLimit))
		if _, err := w.Write(append(b, '\n')); err != nil {
			return
		}
		_ = rc.Flush()
	}
}
