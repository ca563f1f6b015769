// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/internal/config"
	"github.com/standpipe/standpipe/configs"
)

func readProvider(t *testing.T, text string) (*config.ProviderFile, config.Diagnostics) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.hcl")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return config.ReadProviderFile(path, configs.Providers())
}

// TestReadProviderFile: what a definition lacks is said with line and column,
// each thing once, and nothing of a definition that lacks nothing.
func TestReadProviderFile(t *testing.T) {
	file, found := readProvider(t, `
provider "acme" {
  name          = "Acme"
  authorize_url = "https://acme.example/authorize"
  token_url     = "https://acme.example/token"

  scope "read" {}
  scope "write" { title = "Write" }
}
`)
	if file == nil || len(file.Definitions) != 1 {
		t.Fatalf("%+v", found)
	}
	want := map[string][2]int{ // summary to line and column
		"Nothing says whose account a token is of":              {2, 1},
		"Nothing says how a token is withdrawn":                 {2, 1},
		"There is no error map":                                 {2, 1},
		"Nothing says which redirect URI the provider takes":    {2, 1},
		"Nothing says what a refresh does to the refresh token": {2, 1},
		"There is no description":                               {2, 1},
		"Nothing says how to register an OAuth app":             {2, 1},
		`The scope "read" has no sentence`:                      {7, 3},
	}
	for _, d := range found {
		at, ok := want[d.Summary]
		if !ok || d.Line != at[0] || d.Column != at[1] || d.Detail == "" || d.In != `provider "acme"` {
			t.Errorf("unexpected: %+v", d)
		}
		delete(want, d.Summary)
	}
	if len(want) > 0 || !found.HasErrors() {
		t.Errorf("not found: %v", want)
	}
	at := file.At(config.Error, "acme", "x", "y", "token_url")
	if at.Line != 5 || at.Column != 3 {
		t.Errorf("a finding about token_url is at %d:%d", at.Line, at.Column)
	}
}

// TestReadProviderSubject: an account is not known by what can become another's.
func TestReadProviderSubject(t *testing.T) {
	for subject, want := range map[string]int{"data.id": 0, "data.email": 1, "login": 1} {
		_, found := readProvider(t, `
provider "linear" {
  identity { subject = "`+subject+`" }
}
`)
		if len(found) != want || want > 0 && (found[0].Line != 3 || found[0].Column != 3 || found[0].Severity != config.Warning) {
			t.Errorf("%s: %+v", subject, found)
		}
	}
}

// TestReadProviderOverlay: a file that changes a bundled definition lacks what
// the two together lack.
func TestReadProviderOverlay(t *testing.T) {
	file, found := readProvider(t, `
provider "linear" {
  scope "read" { title = "Look at everything" }
  scope "new" {}
}
`)
	if file == nil {
		t.Fatalf("%+v", found)
	}
	if len(found) != 1 || found[0].Line != 4 || !strings.Contains(found[0].Summary, `"new"`) {
		t.Errorf("%+v", found)
	}
	if json := string(file.Definitions[0].JSON); !strings.Contains(json, "Look at everything") || !strings.Contains(json, "api.linear.app") {
		t.Errorf("not laid over the bundled one: %s", json)
	}
	if file.Definitions[0].Files[0] == file.Definitions[0].Files[1] {
		t.Errorf("files %v", file.Definitions[0].Files)
	}
}

func TestReadProviderBroken(t *testing.T) {
	for name, text := range map[string]string{"syntax": `provider "x" {`, "nothing": "# nothing\n", "unknown": `provider "x" { colour = "red" }`} {
		if file, found := readProvider(t, text); file != nil || !found.HasErrors() {
			t.Errorf("%s: %+v", name, found)
		}
	}
}
