// SPDX-License-Identifier: Apache-2.0

package app

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/internal/audit"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/pluginhost"
	"github.com/standpipe/standpipe/app/internal/store/memstore"
)

// TestPluginCrashIsAudited: that a plugin was stopped is in the audit, with which
// build of it.
func TestPluginCrashIsAudited(t *testing.T) {
	log, err := audit.Open(t.Context(), audit.Config{Dir: t.TempDir(), Store: memstore.New()})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	a := &App{audit: log, log: slog.New(slog.DiscardHandler)}
	a.pluginCrashed(pluginhost.PluginStatus{Name: "acme", SHA256: strings.Repeat("ab", 32), State: pluginhost.StateCrashed, Error: "it ended"})
	page, err := log.Page(t.Context(), hub.AuditFilter{Action: hub.AuditPluginCrash}, 0, 10)
	if err != nil || len(page.Records) != 1 {
		t.Fatalf("%+v, %v", page, err)
	}
	if r := page.Records[0]; r.Subject != "acme" || r.Fingerprint != strings.Repeat("ab", 8) || r.App != "hub" || r.Decision != hub.AuditFailed || r.Time.IsZero() {
		t.Errorf("%+v", r)
	}
}
