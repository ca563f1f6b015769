// SPDX-License-Identifier: Apache-2.0

package config

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk/secret"
)

// TestExampleFile: the example is taken without a complaint, shows every
// setting, and what it says of the defaults is true.
func TestExampleFile(t *testing.T) {
	src, err := os.ReadFile("../../../configs/standpipe.example.hcl")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "github-work.secret"), "s3cret", 0o600)
	c, diags := Load(write(t, filepath.Join(dir, "standpipe.hcl"), string(src), 0o600))
	if len(diags) > 0 {
		t.Fatal(render(t, diags))
	}
	if diff := cmp.Diff(Default(), c, cmpopts.IgnoreFields(Config{}, "Path", "Integrations", "Peers", "Lock", "Policies", "EmbedOrigins")); diff != "" {
		t.Errorf("the example does not show the defaults (-default +example):\n%s", diff)
	}
	if len(c.Integrations) != 2 || c.Integrations[0].Credentials != hub.CredentialsSandbox || !c.Integrations[1].ClientSecret.Equal(secret.New("s3cret")) {
		t.Errorf("integrations %+v", c.Integrations)
	}
	if !c.SameUser() || *c.Lock != (hub.LockSettings{Background: hub.LockStop}) || len(c.Policies) != 2 {
		t.Errorf("same user %v, lock %+v, policies %+v", c.SameUser(), c.Lock, c.Policies)
	}
	for _, name := range append(slices.Clone(harmless), "client_secret") {
		if !regexp.MustCompile(`(?m)^\s*`+name+`\s*[={"]`).Match(src) && name != "integration" && name != "policy" {
			t.Errorf("the example does not show %q", name)
		}
	}
}
