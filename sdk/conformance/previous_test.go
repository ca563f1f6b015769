// SPDX-License-Identifier: Apache-2.0

package conformance_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/standpipe/standpipe/sdk/conformance"
)

// unpackPrevious writes the SDK of the previous release, and a plugin on it, to
// a folder of their own.
func unpackPrevious(t *testing.T) string {
	t.Helper()
	archive, err := txtar.ParseFile("../testdata/previous.txtar")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	sums, err := os.ReadFile("../../go.sum")
	if err != nil {
		t.Fatal(err)
	}
	files := append(archive.Files, txtar.File{Name: "go.sum", Data: sums})
	for _, f := range files {
		to := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestPreviousSDK: a plugin that was built with the previous release's SDK works
// with this host's end of the protocol, and passes the suite of today but for
// what it could not know.
func TestPreviousSDK(t *testing.T) {
	dir := unpackPrevious(t)
	exe := filepath.Join(dir, "standpipe-provider-previous")
	build := exec.Command("go", "build", "-o", exe, "./plugin")
	build.Dir, build.Env = dir, append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-mod=mod", "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	d, err := conformance.Describe(t.Context(), conformance.Config{}, exe)
	if err != nil || len(d) != 1 || d[0].Slug != "previous" {
		t.Fatalf("%+v, %v", d, err)
	}
	const redirect = "http://127.0.0.1:4780/callback/previous"
	cfg := conformance.Config{
		Provider: "previous", ClientID: "app", ClientSecret: "a-client-secret", RedirectURI: redirect,
		Server: conformance.Shape{}.Of(&d[0]).Server("app", "a-client-secret", redirect),
	}
	passes(t, cfg, exe, 15)
}
