// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestEveryKindIsListed reads the constants of type Kind from the source: one
// that is not in Kinds would be missing from backups, and nobody would notice
// before a restore.
func TestEveryKindIsListed(t *testing.T) {
	declared := map[Kind]bool{}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 {
				return true
			}
			if of, ok := spec.Type.(*ast.Ident); !ok || of.Name != "Kind" {
				return true
			}
			value, ok := spec.Values[0].(*ast.BasicLit)
			if !ok {
				t.Errorf("%s: the kind %s is not a plain string", name, spec.Names[0])
				return true
			}
			kind, err := strconv.Unquote(value.Value)
			if err != nil {
				t.Error(err)
			}
			declared[Kind(kind)] = true
			if KeepingOf(Kind(kind)) == "" {
				t.Errorf("%s is not in the list of kinds: say there what a backup does with it", spec.Names[0])
			}
			return true
		})
	}
	listed := map[Kind]bool{}
	for k := range Kinds() {
		if listed[k.Kind] {
			t.Errorf("%q is listed twice", k.Kind)
		}
		listed[k.Kind] = true
		if !declared[k.Kind] {
			t.Errorf("%q is listed, and no constant", k.Kind)
		}
		switch k.Keeping {
		case Kept, Passing, Derived:
		default:
			t.Errorf("%q: %q is no way to keep a kind", k.Kind, k.Keeping)
		}
	}
	if len(declared) < 7 {
		t.Errorf("only %d kinds were found in the source", len(declared))
	}
}
