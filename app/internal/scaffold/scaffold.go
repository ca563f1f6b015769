// SPDX-License-Identifier: Apache-2.0

// Package scaffold writes the folder with which a provider plugin begins: one
// that builds at once, passes its test, and can be released. What it writes is
// the example of the documentation; there is no other copy of it.
package scaffold

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"text/template"

	"golang.org/x/mod/modfile"

	"github.com/standpipe/standpipe/app/internal/hub"
)

//go:embed all:files
var files embed.FS

// Options of a new plugin.
type Options struct {
	Name   string // "acme": lower case, digits, hyphens
	Dir    string // to be made; it may exist and be empty
	Module string // Go module path; empty: example.com/standpipe-provider-NAME
	// SDK is the folder of a checkout to build against; empty: the published
	// module of version Version.
	SDK     string
	Version string
	Author  string // for the licence; empty: "the authors"
}

var namePattern = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// semantic is a version that a go.mod can require.
var semantic = regexp.MustCompile(`^v\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$`)

// view is what the templates see.
type view struct {
	Options
	Title string // "Acme"
	Env   string // "ACME": for names of variables
}

// Write makes the folder and returns the paths in it, relative, in order. It
// overwrites nothing.
func Write(o Options) ([]string, error) {
	if !namePattern.MatchString(o.Name) || len(o.Name) > 40 {
		return nil, hub.Errorf(hub.CodeInvalid, "%q is no name for a plugin", o.Name).
			WithRemedy("Use the provider's name in lower-case letters, digits and hyphens, such as acme.")
	}
	if o.Module == "" {
		o.Module = "example.com/standpipe-provider-" + o.Name
	}
	if !semantic.MatchString(o.Version) {
		o.Version = "v0.0.0"
		if o.SDK == "" {
			return nil, hub.Errorf(hub.CodeInvalid, "this build of Standpipe has no version that a Go module could require").
				WithRemedy("Name a checkout of Standpipe with --sdk FOLDER.")
		}
	}
	if err := checkout(o.SDK); err != nil {
		return nil, err
	}
	if o.Author == "" {
		o.Author = "the authors"
	}
	if left, err := os.ReadDir(o.Dir); err == nil && len(left) > 0 {
		return nil, hub.Errorf(hub.CodeConflict, "%s is not empty", o.Dir).WithRemedy("Name another folder with --dir.")
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	v := view{Options: o, Title: title(o.Name), Env: strings.ToUpper(strings.ReplaceAll(o.Name, "-", "_"))}
	var written []string
	err := fs.WalkDir(files, "files", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name := strings.TrimSuffix(strings.TrimPrefix(path, "files/"), ".tmpl")
		b, err := render(path, v)
		if err != nil {
			return err
		}
		to := filepath.Join(o.Dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		mode := fs.FileMode(0o644)
		if strings.HasSuffix(name, ".sh") {
			mode = 0o755
		}
		written = append(written, name)
		return os.WriteFile(to, b, mode)
	})
	return written, err
}

// checkout refuses a folder that is no checkout of Standpipe.
func checkout(dir string) error {
	if dir == "" {
		return nil
	}
	mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err == nil && modfile.ModulePath(mod) == "github.com/standpipe/standpipe" {
		return nil
	}
	return hub.Errorf(hub.CodeInvalid, "%s is no checkout of Standpipe: the SDK is not there", dir).
		WithRemedy("Name with --sdk the folder in which Standpipe's own go.mod is.")
}

func render(path string, v view) ([]byte, error) {
	raw, err := files.ReadFile(path)
	if err != nil {
		return nil, err
	}
	// Other delimiters than the usual, which CI files use themselves.
	t, err := template.New(path).Delims("[[", "]]").Option("missingkey=error").Parse(string(raw))
	if err != nil {
		return nil, fmt.Errorf("template: %w", err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, v); err != nil {
		return nil, fmt.Errorf("template: %w", err)
	}
	return b.Bytes(), nil
}

// title makes "Acme Books" of "acme-books".
func title(name string) string {
	words := strings.Split(name, "-")
	for i, w := range words {
		words[i] = strings.ToUpper(w[:1]) + w[1:]
	}
	return strings.Join(words, " ")
}
