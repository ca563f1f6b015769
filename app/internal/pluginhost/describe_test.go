// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk"
)

// These are descriptions that no plugin of the SDK's would send. A plugin need
// not be one.

func TestCheckDescriptionsCleans(t *testing.T) {
	t.Parallel()
	out, problems, err := checkDescriptions("plug", []sdk.Descriptor{{
		Slug: "a", Name: "A \x1b[31mname\u202e", Description: strings.Repeat("d", 5000), Icon: `<svg onload="alert(1)"/>`,
		DocsURL: "javascript:alert(1)", ConsoleURL: "https://a.example/apps", SetupSteps: []string{"one\n", "", "two"},
		Scopes:       []sdk.Scope{{Name: "read", Title: "Read\x00"}},
		Config:       []sdk.ConfigField{{Key: "base_url", Pattern: "https://.*", Kind: sdk.FieldURL}},
		AllowedHosts: []string{"API.a.example:443", "api.a.example:443", "a.example"},
		Rotation:     "invented", GraceWindow: -time.Second, Revoke: "everything",
		Capabilities: []sdk.Capability{"refresh", "refresh", "root"},
	}})
	if err != nil || len(out) != 1 || len(problems) != 2 {
		t.Fatalf("%d providers, problems %q, %v", len(out), problems, err)
	}
	d := out[0]
	if d.Name != "A [31mname" || len(d.Description) != maxText || d.Icon != "" || d.DocsURL != "" || d.ConsoleURL == "" ||
		!slices.Equal(d.SetupSteps, []string{"one", "two"}) || d.Scopes[0].Title != "Read" || !d.Config[0].URL ||
		!slices.Equal(d.AllowedHosts, []string{"api.a.example:443", "a.example:443"}) ||
		d.Rotation != hub.RotationUnknown || d.GraceWindow != 0 || d.Revoke != hub.ReachNone ||
		!slices.Equal(d.Capabilities, []hub.Capability{hub.CanRefresh}) || d.Plugin != "plug" {
		t.Errorf("description %+v", d)
	}
}

func TestCheckPictureHosts(t *testing.T) {
	t.Parallel()
	got, err := checkPictureHosts([]string{"Pictures.example.com:443", "*.Files.example.com:443", "[2001:DB8::1]:443"})
	if want := []string{"pictures.example.com:443", "*.files.example.com:443", "[2001:db8::1]:443"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
	for _, bad := range []string{"*", "*.", "*.com:443", "*.*.example.com:443", "a.*.example.com:443", "*.10.0.0.1:443", "https://a.example", "a.example:"} {
		// Pictures are no reason to do without the provider.
		out, problems, err := checkDescriptions("p", []sdk.Descriptor{{Slug: "x", PictureHosts: []string{bad}}})
		if err != nil || len(out) != 1 || out[0].PictureHosts != nil || len(problems) != 1 {
			t.Errorf("%q: %+v, %q, %v", bad, out, problems, err)
		}
	}
}

func TestCheckDescriptionsRefuses(t *testing.T) {
	t.Parallel()
	good := sdk.Descriptor{Slug: "good"}
	for name, bad := range map[string]sdk.Descriptor{
		"path":           {Slug: "../../etc"},
		"upper case":     {Slug: "GitHub"},
		"empty":          {},
		"blank":          {Slug: "a b"},
		"long":           {Slug: strings.Repeat("a", 65)},
		"twice":          {Slug: "good"},
		"wildcard host":  {Slug: "x", AllowedHosts: []string{"*.example:443"}},
		"URL as host":    {Slug: "x", AllowedHosts: []string{"https://a.example"}},
		"no port":        {Slug: "x", AllowedHosts: []string{"a.example:"}},
		"many hosts":     {Slug: "x", AllowedHosts: make([]string, maxHosts+1)},
		"redirect":       {Slug: "x", Redirect: sdk.RedirectRule{Host: "evil.example"}},
		"scope":          {Slug: "x", Scopes: []sdk.Scope{{Name: "two words"}}},
		"field":          {Slug: "x", Config: []sdk.ConfigField{{Key: "__proto__"}}},
		"field pattern":  {Slug: "x", Config: []sdk.ConfigField{{Key: "a", Pattern: "("}}},
		"many scopes":    {Slug: "x", Scopes: make([]sdk.Scope, maxScopes+1)},
		"too many field": {Slug: "x", Config: make([]sdk.ConfigField, maxFields+1)},
	} {
		out, problems, err := checkDescriptions("p", []sdk.Descriptor{good, bad})
		if err != nil || len(out) != 1 || out[0].Slug != "good" || len(problems) != 1 {
			t.Errorf("%s: %d providers, problems %q, %v", name, len(out), problems, err)
		}
		if bad.Slug == "good" {
			continue
		}
		if out, _, err := checkDescriptions("p", []sdk.Descriptor{bad}); err == nil {
			t.Errorf("%s: a plugin with nothing usable gives %+v", name, out)
		}
	}
	if _, _, err := checkDescriptions("p", make([]sdk.Descriptor, maxProviders+1)); err == nil {
		t.Error("too many providers are accepted")
	}
	if out, _, err := checkDescriptions("p", nil); err != nil || len(out) != 0 {
		t.Errorf("a plugin without providers: %v, %v", out, err)
	}
}
