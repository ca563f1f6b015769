// SPDX-License-Identifier: Apache-2.0

package config

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/standpipe/standpipe/configs"
	"github.com/standpipe/standpipe/sdk/oauth"
)

// TestBundledDefinitions: each is taken by the SDK, and says all that a
// declared provider has to say.
func TestBundledDefinitions(t *testing.T) {
	definitions, diags := LoadProviders(configs.Providers())
	if len(diags) > 0 {
		t.Fatal(render(t, diags))
	}
	if len(definitions) < 6 {
		t.Fatalf("only %d definitions", len(definitions))
	}
	for _, d := range definitions {
		t.Run(d.Slug, func(t *testing.T) {
			p, err := oauth.ParseDefinition(d.JSON)
			if err != nil {
				t.Fatal(err)
			}
			of := p.Description()
			if of.Slug != d.Slug || of.Name == "" || of.Description == "" || of.DocsURL == "" || len(of.SetupSteps) == 0 {
				t.Error("slug, name, description, docs_url or setup_steps is missing")
			}
			if !strings.HasPrefix(of.Icon, "<svg") {
				t.Errorf("icon %q", of.Icon)
			}
			if p.Identity == nil {
				t.Error("it does not say how to learn whose a token is")
			}
			if len(p.Errors) == 0 {
				t.Error("it has no error map")
			}
			if of.Revoke == "" || (p.Revocation == nil && of.RevokeNote == "") {
				t.Error("it neither revokes nor says why not")
			}
			var raw map[string]any
			if err := json.Unmarshal(d.JSON, &raw); err != nil {
				t.Fatal(err)
			}
			if raw["redirect"] == nil {
				t.Error("it has no redirect rule")
			}
			if len(of.AllowedHosts) == 0 && len(of.Config) == 0 {
				t.Error("it may call nobody")
			}
			for _, s := range of.Scopes {
				if s.Title == "" || strings.HasSuffix(s.Title, ".") {
					t.Errorf("scope %s has no sentence", s.Name)
				}
			}
			for _, f := range of.Config {
				if f.Label == "" || f.Description == "" || f.Example == "" {
					t.Errorf("setting %s is not described", f.Key)
				}
			}
		})
	}
}

// TestSchema: the schema is what the SDK reads, no less and no more.
func TestSchema(t *testing.T) {
	// What the SDK knows of: all of Standard is in the schema.
	have := map[string]bool{}
	var walk func(prefix string, sc schema)
	walk = func(prefix string, sc schema) {
		for name, f := range sc {
			if f.json != "" {
				name = f.json
			}
			have[prefix+name] = true
			if f.label != "" {
				have[prefix+name+"."+f.label] = true
			}
			walk(prefix+name+".", f.sub)
		}
	}
	walk("", providerSchema)
	for _, path := range jsonPaths(reflect.TypeFor[oauth.Standard](), "") {
		if !have[path] {
			t.Errorf("%s of oauth.Standard is missing in the schema", path)
		}
	}
	// What the schema knows of: the SDK takes every field of it.
	for name, f := range providerSchema {
		b, err := json.Marshal(map[string]any{"slug": "x", or(f.json, name): sample(f)})
		if err != nil {
			t.Fatal(err)
		}
		_, err = oauth.ParseDefinition(b)
		if err != nil && (strings.Contains(err.Error(), "unknown field") || strings.Contains(err.Error(), "cannot unmarshal") || strings.Contains(err.Error(), "duration")) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Each choice is one that the SDK takes.
	for name, f := range providerSchema {
		for _, choice := range f.choices {
			b, err := json.Marshal(map[string]any{"slug": "x", or(f.json, name): choice})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := oauth.ParseDefinition(b); err != nil && strings.Contains(err.Error(), fmt.Sprintf("%s %q: one of", name, choice)) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func or(s, fallback string) string {
	if s != "" {
		return s
	}
	return fallback
}

// sample is a value with every field of f.
func sample(f field) any {
	all := func() map[string]any {
		out := map[string]any{}
		for name, sub := range f.sub {
			out[or(sub.json, name)] = sample(sub)
		}
		if f.label != "" {
			out[f.label] = "x"
		}
		return out
	}
	switch f.kind {
	case kBool:
		return true
	case kNumber:
		return 1
	case kTexts:
		return []string{"x"}
	case kNumbers:
		return []int{1}
	case kTable:
		return map[string]string{"x": "y"}
	case kDuration:
		return "1m0s"
	case kBlock:
		return all()
	case kBlocks:
		return []any{all()}
	case kNamed:
		return map[string]any{"x": all()}
	default:
		return "x"
	}
}

// jsonPaths lists the JSON names of a type's fields, nested ones with a dot.
func jsonPaths(t reflect.Type, prefix string) []string {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	var out []string
	if t.Kind() != reflect.Struct {
		return nil
	}
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		out = append(out, prefix+name)
		out = append(out, jsonPaths(t.Field(i).Type, prefix+name+".")...)
	}
	return out
}

func definition(t *testing.T, definitions []Definition, slug string) map[string]any {
	t.Helper()
	for _, d := range definitions {
		if d.Slug == slug {
			var out map[string]any
			if err := json.Unmarshal(d.JSON, &out); err != nil {
				t.Fatal(err)
			}
			return out
		}
	}
	t.Fatalf("there is no %s", slug)
	return nil
}

func TestOverlay(t *testing.T) {
	bundled := fstest.MapFS{"x.hcl": {Data: []byte(`provider "x" {
  name          = "X"
  authorize_url = "https://x.example/a"
  setup_steps   = ["one", "two"]
  headers       = { A = "1", B = "2" }
  scope "read" {
    title   = "Read"
    default = true
  }
  scope "write" { title = "Write" }
  error {
    code = "first"
    as   = "temporary"
  }
  answer {
    expires_in = "life"
    named "user" { access_token = "user.token" }
  }
}`)}}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "mine.hcl"), `provider "x" {
  authorize_url = "https://mine.example/a"
  setup_steps   = ["three"]
  headers       = { B = "3" }
  scope "read" { title = "Read all" }
  scope "admin" { title = "Rule" }
  error {
    code = "second"
    as   = "temporary"
  }
  answer {
    ok = "ok"
    named "user" { scope = "user.scope" }
  }
}
provider "y" {
  name = "Y"
}`, 0o644)
	got, diags := LoadProviders(bundled, dir, filepath.Join(dir, "absent"))
	if len(diags) > 0 {
		t.Fatal(render(t, diags))
	}
	want := map[string]any{
		"slug": "x", "name": "X", "authorize_url": "https://mine.example/a",
		"setup_steps": []any{"three"},
		"headers":     map[string]any{"A": "1", "B": "3"},
		"scopes": []any{
			map[string]any{"name": "read", "title": "Read all", "default": true},
			map[string]any{"name": "write", "title": "Write"},
			map[string]any{"name": "admin", "title": "Rule"},
		},
		"errors": []any{
			map[string]any{"code": "second", "as": "temporary"},
			map[string]any{"code": "first", "as": "temporary"},
		},
		"answer": map[string]any{
			"expires_in": "life", "ok": "ok",
			"named": map[string]any{"user": map[string]any{"access_token": "user.token", "scope": "user.scope"}},
		},
	}
	if diff := cmp.Diff(want, definition(t, got, "x")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if definition(t, got, "y")["name"] != "Y" {
		t.Error("the second provider of the file is lost")
	}
	if files := got[0].Files; len(files) != 2 || files[0] != "bundled:x.hcl" || files[1] != filepath.Join(dir, "mine.hcl") {
		t.Errorf("files %q", files)
	}
}

// TestProviderDiagnostics compares with the golden files; what is wrong in one
// file harms no other.
func TestProviderDiagnostics(t *testing.T) {
	dir := "testdata/providers"
	definitions, diags := LoadProviders(nil, dir)
	got := render(t, diags)
	golden := filepath.Join(dir, "diagnostics.golden")
	if *update {
		write(t, golden, got, 0o644)
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("run with -update once this is right (-want +got):\n%s", diff)
	}
	if len(definitions) != 1 || definitions[0].Slug != "good" {
		t.Errorf("%d definitions", len(definitions))
	}
}

// TestIconStaysInItsFolder: a definition reads nothing but what lies beside it.
func TestIconStaysInItsFolder(t *testing.T) {
	outside := write(t, filepath.Join(t.TempDir(), "outside.svg"), "<svg>outside</svg>", 0o644)
	dir := t.TempDir()
	if err := os.Symlink(outside, filepath.Join(dir, "link.svg")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"../outside.svg", outside, "link.svg", "", "."} {
		write(t, filepath.Join(dir, "x.hcl"), fmt.Sprintf("provider \"x\" {\n  icon = file(%q)\n}\n", name), 0o644)
		if got, diags := LoadProviders(nil, dir); len(got) != 0 || !diags.HasErrors() {
			t.Errorf("%q: %s", name, Raw(got))
		}
	}
}

// FuzzProviders: whatever stands in a definition, what comes of it is JSON with
// the slug of its block, or nothing and an error.
func FuzzProviders(f *testing.F) {
	files, err := filepath.Glob("../../../configs/providers/*.hcl")
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		got, diags := LoadProviders(fstest.MapFS{"x.hcl": {Data: src}})
		if diags.HasErrors() && len(got) > 0 {
			t.Fatal("a definition of a file with errors")
		}
		for _, d := range got {
			var head struct {
				Slug string `json:"slug"`
			}
			if err := json.Unmarshal(d.JSON, &head); err != nil || head.Slug != d.Slug || !slugPattern.MatchString(d.Slug) {
				t.Fatalf("%s: %v", d.JSON, err)
			}
		}
	})
}
