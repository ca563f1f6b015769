// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"maps"
	"strings"
	"sync"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// goneApps knows what apps were called that are no more. The audit tells, in the
// line of the removal; it is read as a whole when an app is asked for that is not
// known yet, by one for all who ask meanwhile.
type goneApps struct {
	audit Activity
	turn  chan struct{} // held by who reads

	mu     sync.Mutex
	names  map[string]string   // by id; "": the audit does not tell
	wanted map[string]struct{} // ids that the next reading is for
}

func newGoneApps(audit Activity) *goneApps {
	return &goneApps{audit: audit, turn: make(chan struct{}, 1), names: map[string]string{}, wanted: map[string]struct{}{}}
}

// name is what the app was called; empty where nobody knows. For one that is not
// known yet it waits for the reading, until ctx ends.
func (g *goneApps) name(ctx context.Context, id string) string {
	if !strings.HasPrefix(id, "app_") {
		return ""
	}
	if name, known := g.known(id); known {
		return name
	}
	select {
	case g.turn <- struct{}{}:
		defer func() { <-g.turn }()
	case <-ctx.Done():
		return ""
	}
	name, known := g.known(id)
	if !known {
		g.read(ctx)
		name, _ = g.known(id)
	}
	return name
}

// known is what is known already. What is not, the next reading is for.
func (g *goneApps) known(id string) (name string, known bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if name, known = g.names[id]; !known {
		g.wanted[id] = struct{}{}
	}
	return name, known
}

// read needs turn held. Whoever asks while it reads is not among those that it is
// for: it may have passed the line already.
func (g *goneApps) read(ctx context.Context) {
	g.mu.Lock()
	wanted := g.wanted
	g.wanted = map[string]struct{}{}
	g.mu.Unlock()
	names, whole := map[string]string{}, true
	for r, err := range g.audit.Read(ctx, hub.AuditFilter{Action: hub.AuditAppRemove}) {
		if err != nil {
			whole = whole && hub.AsError(err).Code == hub.CodeIntegrity // such a line stays what it is
			continue
		}
		names[r.Subject] = r.Name
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	maps.Copy(g.names, names)
	for id := range wanted {
		if _, known := g.names[id]; !known && whole {
			g.names[id] = ""
		}
	}
}
