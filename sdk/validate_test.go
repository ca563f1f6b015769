// SPDX-License-Identifier: Apache-2.0

package sdk

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func good(slug string) Descriptor {
	return Descriptor{
		Slug: slug, Name: "Example", Icon: `<svg xmlns="http://www.w3.org/2000/svg"><g fill="url(#a)"><path d="M0 0"/></g></svg>`,
		DocsURL: "https://example.com/docs", ConsoleURL: "http://127.0.0.1:8080/apps", SetupSteps: []string{"Register an app."},
		Scopes:       []Scope{{Name: "read:user", Title: "Read your profile", Default: true}},
		Config:       []ConfigField{{Key: "base_url", Label: "Address", Pattern: "https://.*", Default: "https://example.com", Kind: FieldURL}},
		AllowedHosts: []string{"api.example.com:443", "127.0.0.1:8080", "[2001:db8::1]:443"},
	}
}

func TestValidDescriptor(t *testing.T) {
	d := good("example-1")
	if err := d.Validate(); err != nil {
		t.Error(err)
	}
}

func TestInvalidDescriptors(t *testing.T) {
	icon := func(inner string) func(*Descriptor) {
		return func(d *Descriptor) { d.Icon = `<svg xmlns="http://www.w3.org/2000/svg">` + inner + `</svg>` }
	}
	for name, tt := range map[string]struct {
		spoil func(*Descriptor)
		want  string
	}{
		"no slug":            {func(d *Descriptor) { d.Slug = "" }, `slug ""`},
		"slug with capitals": {func(d *Descriptor) { d.Slug = "GitHub" }, "slug"},
		"slug as a path":     {func(d *Descriptor) { d.Slug = "../x" }, "slug"},
		"no name":            {func(d *Descriptor) { d.Name = "" }, "name is missing"},
		"long name":          {func(d *Descriptor) { d.Name = strings.Repeat("x", 201) }, "limit"},
		"name with escape":   {func(d *Descriptor) { d.Name = "a\x1b[2J" }, "plain text"},
		"name reversed":      {func(d *Descriptor) { d.Name = "a\u202eb" }, "plain text"},
		"empty step":         {func(d *Descriptor) { d.SetupSteps = []string{""} }, "setup step 1"},
		"http docs":          {func(d *Descriptor) { d.DocsURL = "http://example.com" }, "docs URL"},
		"javascript console": {func(d *Descriptor) { d.ConsoleURL = "javascript:alert(1)" }, "console URL"},
		"user in console":    {func(d *Descriptor) { d.ConsoleURL = "https://u:p@example.com" }, "console URL"},
		"scope of two words": {func(d *Descriptor) { d.Scopes[0].Name = "a b" }, "scope"},
		"scope untitled":     {func(d *Descriptor) { d.Scopes[0].Title = "" }, "title of scope read:user is missing"},
		"scope twice":        {func(d *Descriptor) { d.Scopes = append(d.Scopes, d.Scopes[0]) }, "twice"},
		"bad key":            {func(d *Descriptor) { d.Config[0].Key = "Base URL" }, "config field"},
		"key twice":          {func(d *Descriptor) { d.Config = append(d.Config, d.Config[0]) }, "twice"},
		"bad pattern":        {func(d *Descriptor) { d.Config[0].Pattern = "(" }, "pattern"},
		"default unlike":     {func(d *Descriptor) { d.Config[0].Default = "ftp://https://x" }, "does not match"},
		"kind":               {func(d *Descriptor) { d.Config[0].Kind = "colour" }, "kind"},
		"level":              {func(d *Descriptor) { d.Config[0].Level = "x" }, "level"},
		"host without port":  {func(d *Descriptor) { d.AllowedHosts = []string{"example.com"} }, "host:port"},
		"host port 0":        {func(d *Descriptor) { d.AllowedHosts = []string{"example.com:0"} }, "port"},
		"host wildcard":      {func(d *Descriptor) { d.AllowedHosts = []string{"*.example.com:443"} }, "name in lower case"},
		"host as URL":        {func(d *Descriptor) { d.AllowedHosts = []string{"https://example.com"} }, "port"},
		"picture host":       {func(d *Descriptor) { d.PictureHosts = []string{"https://pictures.example.com"} }, "port"},
		"api ending in /":    {func(d *Descriptor) { d.APIs = []string{"https://api.example.com/v2/"} }, "last slash"},
		"pictures anywhere":  {func(d *Descriptor) { d.PictureHosts = []string{"*.com:443"} }, "anybody's"},
		"pictures below":     {func(d *Descriptor) { d.PictureHosts = []string{"a.*.example.com:443"} }, "name in lower case"},
		"no host":            {func(d *Descriptor) { d.AllowedHosts, d.Config = nil, nil }, "nothing can be called"},
		"pkce":               {func(d *Descriptor) { d.PKCE = "plain" }, "pkce"},
		"redirect":           {func(d *Descriptor) { d.Redirect.Host = "app" }, "redirect host"},
		"rotation":           {func(d *Descriptor) { d.Rotation = "often" }, "rotation"},
		"revoke":             {func(d *Descriptor) { d.Revoke = "all" }, "revoke"},
		"negative":           {func(d *Descriptor) { d.GraceWindow = -time.Second }, "negative"},
		"large icon":         {icon("<desc>" + strings.Repeat("x", 8<<10) + "</desc>"), "limit"},
		"no icon":            {func(d *Descriptor) { d.Icon = "x" }, "icon"},
		"png icon":           {func(d *Descriptor) { d.Icon = "<img src='x'/>" }, "not an svg"},
		"broken icon":        {icon("<path>"), "XML"},
		"script":             {icon("<script>alert(1)</script>"), `"script"`},
		"foreign object":     {icon("<foreignObject/>"), `"foreignObject"`},
		"image":              {icon(`<image/>`), `"image"`},
		"handler":            {icon(`<path onclick="alert(1)"/>`), "code"},
		"link":               {icon(`<g xlink:href="https://evil.example/"/>`), "may lead out"},
		"style":              {icon(`<path style="fill:url(https://evil.example/)"/>`), "may lead out"},
		"fill":               {icon(`<path fill="url(https://evil.example/)"/>`), "leads out"},
		"doctype":            {func(d *Descriptor) { d.Icon = `<!DOCTYPE svg [<!ENTITY x "y">]>` + d.Icon }, "document type"},
	} {
		d := good("example")
		tt.spoil(&d)
		if err := d.Validate(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// listing describes what it holds.
type listing struct {
	Provider
	list []Descriptor
	err  error
}

func (l listing) Describe(context.Context, *DescribeRequest) (*DescribeResponse, error) {
	return &DescribeResponse{Providers: l.list}, l.err
}

func (l listing) Refresh(context.Context, *RefreshRequest) (*RefreshResponse, error) { return nil, nil }

func TestDescribeLeavesOutWhatIsNotValid(t *testing.T) {
	bad, lying := good("bad"), good("lying")
	bad.Name = ""
	lying.Capabilities = []Capability{CanRefresh, CanDevice} // one of which it has no method for
	resp, problems, err := describe(t.Context(), listing{list: []Descriptor{good("a"), bad, good("a"), lying}}, &DescribeRequest{})
	if err != nil || len(problems) != 2 || len(resp.Providers) != 2 {
		t.Fatalf("got %v, %v, %v", resp, problems, err)
	}
	for _, d := range resp.Providers {
		if len(d.Capabilities) != 1 || d.Capabilities[0] != CanRefresh {
			t.Errorf("%s can %v", d.Slug, d.Capabilities)
		}
	}
	if _, _, err := describe(t.Context(), listing{list: []Descriptor{bad}}, &DescribeRequest{}); CodeOf(err) != CodePluginBug {
		t.Errorf("nothing valid: %v", err)
	}
}

func TestDescribeVerb(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if code := printDescription(t.Context(), listing{list: []Descriptor{good("a")}}, &stdout, &stderr); code != 0 || stderr.Len() > 0 {
		t.Fatalf("exit %d, %s", code, stderr.String())
	}
	var out struct {
		Protocol  int
		Providers []struct {
			Slug         string
			Icon         string
			Capabilities []string
			AllowedHosts []string `json:"allowed_hosts"`
		}
	}
	if err := json.Unmarshal(stdout.Bytes(), &out); err != nil {
		t.Fatal(err)
	}
	if out.Protocol != 1 || len(out.Providers) != 1 || out.Providers[0].Slug != "a" || out.Providers[0].Icon != good("a").Icon ||
		len(out.Providers[0].Capabilities) != 1 || len(out.Providers[0].AllowedHosts) != 3 {
		t.Errorf("printed %s", stdout.String())
	}
	bad := good("bad")
	bad.Name = ""
	stdout.Reset()
	if code := printDescription(t.Context(), listing{list: []Descriptor{good("a"), bad}}, &stdout, &stderr); code != 1 ||
		!strings.Contains(stderr.String(), "name is missing") || !json.Valid(stdout.Bytes()) {
		t.Errorf("exit %d, %s", code, stderr.String())
	}
	if code := printDescription(t.Context(), listing{err: Temporary("no")}, &stdout, &stderr); code != 1 {
		t.Errorf("exit %d", code)
	}
}
