// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
)

// prompt answers for the user what the plugin asks (docs/plugin-protocol.md).
func (g *gate) prompt(c net.Conn, req *http.Request) {
	var in struct{ Kind, Text, Label, URL string }
	err := json.NewDecoder(io.LimitReader(req.Body, 8<<10)).Decode(&in)
	ticket, _ := strings.CutPrefix(req.Header.Get("Authorization"), "Bearer ")
	g.mu.Lock()
	value, known := g.answers[in.Label]
	status := http.StatusOK
	answer := map[string]any{"value": value}
	switch {
	case !g.tickets[ticket]:
		status, answer = http.StatusForbidden, map[string]any{"error": "no call is being made with this ticket"}
		g.refused = append(g.refused, "a prompt without a ticket")
	case err != nil || in.Text == "":
		status, answer = http.StatusBadRequest, map[string]any{"error": "the prompt cannot be read"}
	case in.Kind == "ask" && !known:
		answer = map[string]any{"declined": true}
	}
	g.mu.Unlock()
	b, _ := json.Marshal(answer) // strings: it cannot fail
	_ = (&http.Response{
		StatusCode: status, ProtoMajor: 1, ProtoMinor: 1, Close: true, ContentLength: int64(len(b)),
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(string(b))),
	}).Write(c)
}

// discard is a log for servers that are broken on purpose.
func discard() *log.Logger { return log.New(io.Discard, "", 0) }
