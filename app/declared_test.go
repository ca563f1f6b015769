// SPDX-License-Identifier: Apache-2.0

package app

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/internal/config"
)

// TestDeclaredReread: what a file says is in force once it is read again; a file
// that is wrong leaves its provider as it was, whatever makes it wrong.
func TestDeclaredReread(t *testing.T) {
	d := &declared{folder: t.TempDir()}
	file := filepath.Join(d.folder, "acme.hcl")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	acme := func(body string) string {
		return `provider "acme" {
  authorize_url = "https://acme.test/authorize"
  token_url     = "https://acme.test/token"
  revoke_note   = "In the settings."
  identity {
    url     = "https://acme.test/me"
    subject = "id"
  }
` + body + "\n}\n"
	}
	// read returns what became different, and what is wrong.
	read := func() (changes, problems string) {
		t.Helper()
		before, found := d.read()
		for _, e := range differences(before, d.current()) {
			changes += strings.TrimPrefix(string(e.Action), "provider.") + " " + e.Subject + ";"
		}
		for _, f := range found {
			problems += f.Summary + ";"
		}
		return changes, problems
	}
	named := func() string {
		for _, p := range d.current() {
			if p.Slug == "acme" {
				_, after, _ := strings.Cut(string(p.JSON), `"name":"`)
				name, _, _ := strings.Cut(after, `"`)
				return name
			}
		}
		return ""
	}

	if changes, problems := read(); strings.Contains(changes, "acme") || problems != "" || len(d.current()) == 0 {
		t.Fatalf("the bundled ones: %s %s", changes, problems)
	}
	write(acme(`name = "Acme"`))
	if changes, problems := read(); changes != "set acme;" || problems != "" || named() != "Acme" {
		t.Errorf("a new file: %s %s", changes, problems)
	}
	if changes, problems := read(); changes != "" || problems != "" {
		t.Errorf("the same file: %s %s", changes, problems)
	}
	for what, text := range map[string]string{
		"no HCL":                        `provider "acme" {`,
		"an unknown field":              acme(`name = "Acme 2"` + "\ncolour = \"red\""),
		"what the plugin does not take": acme(`name = "Acme 2"` + "\ntoken_params = { a = \"{nothing}\" }"),
	} {
		write(text)
		if changes, problems := read(); changes != "" || problems == "" || named() != "Acme" {
			t.Errorf("%s: %q %q, and it is called %q", what, changes, problems, named())
		}
	}
	write(acme(`name = "Acme 2"`))
	if changes, problems := read(); changes != "set acme;" || problems != "" || named() != "Acme 2" {
		t.Errorf("mended: %s %s", changes, problems)
	}

	// A file that is laid over a bundled one, and is wrong, does not uncover it.
	over := filepath.Join(d.folder, "over.hcl")
	slug := d.current()[slices.IndexFunc(d.current(), func(p config.Definition) bool { return strings.HasPrefix(p.Files[0], "bundled:") })].Slug
	for i, text := range []string{`provider "` + slug + `" { name = "Mine" }`, `provider "` + slug + `" { nam = "Mine" }`} {
		if err := os.WriteFile(over, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		changes, problems := read()
		if want := []string{"set " + slug + ";", ""}[i]; changes != want || (problems != "") != (i == 1) {
			t.Errorf("over a bundled one, %d: %s %s", i, changes, problems)
		}
	}

	if err := os.RemoveAll(d.folder); err != nil {
		t.Fatal(err)
	}
	if changes, problems := read(); changes != "set "+slug+";remove acme;" || problems != "" {
		t.Errorf("without files: %s %s", changes, problems)
	}
}
