// SPDX-License-Identifier: Apache-2.0

package conformance_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/standpipe/standpipe/sdk/conformance"
)

// TestOtherLanguage: the plugin of docs/plugins/node, which shares no code with
// the SDK, passes the suite. So the protocol is what docs/plugin-protocol.md
// says, not what two ends of one library agree on.
func TestOtherLanguage(t *testing.T) {
	if testing.Short() {
		t.Skip("fetches the packages of the Node plugin")
	}
	if runtime.GOOS == "windows" {
		t.Skip("the example is a script with a first line for Unix")
	}
	const docs = "../../docs/plugins/node"
	dir := t.TempDir()
	for _, name := range []string{"plugin.js", "package.json", "package-lock.json", "provider.proto"} {
		b, err := os.ReadFile(filepath.Join(docs, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	ours, err := os.ReadFile("../proto/standpipe/provider/v1/provider.proto")
	if err != nil {
		t.Fatal(err)
	}
	if theirs, _ := os.ReadFile(filepath.Join(docs, "provider.proto")); !bytes.Equal(ours, theirs) {
		t.Error("the example's provider.proto is not the protocol's: run tools/generate-proto.sh")
	}
	npm := exec.Command("npm", "ci", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error")
	npm.Dir = dir
	if out, err := npm.CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
	build := exec.Command("npm", "run", "--silent", "build")
	build.Dir = dir
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("npm run build: %v\n%s", err, out)
	}
	// A host runs a copy of it, without what lies beside it.
	exe := filepath.Join(t.TempDir(), "standpipe-provider-example")
	if err := os.Rename(filepath.Join(dir, "dist", "standpipe-provider-example"), exe); err != nil {
		t.Fatal(err)
	}
	const redirect = "http://127.0.0.1:4780/callback/example-node"
	cfg := conformance.Config{
		Provider: "example-node", ClientID: "app", ClientSecret: "a-client-secret", RedirectURI: redirect,
		Server: conformance.Shape{Reach: "grant"}.Server("app", "a-client-secret", redirect),
	}
	passes(t, cfg, exe, 17)
}
