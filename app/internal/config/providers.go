// SPDX-License-Identifier: Apache-2.0

package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Definition is a declared provider, in the form in which the plugin that
// serves it takes it.
type Definition struct {
	Slug string
	// JSON is an object with the slug at its top level; sdk/oauth documents the
	// rest. What it says is for the plugin to judge: here, only the names and
	// the types of its fields were checked.
	JSON []byte
	// Files it was put together from, the first of them the base.
	Files []string
}

// Raw are the definitions as they are sent to plugins.
func Raw(definitions []Definition) [][]byte {
	out := make([][]byte, len(definitions))
	for i, d := range definitions {
		out[i] = d.JSON
	}
	return out
}

// Files are the files of each definition, by slug.
func Files(definitions []Definition) map[string][]string {
	out := make(map[string][]string, len(definitions))
	for _, d := range definitions {
		out[d.Slug] = d.Files
	}
	return out
}

// LoadProviders reads the declared providers: those of bundled, then the *.hcl
// files of each folder. A later definition of a provider is laid over the
// earlier one, deeply: tables and blocks are merged, scopes by name, settings
// by key; error rules go before the earlier ones, so that they are tried first;
// anything else is replaced. A folder that does not exist is no error.
//
// A file with an error is left out, and the others are returned beside the
// diagnostics. The result is in the order of the slugs.
func LoadProviders(bundled fs.FS, dirs ...string) ([]Definition, Diagnostics) {
	l := &providerLoader{found: map[string]*layered{}}
	if bundled != nil {
		l.folder(bundled, "bundled:")
	}
	for _, dir := range dirs {
		root, err := os.OpenRoot(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			l.diags = append(l.diags, Diagnostic{Severity: Error, File: dir, Summary: "The folder cannot be read", Detail: "The system says: " + reason(err) + "."})
			continue
		}
		l.folder(root.FS(), dir+string(filepath.Separator))
		_ = root.Close() // it was only read
	}
	var out []Definition
	for _, slug := range slices.Sorted(maps.Keys(l.found)) {
		p := l.found[slug]
		b, err := json.Marshal(p.fields)
		if err != nil {
			l.diags = append(l.diags, Diagnostic{Severity: Error, File: p.files[0], Summary: "The definition cannot be written as JSON", Detail: err.Error()})
			continue
		}
		out = append(out, Definition{Slug: slug, JSON: b, Files: p.files})
	}
	return out, l.diags
}

// layered is a provider that is being put together.
type layered struct {
	fields map[string]any
	files  []string
}

type providerLoader struct {
	found map[string]*layered
	diags Diagnostics
}

// folder reads every definition of one folder. prefix goes before the names of
// its files in diagnostics.
func (l *providerLoader) folder(dir fs.FS, prefix string) {
	names, err := fs.Glob(dir, "*.hcl")
	if err == nil && names == nil {
		_, err = fs.Stat(dir, ".")
	}
	if err != nil {
		l.diags = append(l.diags, Diagnostic{Severity: Error, File: prefix, Summary: "The folder cannot be read", Detail: "The system says: " + clean(err.Error()) + "."})
		return
	}
	here := map[string]string{}
	for _, name := range names {
		shown := prefix + name
		src, err := readFS(dir, name, maxFile)
		if err != nil {
			l.diags = append(l.diags, Diagnostic{Severity: Error, File: shown, Summary: "The file cannot be read", Detail: "The system says: " + clean(err.Error()) + "."})
			continue
		}
		for slug, fields := range l.file(shown, src, dir, here) {
			p := l.found[slug]
			if p == nil {
				p = &layered{fields: map[string]any{}}
				l.found[slug] = p
			}
			p.fields = overlay(p.fields, fields)
			p.files = append(p.files, shown)
		}
	}
}

// file reads the provider blocks of one file; none where anything in it is
// wrong. here are the providers of the folder, with the file of each.
func (l *providerLoader) file(shown string, src []byte, beside fs.FS, here map[string]string) map[string]map[string]any {
	s, body := parse(shown, src, nil)
	out := map[string]map[string]any{}
	if body != nil {
		d := &decoder{source: s}
		d.body(body, nil, blocks{"provider": func(b *hclsyntax.Block) { d.provider(b, out, beside, here) }})
	}
	l.diags = append(l.diags, s.found...)
	if s.found.HasErrors() {
		return nil
	}
	for slug := range out {
		here[slug] = shown
	}
	return out
}

func (d *decoder) provider(b *hclsyntax.Block, out map[string]map[string]any, beside fs.FS, here map[string]string) {
	if len(b.Labels) != 1 {
		d.fail(b.DefRange(), "A provider has one name", `Write provider "example" { … }.`)
		return
	}
	slug := b.Labels[0]
	if !slugPattern.MatchString(slug) {
		d.fail(b.LabelRanges[0], fmt.Sprintf("%q is no name for a provider", clean(slug)), slugHelp)
		return
	}
	if file, twice := here[slug]; twice || out[slug] != nil {
		if !twice {
			file = "This file"
		}
		d.fail(b.LabelRanges[0], fmt.Sprintf("The provider %q is there twice", slug), file+" has it already. Put both into one.")
		return
	}
	fields := d.within(b).fields(b.Body, providerSchema, beside)
	fields["slug"] = slug
	out[slug] = fields
}

// overlay lays top over base and returns the result; neither is changed.
func overlay(base, top map[string]any) map[string]any {
	out := maps.Clone(base)
	for key, v := range top {
		old, exists := out[key]
		switch v := v.(type) {
		case map[string]any:
			if old, ok := old.(map[string]any); ok && exists {
				out[key] = overlay(old, v)
				continue
			}
		case []any:
			if old, ok := old.([]any); ok && exists {
				out[key] = overlayList(key, old, v)
				continue
			}
		}
		out[key] = v
	}
	return out
}

// identifiedBy names the field by which the entries of a list are known.
var identifiedBy = map[string]string{"scopes": "name", "config": "key"}

func overlayList(key string, base, top []any) []any {
	label := identifiedBy[key]
	switch {
	case key == "errors":
		return slices.Concat(top, base)
	case label == "":
		return top
	}
	out := slices.Clone(base)
	for _, v := range top {
		i := slices.IndexFunc(out, func(o any) bool { return labelOf(o, label) == labelOf(v, label) })
		if i < 0 {
			out = append(out, v)
			continue
		}
		out[i] = overlay(out[i].(map[string]any), v.(map[string]any))
	}
	return out
}

// readFS reads a plain file of at most limit bytes.
func readFS(dir fs.FS, name string, limit int64) ([]byte, error) {
	info, err := fs.Stat(dir, name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is no plain file")
	}
	f, err := dir.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("it has more than %d bytes", limit)
	}
	return b, err
}
