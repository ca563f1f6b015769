// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"strings"
	"sync"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// goneApps knows what apps were called that are no more. The audit tells, in the
// line of the removal; it is read as a whole when an app is asked for that is not
// known yet.
type goneApps struct {
	audit Activity

	mu    sync.Mutex
	names map[string]string // by id; "": the audit does not tell
}

// name is what the app was called; empty where nobody knows. It waits for the
// reading.
func (g *goneApps) name(ctx context.Context, id string) string {
	if !strings.HasPrefix(id, "app_") {
		return ""
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if name, known := g.names[id]; known {
		return name
	}
	whole := true
	for r, err := range g.audit.Read(ctx, hub.AuditFilter{Action: hub.AuditAppRemove}) {
		if err != nil {
			whole = whole && hub.AsError(err).Code == hub.CodeIntegrity // such a line stays what it is
			continue
		}
		g.names[r.Subject] = r.Name
	}
	if _, known := g.names[id]; !known && whole {
		g.names[id] = ""
	}
	return g.names[id]
}
