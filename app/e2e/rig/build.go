// SPDX-License-Identifier: Apache-2.0

// Package rig runs the built product for the end-to-end tests: as an
// unprivileged user, in a home folder of its own, against authorization
// servers that others wrote.
package rig

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// Product is the built program, copied to where an unprivileged user can run it.
type Product struct {
	Standpipe string
	Desktop   string
	Faults    string // the hub with the hooks of -tags faults; the window with them is DesktopFaults
}

var build = sync.OnceValues(func() (*Product, error) {
	root := Root()
	make := exec.Command("make", "build", "desktop")
	make.Dir = root
	if out, err := make.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("make build desktop: %w\n%s", err, out)
	}
	dir, err := os.MkdirTemp("", "standpipe-e2e-")
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, err
	}
	p := &Product{Standpipe: filepath.Join(dir, "standpipe"), Desktop: filepath.Join(dir, "standpipe-desktop"), Faults: filepath.Join(dir, "standpipe-faults")}
	if err := buildFaults(p.Faults, "CGO_ENABLED=0"); err != nil {
		return nil, err
	}
	plugins, err := filepath.Glob(filepath.Join(root, "bin", "plugins", "*"))
	if err != nil {
		return nil, err
	}
	if err := os.Mkdir(filepath.Join(dir, "plugins"), 0o755); err != nil {
		return nil, err
	}
	files := map[string]string{filepath.Join(root, "bin", "standpipe"): p.Standpipe, filepath.Join(root, "bin", "standpipe-desktop"): p.Desktop}
	for _, f := range plugins {
		files[f] = filepath.Join(dir, "plugins", filepath.Base(f))
	}
	for from, to := range files {
		if err := copyFile(from, to); err != nil {
			return nil, err
		}
	}
	return p, nil
})

// buildFaults builds a program with the hooks. All but the tag is as in the
// Makefile, so that what the tag does not change is not compiled once more.
func buildFaults(path, cgo string, tags ...string) error {
	cmd := exec.Command("go", "build", "-trimpath", "-tags", strings.Join(append(tags, "faults"), ","), "-o", path, ".")
	cmd.Dir, cmd.Env = Root(), append(os.Environ(), cgo)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", filepath.Base(path), err, out)
	}
	return nil
}

// desktopFaults is the window with the hooks, beside the rest of the product.
var desktopFaults = sync.OnceValues(func() (string, error) {
	p, err := build()
	if err != nil {
		return "", err
	}
	path := p.Desktop + "-faults"
	return path, buildFaults(path, "CGO_ENABLED=1", "desktop", "production", "webkit2_41")
})

// DesktopFaults is the window with the hooks of -tags faults. It is built when it
// is first asked for: few tests need it, and its linking takes a while.
func (p *Product) DesktopFaults(t testing.TB) string {
	t.Helper()
	built, err := desktopFaults()
	path := p.Desktop + "-faults"
	if err == nil && built != path { // with some of the plugins only
		if err = os.Link(built, path); errors.Is(err, fs.ErrExist) {
			err = nil
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Build makes the product once per test process.
func Build(t testing.TB) *Product {
	t.Helper()
	p, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// With is the product with some of its plugins only, for a test that starts the
// hub so often that the others would be most of the work.
func (p *Product) With(t testing.TB, plugins ...string) *Product {
	t.Helper()
	dir, err := os.MkdirTemp(filepath.Dir(p.Standpipe), "with-")
	if err == nil {
		err = errors.Join(os.Chmod(dir, 0o755), os.Mkdir(filepath.Join(dir, "plugins"), 0o755))
	}
	if err != nil {
		t.Fatal(err)
	}
	link := func(path string) string {
		rel, err := filepath.Rel(filepath.Dir(p.Standpipe), path)
		to := filepath.Join(dir, rel)
		if err == nil {
			err = os.Link(path, to)
		}
		if err != nil {
			t.Fatal(err)
		}
		return to
	}
	from := filepath.Join(filepath.Dir(p.Standpipe), "plugins")
	link(filepath.Join(from, "plugins.sum")) // tells of more than there is, which is no harm
	for _, name := range plugins {
		link(filepath.Join(from, "standpipe-provider-"+name))
	}
	return &Product{Standpipe: link(p.Standpipe), Desktop: link(p.Desktop), Faults: link(p.Faults)}
}

// Clean removes what Build made. Call it at the end of TestMain.
func Clean() {
	if p, err := build(); err == nil {
		_ = os.RemoveAll(filepath.Dir(p.Standpipe))
	}
}

// Root is the folder of the checkout.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..", "..")
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	if err := out.Close(); err != nil {
		return err
	}
	return os.Chmod(to, 0o755)
}
