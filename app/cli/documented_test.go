// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// TestDocumentedCommands: every command line of this program that the
// documentation, an error's remedy or the page names is one that it
// understands: there is such a command, with such flags, and, where the line
// stands by itself, with as many arguments.
func TestDocumentedCommands(t *testing.T) {
	lines := 0
	see := func(where, line string, whole bool) {
		if label.MatchString(line) {
			return
		}
		lines++
		if err := understood(line, whole); err != nil {
			t.Errorf("%s: %s\n\t%v", where, line, err)
		}
	}
	root := filepath.Join("..", "..")
	walk(t, root, ".md", func(path, text string) {
		for _, block := range fenced.FindAllStringSubmatch(text, -1) {
			for line := range strings.Lines(strings.ReplaceAll(block[1], "\\\n", " ")) {
				line = strings.TrimPrefix(strings.TrimSpace(line), "$ ")
				if strings.HasPrefix(line, "standpipe ") {
					see(path, line, true)
				}
			}
		}
		spans := fenced.ReplaceAllString(text, "")
		for _, span := range quoted.FindAllStringSubmatch(spans, -1) {
			see(path, strings.Join(strings.Fields(span[1]), " "), false)
		}
	})
	walk(t, filepath.Join(root, "app"), ".go", func(path, text string) {
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, text, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				s, _ := strconv.Unquote(lit.Value)
				for _, found := range slices.Concat(quoted.FindAllStringSubmatch(s, -1), atEnd.FindAllStringSubmatch(s, -1)) {
					see(path, found[1], false)
				}
			}
			return true
		})
	})
	walk(t, filepath.Join(root, "frontend", "src"), "", func(path, text string) {
		for _, found := range slices.Concat(coded.FindAllStringSubmatch(text, -1), quoted.FindAllStringSubmatch(text, -1)) {
			see(path, found[1], false)
		}
	})
	if lines < 100 {
		t.Errorf("only %d lines were found: the patterns do not fit any more", lines)
	}
}

var (
	fenced = regexp.MustCompile("(?ms)^ *```(?:sh|console|bash)?$(.*?)^ *```$")
	quoted = regexp.MustCompile("`(standpipe [a-z][^`]*)`")
	coded  = regexp.MustCompile(`<code>(standpipe [a-z][^<]*)</code>`)
	label  = regexp.MustCompile(` v[0-9]$`) // of what a key is for: docs/vault.md
	atEnd  = regexp.MustCompile(`: (standpipe [a-z-]+(?: [^.;]+)?)$`)
)

// walk calls f with the files below dir whose names end so.
func walk(t *testing.T, dir, ext string, f func(path, text string)) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := d.Name(); d.IsDir() && (name == "node_modules" || name == "dist" || name == "testdata" || name == "files" || len(name) > 2 && name[0] == '.') {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ext) {
			return nil
		}
		b, err := os.ReadFile(path)
		f(path, string(b))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// understood parses a line as the program would. A placeholder counts as an
// argument, as does a verb of a format.
func understood(line string, whole bool) error {
	line, _, _ = strings.Cut(line, " #")
	for _, end := range []string{" | ", " && ", " > ", " < ", "   "} {
		line, _, _ = strings.Cut(line, end)
	}
	root := newRoot(&env{})
	cmd, rest, err := root.Find(strings.Fields(line)[1:])
	if err != nil {
		return err
	}
	if err := cmd.ParseFlags(rest); err != nil && !errors.Is(err, pflag.ErrHelp) {
		return err
	}
	args := cmd.Flags().Args()
	if cmd.HasSubCommands() || whole {
		return cmd.ValidateArgs(args)
	}
	return nil
}
