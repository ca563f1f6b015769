// SPDX-License-Identifier: Apache-2.0

package config

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/configs"
	"github.com/standpipe/standpipe/sdk/oauth"
)

// TestDocumentation: docs/configuration.md names every setting, and its
// examples are taken.
func TestDocumentation(t *testing.T) {
	b, err := os.ReadFile("../../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	examples := regexp.MustCompile("(?s)```hcl( provider)?\n(.*?)```").FindAllStringSubmatch(page, -1)
	if len(examples) < 2 {
		t.Fatalf("%d examples", len(examples))
	}
	for _, e := range examples {
		if e[1] == "" {
			if _, diags := decode("docs/configuration.md", t.TempDir(), []byte(e[2])); len(diags) > 0 {
				t.Error(render(t, diags))
			}
			continue
		}
		dir := t.TempDir()
		write(t, filepath.Join(dir, "example.hcl"), e[2], 0o644)
		definitions, diags := LoadProviders(configs.Providers(), dir)
		if len(diags) > 0 {
			t.Error(render(t, diags))
		}
		for _, d := range definitions {
			if _, err := oauth.ParseDefinition(d.JSON); err != nil {
				t.Error(err)
			}
		}
	}
	named := map[string]bool{}
	for _, m := range regexp.MustCompile("`([^`\n]+)`").FindAllStringSubmatch(page, -1) {
		for _, word := range strings.FieldsFunc(m[1], func(r rune) bool { return strings.ContainsRune(` {}"…`, r) }) {
			named[word] = true
		}
	}
	for _, name := range append([]string{"client_secret"}, harmless...) {
		if !named[name] {
			t.Errorf("%q is not documented", name)
		}
	}
	var walk func(in string, sc schema)
	walk = func(in string, sc schema) {
		for name, f := range sc {
			if !named[name] {
				t.Errorf("%s%s is not documented", in, name)
			}
			walk(in+name+".", f.sub)
		}
	}
	walk("", providerSchema)
}
