// SPDX-License-Identifier: Apache-2.0

package app_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const module = "github.com/standpipe/standpipe/"

// pkg is what `go list` says of a package.
type pkg struct {
	ImportPath  string
	Standard    bool
	Imports     []string
	Deps        []string
	TestGoFiles []string
}

// list runs `go list -json` and decodes its stream.
func list(t *testing.T, args ...string) []pkg {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Standard,Imports,Deps"}, args...)...)
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		if e, ok := errors.AsType[*exec.ExitError](err); ok {
			t.Fatalf("go list %v: %s", args, e.Stderr)
		}
		t.Fatal(err)
	}
	var all []pkg
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func under(path string, folders ...string) bool {
	for _, f := range folders {
		if path == module+f || strings.HasPrefix(path, module+f+"/") {
			return true
		}
	}
	return false
}

// TestImports holds the house to its plan: who may import whom, and why.
func TestImports(t *testing.T) {
	external := func(path string) bool { return strings.Contains(strings.SplitN(path, "/", 2)[0], ".") }
	rules := []struct {
		who    string // below the module
		except []string
		bad    func(imported string) bool
		why    string
	}{
		{"app/internal/hub", nil, func(p string) bool { return external(p) && p != module+"sdk/secret" },
			"the domain knows the standard library and the secret type, so that every other room can import it"},
		{"app/internal", []string{"app/internal/api"}, func(p string) bool {
			return under(p, "app/internal") && !under(p, "app/internal/hub", "app/internal/api/contract", "app/internal/faults", "app/internal/keychain", "app/internal/near", "app/internal/version")
		}, "rooms meet through the interfaces that hub and they themselves declare; package app wires them"},
		{"app/internal/api", nil, func(p string) bool {
			return under(p, "app/internal") && !under(p, "app/internal/hub", "app/internal/api") || strings.Contains(p, "badger") || strings.Contains(p, "go-plugin")
		}, "the API calls the domain services; it never touches the store or a plugin"},
		{"app", []string{"app/internal/pluginhost"}, func(p string) bool { return strings.HasSuffix(p, "hashicorp/go-plugin") },
			"one place knows what is dangerous about go-plugin"},
		{"app", []string{"app/desktop"}, func(p string) bool { return strings.Contains(p, "wailsapp/wails") },
			"everything but the window builds without a C compiler"},
		{"sdk", nil, func(p string) bool { return under(p, "app", "plugins", "frontend", "configs") },
			"plugin authors import the SDK and nothing of the program"},
		{"plugins", nil, func(p string) bool { return external(p) && !under(p, "sdk", "plugins") },
			"a bundled plugin has no private way in: a third party can copy it"},
	}
	pkgs := list(t, "-tags", "desktop,production,webkit2_41", "./...")
	for _, r := range rules {
		seen := false
		for _, p := range pkgs {
			// A package's own subpackages are part of its room.
			room := func(path string) string {
				parts := strings.SplitN(strings.TrimPrefix(path, module+"app/internal/"), "/", 2)
				return parts[0]
			}
			if !under(p.ImportPath, r.who) || under(p.ImportPath, r.except...) || strings.Contains(p.ImportPath, "/testdata/") {
				continue
			}
			seen = true
			for _, imported := range p.Imports {
				if r.bad(imported) && (!under(imported, "app/internal") || room(imported) != room(p.ImportPath)) {
					t.Errorf("%s imports %s: %s", p.ImportPath, imported, r.why)
				}
			}
		}
		if !seen {
			t.Errorf("the rule for %s applies to nothing", r.who)
		}
	}
}

// TestLightDependencies keeps heavy things away from plugins and their authors.
func TestLightDependencies(t *testing.T) {
	for _, p := range list(t, "./sdk/...", "./plugins/...") {
		for _, d := range p.Deps {
			for _, heavy := range []string{"wails", "dgraph-io/badger", "spf13/cobra", "danielgtaylor/huma", module + "app"} {
				if strings.Contains(d, heavy) {
					t.Errorf("%s depends on %s", p.ImportPath, d)
				}
			}
		}
	}
}

// TestFiles holds every hand-written file to its first line, and every package
// to a comment that says what it is for.
func TestFiles(t *testing.T) {
	documented := map[string]bool{}
	packages := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == "dist" || d.Name() == "build" || d.Name() == "bin" || strings.HasPrefix(d.Name(), ".") && path != "..") {
			return filepath.SkipDir
		}
		ext := filepath.Ext(path)
		if ext != ".go" && ext != ".ts" && ext != ".svelte" && ext != ".mjs" && ext != ".proto" && ext != ".hcl" {
			return nil
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		line, err := bufio.NewReader(f).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		generated := strings.Contains(line, "generated") || strings.HasSuffix(path, ".pb.go")
		fixture := strings.Contains(path, "testdata")
		if !generated && !fixture && !strings.Contains(line, "SPDX-License-Identifier: Apache-2.0") {
			t.Errorf("%s does not begin with its licence", path)
		}
		if ext != ".go" || fixture || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.PackageClauseOnly)
		if err != nil {
			return err
		}
		packages[filepath.Dir(path)] = true
		if file.Doc != nil {
			documented[filepath.Dir(path)] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for dir := range packages {
		if !documented[dir] && !strings.HasSuffix(dir, "providerpb") && !strings.HasSuffix(dir, "/v1") {
			t.Errorf("the package in %s has no comment", dir)
		}
	}
}

// TestMap: docs/architecture.md names every room of the house, and none that is
// not there.
func TestMap(t *testing.T) {
	text, err := os.ReadFile("../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, "|")
		if len(cells) < 4 || !strings.HasPrefix(line, "| `") {
			continue
		}
		under := ""
		for _, found := range regexp.MustCompile("`([a-z0-9/]+)`").FindAllStringSubmatch(cells[1], -1) {
			name := found[1]
			if dir, base := filepath.Split(name); dir != "" {
				under = dir
			} else if under != "" {
				name = under + base // `app/internal/store`, `seal`
			}
			named[name] = true
			if info, err := os.Stat("../" + name); err != nil || !info.IsDir() {
				t.Errorf("the map names %s, which is no folder", name)
			}
		}
	}
	for _, pattern := range []string{"*", "internal/*"} {
		folders, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range folders {
			if info, err := os.Stat(f); err == nil && info.IsDir() && f != "internal" && !named["app/"+filepath.ToSlash(f)] {
				t.Errorf("the map does not name app/%s", filepath.ToSlash(f))
			}
		}
	}
}

// TestQuirksAreCited: each quirk of a provider that a plugin is tested for says
// where it is known from, and against whom it was tried: a certified server, a
// third party's, or ours.
func TestQuirksAreCited(t *testing.T) {
	files, err := filepath.Glob("../plugins/*/quirks_test.go")
	if err != nil || len(files) < 4 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	cited := regexp.MustCompile(`(?s)^\S.*\n\nSource: .*(?:https://|\w#\d|\w v\d).*\nCounterpart: (?:ours|third-party|certified|none is asked)[ ,;.]`)
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || !strings.HasPrefix(f.Name.Name, "Test") || f.Name.Name == "TestTheTableTellsEverything" || f.Name.Name == "TestAddressesThatAreTaken" {
				continue
			}
			if doc := f.Doc.Text(); !cited.MatchString(doc) {
				t.Errorf("%s: %s says not what it shows, its Source and its Counterpart:\n%s", file, f.Name.Name, doc)
			}
		}
	}
}
