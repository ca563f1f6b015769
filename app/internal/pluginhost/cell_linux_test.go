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
	cfg, cell := inCell(t, "litters")
	p, err := cell.Start(&exec.Cmd{Path: "/bin/sh", Args: []string{"sh", "-c", "exec " + cell.Path}, Dir: t.TempDir(), Env: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	if network, files := p.Closures(); network != Closed || files != Closed {
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
