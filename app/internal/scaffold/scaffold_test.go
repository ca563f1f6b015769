// SPDX-License-Identifier: Apache-2.0

package scaffold_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/scaffold"
)

// sdk is the checkout that these tests belong to.
func sdk(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// TestNew: from an empty folder outside of this repository to a plugin that
// builds, passes the suite three ways, and is released.
func TestNew(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a module of its own")
	}
	dir := filepath.Join(t.TempDir(), "acme")
	written, err := scaffold.Write(scaffold.Options{Name: "acme", Dir: dir, SDK: sdk(t)})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"main.go", "provider.go", "provider_test.go", "README.md", "LICENSE", "release.sh", ".github/workflows/ci.yml", "go.mod"} {
		if !slices.Contains(written, want) {
			t.Errorf("no %s in %v", want, written)
		}
	}
	run(t, dir, "go", "mod", "tidy")
	if out := run(t, dir, "gofmt", "-l", "."); out != "" {
		t.Errorf("not formatted: %s", out)
	}
	run(t, dir, "go", "vet", "./...")
	run(t, dir, "go", "test", "./...")
	run(t, dir, "./release.sh", "1.2.3", runtime.GOOS+"/"+runtime.GOARCH)
	archive := filepath.Join(dir, "dist", "acme_1.2.3_"+runtime.GOOS+"_"+runtime.GOARCH+".tar.gz")
	run(t, dir, "tar", "-xzf", archive)
	var says struct {
		Version   string
		Providers []struct{ Slug string }
	}
	if err := json.Unmarshal([]byte(run(t, dir, "./standpipe-provider-acme", "describe")), &says); err != nil || says.Version != "1.2.3" || says.Providers[0].Slug != "acme" {
		t.Errorf("the released plugin says %+v, %v", says, err)
	}
}

// TestTutorial holds the listings of the tutorial to what is generated.
func TestTutorial(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "acme")
	if _, err := scaffold.Write(scaffold.Options{Name: "acme", Dir: dir, SDK: sdk(t)}); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(sdk(t), "docs", "plugins", "tutorial.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"main.go", "provider.go"} {
		b, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		if listing := "```go generated " + file + "\n" + string(b) + "```"; !strings.Contains(string(page), listing) {
			t.Errorf("the tutorial's listing of %s is not what `plugin new` writes:\n%s", file, b)
		}
	}
}

// TestLines counts the lines of the smallest plugin: what somebody has to write,
// and to read, for a provider without peculiarities.
func TestLines(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "acme")
	if _, err := scaffold.Write(scaffold.Options{Name: "acme", Dir: dir, SDK: sdk(t)}); err != nil {
		t.Fatal(err)
	}
	for file, most := range map[string]int{"main.go": 10, "provider.go": 20} {
		b, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(b, []byte{'\n'}); n > most {
			t.Errorf("%s has %d lines, want at most %d", file, n, most)
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "mine"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]scaffold.Options{
		"upper case": {Name: "Acme", Dir: t.TempDir(), SDK: sdk(t)},
		"path":       {Name: "../acme", Dir: t.TempDir(), SDK: sdk(t)},
		"full":       {Name: "acme", Dir: full, SDK: sdk(t)},
		"no folder":  {Name: "acme", Dir: t.TempDir(), SDK: "/nosuch"},
		"no SDK":     {Name: "acme", Dir: t.TempDir(), SDK: full},
		"no version": {Name: "acme", Dir: t.TempDir(), Version: "dev"},
	} {
		if written, err := scaffold.Write(o); err == nil {
			t.Errorf("%s: wrote %v", name, written)
		} else if e, ok := errors.AsType[*hub.Error](err); !ok || e.Remedy == "" {
			t.Errorf("%s: %v without a remedy", name, err)
		}
	}
	if left, _ := os.ReadDir(full); len(left) != 1 {
		t.Error("a full folder was written to")
	}
	if _, err := scaffold.Write(scaffold.Options{Name: "acme-books", Dir: filepath.Join(full, "new"), Version: "v1.2.3"}); err != nil {
		t.Error(err)
	} else if b, _ := os.ReadFile(filepath.Join(full, "new", "provider.go")); !strings.Contains(string(b), `"Acme Books"`) {
		t.Errorf("%s", b)
	}
}
