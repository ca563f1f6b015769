// SPDX-License-Identifier: Apache-2.0

package api

import (
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/internal/api/contract"
)

// TestPluginNotices: what status and page say of plugins without being asked.
func TestPluginNotices(t *testing.T) {
	for name, c := range map[string]struct {
		plugin   contract.Plugin
		severity string // empty: nothing is said
		says     string
	}{
		"running":     {contract.Plugin{Name: "acme", State: "running"}, "", ""},
		"backoff":     {contract.Plugin{Name: "acme", State: "backoff", Error: "it ended"}, "", ""}, // passes
		"crash loop":  {contract.Plugin{Name: "acme", State: "crashed", Error: "it is in a crash loop"}, "error", "The plugin acme was stopped: it is in a crash loop."},
		"refused":     {contract.Plugin{Name: "acme", State: "refused", Error: "it was changed"}, "warning", "The plugin acme is not started: it was changed."},
		"untaken":     {contract.Plugin{Name: "oauth2", State: "running", Untaken: []string{"acme"}}, "warning", "The declared provider acme has a fault and is left out."},
		"development": {contract.Plugin{Name: "acme", State: "running", Development: true}, "info", "The plugin acme is in development"},
	} {
		got := pluginNotices(c.plugin)
		switch {
		case c.severity == "" && len(got) == 0:
		case len(got) != 1 || got[0].Severity != c.severity || !strings.HasPrefix(got[0].Message, c.says) || got[0].Remedy == "":
			t.Errorf("%s: %+v", name, got)
		}
	}
}
