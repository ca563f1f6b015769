// SPDX-License-Identifier: Apache-2.0

package config

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/standpipe/standpipe/configs"
	"github.com/standpipe/standpipe/sdk"
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
				if s.Title == "" || strings.HasSuffix(s.Title, ".") || s.Sensitivity == "" {
					t.Errorf("scope %s has no sentence or no sensitivity", s.Name)
				}
			}
			for _, f := range of.Config {
				if f.Label == "" || f.Description == "" || f.Example == "" {
					t.Errorf("setting %s is not described", f.Key)
				}
				pattern := regexp.MustCompile(`^(?:` + f.Pattern + `)$`)
				for _, v := range []string{f.Default, f.Example} {
					if v != "" && !pattern.MatchString(v) {
						t.Errorf("setting %s does not take %s", f.Key, v)
					}
				}
			}
		})
	}
}

// TestPatternsOfBundledSettings: what each takes, and what it does not.
func TestPatternsOfBundledSettings(t *testing.T) {
	definitions, _ := LoadProviders(configs.Providers())
	address := [2][]string{
		{"https://gitlab.com", "https://git.example.com:8443/gitlab/", "http://127.0.0.1:8080"},
		{"", "gitlab.com", "ftp://git.example.com", "https://", "https://user@git.example.com", "https://git.example.com?x", "https://git.example.com#x", "https://git example.com"},
	}
	for setting, values := range map[string][2][]string{
		"gitlab.base_url":    address,
		"openid.issuer":      address,
		"openid.client_auth": {{"body", "basic"}, {"none", "post", "Basic"}},
		"microsoft.tenant": {
			{"common", "organizations", "contoso.onmicrosoft.com", "8eaef023-2b34-4da1-9baa-8bc8c9d6a490"},
			{"", "common/../x", "a b", "https://login.microsoftonline.com/common", "-x"},
		},
	} {
		slug, key, _ := strings.Cut(setting, ".")
		found := false
		for _, d := range definitions {
			p, err := oauth.ParseDefinition(d.JSON)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range p.Descriptor.Config {
				if d.Slug != slug || f.Key != key {
					continue
				}
				found = true
				pattern := regexp.MustCompile(`^(?:` + f.Pattern + `)$`)
				for i, list := range values {
					for _, v := range list {
						if pattern.MatchString(v) != (i == 0) {
							t.Errorf("%s = %q: taken is %v", setting, v, i != 0)
						}
					}
				}
			}
		}
		if !found {
			t.Errorf("there is no setting %s", setting)
		}
	}
}

// TestBundledDeviceFlows: those whose vendor documents one for everybody.
// https://learn.microsoft.com/entra/identity-platform/v2-oauth2-device-code
// https://docs.gitlab.com/api/oauth2/#device-authorization-grant-flow
func TestBundledDeviceFlows(t *testing.T) {
	var asked *http.Request
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r
		_ = r.ParseForm()
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"device_code":"d","user_code":"ABCD","verification_uri":"https://example.test/device","expires_in":900,"interval":5}`))
	}))
	defer srv.Close()
	want := map[string]string{"gitlab": "/oauth/authorize_device", "microsoft": "/contoso/oauth2/v2.0/devicecode"}
	definitions, _ := LoadProviders(configs.Providers())
	for _, d := range definitions {
		raw := strings.ReplaceAll(string(d.JSON), "https://login.microsoftonline.com/", srv.URL+"/")
		p, err := oauth.ParseDefinition([]byte(raw))
		if err != nil {
			t.Fatal(err)
		}
		can := slices.Contains(p.Description().Capabilities, sdk.CanDevice)
		if path := want[d.Slug]; can != (path != "" || d.Slug == "openid") { // openid: where discovery names one
			t.Errorf("%s: a device flow is %v", d.Slug, can)
		} else if path != "" {
			out, err := p.StartDevice(t.Context(), &sdk.StartDeviceRequest{
				Target: sdk.Target{ClientID: "c", Config: map[string]string{"base_url": srv.URL, "tenant": "contoso"}}, Scopes: []string{"a", "b"},
			})
			if err != nil || out.UserCode != "ABCD" || asked.URL.Path != path || asked.PostForm.Get("client_id") != "c" || asked.PostForm.Get("scope") != "a b" {
				t.Errorf("%s: %+v, %v; asked %v", d.Slug, out, err, asked.URL)
			}
		}
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
