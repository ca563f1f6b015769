// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"strings"
)

// quirk is one peculiarity of a provider, as the test that shows it tells of it.
type quirk struct{ text, source, counterpart string }

// quirksOf reads them from the comments of a plugin's tests; TestQuirksAreCited
// of package app holds the form. A plugin without such a file has none.
func quirksOf(file string) ([]quirk, error) {
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []quirk
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		text, rest, ok := strings.Cut(fn.Doc.Text(), "\n\nSource: ")
		source, counterpart, both := strings.Cut(rest, "\nCounterpart: ")
		if ok && both {
			out = append(out, quirk{line(text), strings.TrimSuffix(line(source), "."), strings.TrimSuffix(line(counterpart), ".")})
		}
	}
	return out, nil
}

func line(s string) string { return strings.Join(strings.Fields(s), " ") }

// linked makes links of addresses and of owner/name#number.
func linked(source string) string {
	parts := strings.Split(source, ", ")
	for i, p := range parts {
		repo, number, isIssue := strings.Cut(p, "#")
		switch {
		case strings.HasPrefix(p, "https://"):
			parts[i] = "<" + p + ">"
			if address, more, ok := strings.Cut(p, " "); ok {
				parts[i] = "<" + address + "> " + more
			}
		case isIssue:
			parts[i] = fmt.Sprintf("[%s](https://github.com/%s/issues/%s)", p, repo, number)
		}
	}
	return strings.Join(parts, ", ")
}

func (p *provider) quirkTable(b *strings.Builder) {
	for i, q := range p.quirks {
		if i == 0 {
			b.WriteString("\n| peculiarity | known from | tested against |\n|---|---|---|\n")
		}
		fmt.Fprintf(b, "| %s | %s | %s |\n", cell(q.text), cell(linked(q.source)), cell(q.counterpart))
	}
}
