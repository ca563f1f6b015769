// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/sdk/conformance"
)

// inCell is the suite on a mode of the hostile plugin, held as `plugin check` does.
func inCell(t *testing.T, mode string) (conformance.Config, *Cell) {
	t.Helper()
	dir := t.TempDir()
	installPlugins(t, dir, mode)
	cell, err := NewCell(filepath.Join(dir, Prefix+mode), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		eventually(t, patienceOfGood, "processes are left", func() bool { return len(processesFrom(cell.dir)) == 0 })
		_ = cell.Close()
	})
	return conformance.Config{
		Provider: mode, ClientID: "client", ClientSecret: "client-secret-canary", RedirectURI: "http://127.0.0.1/callback/" + mode,
		Server: func(string) (conformance.Server, error) { return agreeing{}, nil },
		Start:  func(cmd *exec.Cmd) (conformance.Process, error) { return cell.Start(cmd) },
	}, cell
}

// agreeing plays a provider that is never asked, and its user.
type agreeing struct{ http.Handler }

func (agreeing) Consent(authorizationURL string) (string, error) {
	u, err := url.Parse(authorizationURL)
	return "http://127.0.0.1/callback?code=code-canary&state=" + u.Query().Get("state"), err
}

// TestCellHoldsWhatIsChecked: what the suite runs is held as in a hub, and a
// process that it leaves behind, however hidden, is found, reported and killed.
func TestCellHoldsWhatIsChecked(t *testing.T) {
	t.Parallel()
	mode := "litters-hidden"
	if tryIsolation() != nil {
		mode = "litters" // what hides is not found here
	}
	cfg, cell := inCell(t, mode)
	p, err := cell.Start(&exec.Cmd{Path: "/bin/sh", Args: []string{"sh", "-c", "exec " + cell.Path}, Dir: t.TempDir(), Env: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	if network, files := p.Closures(); network != SystemHolding().Network || files != SystemHolding().Files {
		t.Errorf("network %s, files %s", network, files)
	}
	if err := p.Wait(); err == nil {
		t.Error("started by hand it does not complain")
	}
	for _, c := range conformance.Executable(cfg, cell.Path) {
		if c.Name == "connects" {
			r := c.Run(t.Context())
			if says := strings.Join(r.Problems, "\n"); !strings.Contains(says, "it started other processes (standpipe-pro") {
				t.Errorf("%s: %s", r.Verdict, says)
			}
			return
		}
	}
	t.Error("the suite connects nothing")
}

// TestVerdictsOnCalls: what the running hub bears in a call (TestConfined,
// TestPluginsThatFailInACall, TestAnswersAreChecked, …), `plugin check` fails.
func TestVerdictsOnCalls(t *testing.T) {
	t.Parallel()
	for mode, c := range map[string]struct{ inCase, says string }{
		"talks":        {"refreshes", "the plugin printed a secret"},
		"vast-answer":  {"connects", "larger than max"},
		"bad-token":    {"connects", "what no header can carry"},
		"no-token":     {"connects", "gives no access token"},
		"elsewhere":    {"authorizes", "which the descriptor does not name"},
		"refused-dial": {"refreshes", "asked for hosts that are not the provider's"},
		"exits":        {"refreshes", "Unavailable"},
		"panics":       {"refreshes", "panicked in Refresh"},
		"errs":         {"refreshes", "holds control characters"},
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			cfg, cell := inCell(t, mode)
			for _, k := range conformance.Executable(cfg, cell.Path) {
				if k.Name != c.inCase {
					continue
				}
				r := k.Run(t.Context())
				if r.Verdict != conformance.Fail || !strings.Contains(strings.Join(r.Problems, "\n"), c.says) {
					t.Errorf("%s: %.3000q, want %q", r.Verdict, r.Problems, c.says)
				}
				return
			}
			t.Errorf("the suite has no case %q", c.inCase)
		})
	}
}
