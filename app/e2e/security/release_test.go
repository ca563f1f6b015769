// SPDX-License-Identifier: Apache-2.0

package security

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"aead.dev/minisign"

	"github.com/standpipe/standpipe/app/e2e/rig"
)

// publisher makes releases of a plugin, each in a folder of its own.
type publisher struct {
	t    *testing.T
	home *rig.Home
	key  *minisign.PrivateKey // nil: it does not sign
}

func newPublisher(t *testing.T, home *rig.Home, signs bool) *publisher {
	t.Helper()
	p := &publisher{t: t, home: home}
	if signs {
		_, key, err := minisign.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		p.key = &key
	}
	return p
}

// release returns the path of the archive of a version; spoil changes it after it
// was signed.
func (p *publisher) release(version string, spoil bool) string {
	p.t.Helper()
	dir, err := os.MkdirTemp(p.home.Dir, "release-")
	if err != nil {
		p.t.Fatal(err)
	}
	program := filepath.Join(dir, "program")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w -X github.com/standpipe/standpipe/sdk.PluginVersion="+version, "-o", program, "./testdata/evil")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		p.t.Fatalf("build: %v\n%s", err, out)
	}
	code, err := os.ReadFile(program)
	if err != nil {
		p.t.Fatal(err)
	}
	var archive bytes.Buffer
	z, _ := gzip.NewWriterLevel(&archive, gzip.BestSpeed)
	w := tar.NewWriter(z)
	_ = w.WriteHeader(&tar.Header{Name: "standpipe-provider-acme", Mode: 0o755, Size: int64(len(code)), Typeflag: tar.TypeReg})
	_, _ = w.Write(code)
	if w.Close() != nil || z.Close() != nil {
		p.t.Fatal("the archive cannot be written")
	}
	name := fmt.Sprintf("acme_%s_%s_%s.tar.gz", version, runtime.GOOS, runtime.GOARCH)
	sums := fmt.Sprintf("%x  %s\n", sha256.Sum256(archive.Bytes()), name)
	files := map[string][]byte{name: archive.Bytes(), "acme_" + version + "_SHA256SUMS": []byte(sums)}
	if p.key != nil {
		files["acme_"+version+"_SHA256SUMS.minisig"] = minisign.Sign(*p.key, []byte(sums))
		files["minisign.pub"], _ = p.key.Public().(minisign.PublicKey).MarshalText()
	}
	if spoil {
		files[name] = append(bytes.Clone(archive.Bytes()), 0)
	}
	for file, b := range files {
		if err := os.WriteFile(filepath.Join(dir, file), b, 0o644); err != nil {
			p.t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		p.t.Fatal(err)
	}
	return filepath.Join(dir, name)
}

// signatures: a plugin's publisher is pinned by its first release; what he did not
// sign, or what is older, is refused from then on.
func signatures(t *testing.T, home *rig.Home) {
	t.Helper()
	ours, nobody, other := newPublisher(t, home, true), newPublisher(t, home, false), newPublisher(t, home, true)
	public, _ := other.key.Public().(minisign.PublicKey).MarshalText()
	lines := strings.Split(strings.TrimSpace(string(public)), "\n")
	refused := func(what, says string, args ...string) {
		t.Helper()
		if r := home.Try(append([]string{"plugin", "install", "--yes"}, args...)...); r.Exit == 0 || !strings.Contains(r.Stderr, says) {
			t.Errorf("%s: exit %d\n%s%s", what, r.Exit, r.Stdout, r.Stderr)
		}
	}
	unsigned := nobody.release("1.3.0", false)
	refused("nobody signed what somebody must have", "not signed", unsigned, "--publisher-key", lines[len(lines)-1])
	refused("it was changed after it was signed", "is not what its release says", ours.release("1.1.0", true))
	home.CLI("plugin", "install", "--yes", ours.release("1.2.0", false))
	refused("unsigned", "not signed", unsigned)
	refused("signed by another", "", other.release("1.4.0", false))
	refused("older", "newer than 1.1.0", ours.release("1.1.0", false))
	if got := home.CLI("plugin", "list"); !strings.Contains(got, "1.2.0") {
		t.Errorf("what is installed: %s", got)
	}
}
