// SPDX-License-Identifier: Apache-2.0

package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

const (
	heartbeat  = 15 * time.Second // a webview tells of a closed page only by a failing write
	streamLife = 30 * time.Minute // the page connects again
	writeLimit = 10 * time.Second // for a page that does not read
)

// events streams the bus to the page (text/event-stream).
func (a *API) events(w http.ResponseWriter, r *http.Request) {
	rc := http.NewResponseController(w)
	ch := a.cfg.Events.Subscribe(r.Context())
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	send := func(text string) bool {
		_ = rc.SetWriteDeadline(time.Now().Add(writeLimit))
		_, err := fmt.Fprint(w, text)
		_ = rc.Flush() // in the window every write goes out at once
		return err == nil
	}
	beat, end := time.NewTicker(heartbeat), time.NewTimer(streamLife)
	defer beat.Stop()
	defer end.Stop()
	ok := send(": hello\n\n")
	for ok {
		select {
		case <-r.Context().Done():
			return
		case <-end.C:
			return
		case <-beat.C:
			ok = send(": beat\n\n")
		case ev, open := <-ch:
			if !open {
				return
			}
			b, err := json.Marshal(ev)
			if err != nil {
				continue
			}
			ok = send("data: " + string(b) + "\n\n")
		}
	}
}
