// SPDX-License-Identifier: Apache-2.0

package config

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// ProviderFile is one file of declared providers, read for its author: the
// definitions as a hub would see them, and where in the file each part stands.
type ProviderFile struct {
	// Definitions are the providers of the file, each laid over the bundled one
	// of its name, where there is one.
	Definitions []Definition

	source *source
	blocks map[string]*hclsyntax.Block // by slug
	fields map[string]map[string]any   // merged, by slug
}

// ReadProviderFile reads the file at path over the bundled definitions. Where it
// has errors there is no ProviderFile. Diagnostics also say what the definition
// lacks to be shipped.
func ReadProviderFile(path string, bundled fs.FS) (*ProviderFile, Diagnostics) {
	dir, name := filepath.Split(path)
	if dir == "" {
		dir = "."
	}
	base := &providerLoader{found: map[string]*layered{}}
	if bundled != nil {
		base.folder(bundled, "bundled:")
	}
	l := &providerLoader{}
	src, err := readFS(os.DirFS(dir), name, maxFile)
	if err != nil {
		return nil, Diagnostics{{Severity: Error, File: path, Summary: "The file cannot be read", Detail: "The system says: " + clean(err.Error()) + "."}}
	}
	out := &ProviderFile{blocks: map[string]*hclsyntax.Block{}, fields: map[string]map[string]any{}}
	read := l.file(path, src, os.DirFS(dir), map[string]string{})
	if l.diags.HasErrors() {
		return nil, l.diags
	}
	if len(read) == 0 {
		return nil, Diagnostics{{Severity: Error, File: path, Summary: "The file declares no provider", Detail: `Write provider "example" { … }.`}}
	}
	var body *hclsyntax.Body
	out.source, body = parse(path, src, nil)
	for _, b := range body.Blocks {
		out.blocks[b.Labels[0]] = b
	}
	for _, slug := range slices.Sorted(maps.Keys(read)) {
		fields, files := read[slug], []string{path}
		if under := base.found[slug]; under != nil {
			fields, files = overlay(under.fields, fields), append(slices.Clone(under.files), path)
		}
		b, err := json.Marshal(fields)
		if err != nil {
			return nil, Diagnostics{{Severity: Error, File: path, Summary: "The definition cannot be written as JSON", Detail: err.Error()}}
		}
		out.fields[slug] = fields
		out.Definitions = append(out.Definitions, Definition{Slug: slug, JSON: b, Files: files})
	}
	found := l.diags
	for _, d := range out.Definitions {
		found = append(found, out.lacks(d.Slug)...)
	}
	return out, found
}

// At is a finding about a provider of the file, at the first of the named
// attributes or blocks that is there, else at the provider itself.
func (p *ProviderFile) At(sev Severity, slug, summary, detail string, names ...string) Diagnostic {
	b := p.blocks[slug]
	where := b.DefRange()
	if i := slices.IndexFunc(names, func(n string) bool { _, ok := p.place(b, n); return ok }); i >= 0 {
		where, _ = p.place(b, names[i])
	}
	return p.note(sev, where, slug, summary, detail)
}

func (p *ProviderFile) note(sev Severity, where hcl.Range, slug, summary, detail string) Diagnostic {
	before := len(p.source.found)
	p.source.at(sev, where, fmt.Sprintf("provider %q", slug), summary, detail)
	return p.source.found[before]
}

// place finds an attribute or the first block of that name.
func (*ProviderFile) place(b *hclsyntax.Block, name string) (hcl.Range, bool) {
	if a, ok := b.Body.Attributes[name]; ok {
		return a.NameRange, true
	}
	for _, inner := range b.Body.Blocks {
		if inner.Type == name {
			return inner.DefRange(), true
		}
	}
	return hcl.Range{}, false
}

// reassigned are names of fields that hold what a person can change or give up.
var reassigned = []string{"email", "mail", "emailAddress", "email_address", "userPrincipalName", "preferred_username", "username", "login", "name"}

// lacks says what a definition does not say, and what that means to its users.
func (p *ProviderFile) lacks(slug string) Diagnostics {
	fields := p.fields[slug]
	has := func(name string) bool { v, ok := fields[name]; return ok && v != "" && v != nil }
	var out Diagnostics
	lack := func(sev Severity, ok bool, summary, detail string, near ...string) {
		if !ok {
			out = append(out, p.At(sev, slug, summary, detail, near...))
		}
	}
	lack(Error, has("identity") || has("issuer"), "Nothing says whose account a token is of",
		"Add identity { url = …, subject = … }: without it, two accounts cannot be told apart, and a reconnect not from a new one.")
	if id, ok := fields["identity"].(map[string]any); ok && !has("issuer") {
		lack(Error, id["subject"] != nil && id["subject"] != "", "The identity has no subject", "Name the path of the account's immutable id, never of its e-mail address.", "identity")
	}
	if id, ok := fields["identity"].(map[string]any); ok {
		subject, _ := id["subject"].(string)
		lack(Warning, !slices.Contains(reassigned, subject[strings.LastIndexByte(subject, '.')+1:]), fmt.Sprintf("The identity's subject %q can become somebody else's", clean(subject)),
			"Name the path of the account's immutable id; an address or a name goes into email, login or name.", "identity")
	}
	lack(Error, has("revocation") || has("revoke_note"), "Nothing says how a token is withdrawn",
		`Add revocation { url = … }, or, where the provider has none, revoke_note = "where the user can do it".`, "revoke")
	lack(Warning, has("errors"), "There is no error map",
		"Add error { code = …, as = … } for the codes after which only the user can help. Without it, only the codes of RFC 6749 are understood.")
	lack(Warning, has("redirect"), "Nothing says which redirect URI the provider takes",
		"Add redirect { … }, or redirect {} where the loopback address with a fixed port will do: then somebody has looked.")
	lack(Warning, has("rotation"), "Nothing says what a refresh does to the refresh token",
		`Add rotation = "none", "soft" or "single_use".`)
	lack(Warning, has("description"), "There is no description", "Say in a sentence what connecting gives.")
	lack(Warning, has("console_url") && has("setup_steps"), "Nothing says how to register an OAuth app",
		"Add console_url and setup_steps.")
	for _, b := range p.blocks[slug].Body.Blocks {
		if b.Type == "scope" && len(b.Labels) == 1 {
			if _, titled := b.Body.Attributes["title"]; !titled && !p.titled(slug, b.Labels[0]) {
				out = append(out, p.note(Error, b.DefRange(), slug, fmt.Sprintf("The scope %q has no sentence", clean(b.Labels[0])),
					`Add title = "…": what it allows, in the user's words.`))
			}
		}
	}
	return out
}

// titled reports whether the merged definition has a sentence for a scope.
func (p *ProviderFile) titled(slug, scope string) bool {
	scopes, _ := p.fields[slug]["scopes"].([]any)
	return slices.ContainsFunc(scopes, func(v any) bool {
		s, ok := v.(map[string]any)
		return ok && s["name"] == scope && s["title"] != nil && s["title"] != ""
	})
}
