// SPDX-License-Identifier: Apache-2.0

package install_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"aead.dev/minisign"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/pluginhost"
	"github.com/standpipe/standpipe/app/internal/pluginhost/install"
	"github.com/standpipe/standpipe/app/internal/pluginhost/lock"
)

// shifty is testdata/shifty, built once.
var shifty []byte

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "shifty")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		build := exec.Command("go", "build", "-ldflags=-s -w", "-o", filepath.Join(dir, "shifty"), "./testdata/shifty")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build of the test plugin: %v\n%s", err, out)
			return 1
		}
		if shifty, err = os.ReadFile(filepath.Join(dir, "shifty")); err != nil {
			panic(err)
		}
		return m.Run()
	}())
}

// program is a build of the test plugin that says the given things of itself.
func program(slug, version string, more string, hosts ...string) []byte {
	if len(hosts) == 0 {
		hosts = []string{"id.example:443"}
	}
	return fmt.Appendf(bytes.Clone(shifty), `SHIFTY:{"slug":%q,"version":%q,"hosts":["%s"]%s}`, slug, version, strings.Join(hosts, `","`), more)
}

const exe = pluginhost.Prefix + "acme"

func tarOf(entries ...tar.Header) func(program []byte) []byte {
	return func(program []byte) []byte {
		var b bytes.Buffer
		z, _ := gzip.NewWriterLevel(&b, gzip.NoCompression)
		w := tar.NewWriter(z)
		for _, h := range entries {
			content := []byte("text")
			if h.Name == exe {
				content = program
			}
			if h.Typeflag == 0 {
				h.Typeflag, h.Size, h.Mode = tar.TypeReg, int64(len(content)), 0o755
			}
			_ = w.WriteHeader(&h)
			if h.Typeflag == tar.TypeReg {
				_, _ = w.Write(content)
			}
		}
		_, _ = w.Close(), z.Close()
		return b.Bytes()
	}
}

var plainTar = tarOf(tar.Header{Name: "LICENSE"}, tar.Header{Name: exe})

func zipOf(program []byte) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, _ := w.Create("acme/" + exe)
	_, _ = f.Write(program)
	_ = w.Close()
	return b.Bytes()
}

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// publish makes a release in a folder and returns the path of the archive for
// this machine. sign is nil for an unsigned one.
func publish(t *testing.T, dir, version string, archive []byte, sign *minisign.PrivateKey) string {
	t.Helper()
	name := func(platform string) string { return "acme_" + version + "_" + platform + ".tar.gz" }
	sums := fmt.Sprintf("%s  %s\n%s  %s\n", sum(archive), name(lock.Platform()), sum([]byte("other")), name("plan9_mips"))
	write(t, filepath.Join(dir, name(lock.Platform())), archive)
	write(t, filepath.Join(dir, "acme_"+version+"_SHA256SUMS"), []byte(sums))
	if sign != nil {
		write(t, filepath.Join(dir, "acme_"+version+"_SHA256SUMS.minisig"), minisign.Sign(*sign, []byte(sums)))
		public, _ := sign.Public().(minisign.PublicKey).MarshalText()
		write(t, filepath.Join(dir, "minisign.pub"), public)
	}
	return filepath.Join(dir, name(lock.Platform()))
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func newKey(t *testing.T) *minisign.PrivateKey {
	t.Helper()
	_, private, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &private
}

// shop is an installer that notes what it asked.
type shop struct {
	install.Installer
	asked []*install.Plan
	agree bool
}

func newShop(t *testing.T) *shop {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the test plugin is built for Unix names")
	}
	s := &shop{agree: true}
	s.Installer = install.Installer{Data: t.TempDir(), Bundled: []string{"github"}, Ask: func(p *install.Plan) (bool, error) {
		s.asked = append(s.asked, p)
		return s.agree, nil
	}}
	if err := os.Chmod(s.Data, 0o700); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *shop) install(t *testing.T, source string) error {
	t.Helper()
	_, err := s.Install(t.Context(), install.Options{Source: source})
	return err
}

// runs reports whether a hub would run the plugin that is installed.
func (s *shop) runs(t *testing.T) bool {
	t.Helper()
	h, err := pluginhost.New(pluginhost.Config{Dirs: []string{filepath.Join(s.Data, "plugins")}, RunDir: filepath.Join(s.Data, "run")})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	d, err := h.Describe(t.Context())
	return err == nil && len(d) == 1 && d[0].Slug == "acme"
}

// wants checks that an error is of a code and says something.
func wants(t *testing.T, what string, err error, code hub.Code, says string) {
	t.Helper()
	e, ok := errors.AsType[*hub.Error](err)
	if !ok || e.Code != code || !strings.Contains(e.Error(), says) {
		t.Errorf("%s: %v; want %s with %q", what, err, code, says)
	}
}

// TestLife takes a plugin through installation, update and removal.
func TestLife(t *testing.T) {
	t.Parallel()
	s, dir, key := newShop(t), t.TempDir(), newKey(t)
	if err := s.install(t, publish(t, dir, "1.0.0", plainTar(program("acme", "1.0.0", "")), key)); err != nil {
		t.Fatal(err)
	}
	if len(s.asked) != 1 || s.asked[0].Key == "" || s.asked[0].Version != "1.0.0" || len(s.asked[0].Inspection.Hosts()) != 1 {
		t.Fatalf("asked %+v", s.asked)
	}
	if !s.runs(t) {
		t.Error("what was installed does not run")
	}
	file, err := s.List()
	entry := file.Plugins["acme"]
	if err != nil || entry.Platforms["plan9_mips"].ArchiveHash != sum([]byte("other")) || entry.Executable() == "" || entry.Key != s.asked[0].Key {
		t.Errorf("locked %+v, %v", entry, err)
	}
	// The same terms again: nobody is asked.
	if err := s.install(t, publish(t, dir, "1.1.0", plainTar(program("acme", "1.1.0", "")), key)); err != nil || len(s.asked) != 1 {
		t.Errorf("an update under the same terms: %v, asked %d times", err, len(s.asked))
	}
	// Another host, or a further capability: asked, with what is new.
	wider := program("acme", "1.2.0", `,"revokes":true`, "id.example:443", "telemetry.example:443")
	s.agree = false
	wants(t, "a declined update", s.install(t, publish(t, dir, "1.2.0", plainTar(wider), key)), hub.CodeUserDenied, "nothing was installed")
	if p := s.asked[1]; len(p.NewHosts) != 1 || p.NewHosts[0] != "telemetry.example:443" || len(p.NewCapabilities) == 0 || p.Replaces.Version != "1.1.0" {
		t.Errorf("asked %+v", p)
	}
	if file, _ := s.List(); file.Plugins["acme"].Version != "1.1.0" || !s.runs(t) {
		t.Error("a declined update changed something")
	}
	wants(t, "a downgrade", s.install(t, publish(t, dir, "1.0.9", plainTar(program("acme", "1.0.9", "")), key)), hub.CodeForbidden, "which is newer than 1.0.9")
	wants(t, "an unsigned release", s.install(t, publish(t, t.TempDir(), "1.3.0", plainTar(program("acme", "1.3.0", "")), nil)), hub.CodeForbidden, "not signed")
	wants(t, "another key", s.install(t, publish(t, t.TempDir(), "1.3.0", plainTar(program("acme", "1.3.0", "")), newKey(t))), hub.CodeForbidden, "is not of the key")
	bare := filepath.Join(t.TempDir(), exe)
	write(t, bare, program("acme", "1.3.0", ""))
	wants(t, "a bare program instead of a signed release", s.install(t, bare), hub.CodeForbidden, "are signed with")
	if err := s.Remove("acme"); err != nil || s.runs(t) {
		t.Errorf("after the removal: %v, runs %v", err, s.runs(t))
	}
	wants(t, "removing it again", s.Remove("acme"), hub.CodeNotFound, "acme")
}

// TestAgreedHosts: the bytes are those that were agreed to, but they say that
// they reach another host than then. That is not agreed to.
func TestAgreedHosts(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	bare := filepath.Join(t.TempDir(), exe)
	write(t, bare, program("acme", "1.0.0", ""))
	if err := s.install(t, bare); err != nil || !s.runs(t) {
		t.Fatal(err)
	}
	file, err := s.List()
	if err != nil {
		t.Fatal(err)
	}
	entry := file.Plugins["acme"]
	entry.Hosts = []string{"elsewhere.example:443"}
	file.Plugins["acme"] = entry
	if err := file.Write(filepath.Join(s.Data, lock.Name)); err != nil {
		t.Fatal(err)
	}
	h, err := pluginhost.New(pluginhost.Config{Dirs: []string{filepath.Join(s.Data, "plugins")}, RunDir: filepath.Join(s.Data, "run")})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if d, err := h.Describe(t.Context()); err != nil || len(d) != 0 {
		t.Errorf("it serves %v, %v", d, err)
	}
	if all := h.Status(); len(all) != 1 || !strings.Contains(all[0].Error, "it wants to reach id.example:443, which was not agreed to when it was installed") {
		t.Errorf("status %+v", all)
	}
}

// bomb is a tar of one file of zeros that is as large as it says, in few bytes:
// gzip allows one member after the other.
func bomb(name string, size int64) []byte {
	var head bytes.Buffer
	w := tar.NewWriter(&head)
	_ = w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Size: size, Mode: 0o755})
	squeeze := func(p []byte) []byte {
		var b bytes.Buffer
		z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
		_, _ = z.Write(p)
		_ = z.Close()
		return b.Bytes()
	}
	const piece = 16 << 20
	return append(squeeze(head.Bytes()), bytes.Repeat(squeeze(make([]byte, piece)), int(size/piece)+1)...)
}

// TestRefused: whatever is wrong with a release, nothing of it stays.
func TestRefused(t *testing.T) {
	t.Parallel()
	good := plainTar(program("acme", "1.0.0", ""))
	for name, c := range map[string]struct {
		archive []byte
		version string
		says    string
	}{
		"lying version":    {plainTar(program("acme", "2.0.0", "")), "1.0.0", "says that it is 2.0.0"},
		"no version":       {plainTar(program("acme", "", "")), "1.0.0", "says that it is one without a version"},
		"lying name":       {plainTar(program("github", "1.0.0", "")), "1.0.0", `serves the provider "github"`},
		"escaping path":    {tarOf(tar.Header{Name: "../../" + exe}, tar.Header{Name: exe})(program("acme", "1.0.0", "")), "1.0.0", "path that escapes"},
		"absolute path":    {tarOf(tar.Header{Name: "/tmp/x"}, tar.Header{Name: exe})(program("acme", "1.0.0", "")), "1.0.0", "path that escapes"},
		"symbolic link":    {tarOf(tar.Header{Name: exe, Typeflag: tar.TypeSymlink, Linkname: "/bin/sh"})(nil), "1.0.0", "no plain file"},
		"hard link":        {tarOf(tar.Header{Name: "x", Typeflag: tar.TypeLink, Linkname: "/etc/passwd"}, tar.Header{Name: exe})(program("acme", "1.0.0", "")), "1.0.0", "no plain file"},
		"device":           {tarOf(tar.Header{Name: "x", Typeflag: tar.TypeChar})(nil), "1.0.0", "no plain file"},
		"twice":            {tarOf(tar.Header{Name: exe}, tar.Header{Name: exe})(program("acme", "1.0.0", "")), "1.0.0", "twice"},
		"no program in it": {tarOf(tar.Header{Name: "LICENSE"})(nil), "1.0.0", "has no " + exe},
		"a bomb":           {bomb(exe, 8<<30), "1.0.0", "is larger than"},
		"a bomb beside it": {bomb("padding", 2<<30), "1.0.0", "unpacked it is larger than"},
		"no gzip":          {[]byte("x"), "1.0.0", "no gzip"},
		"no plugin":        {plainTar([]byte("#!/bin/sh\necho hello\n")), "1.0.0", "does not work as a plugin"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			err := s.install(t, publish(t, t.TempDir(), c.version, c.archive, nil))
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v; want %q", err, c.says)
			}
			if len(s.asked) > 0 {
				t.Error("its owner was asked all the same")
			}
			if left, _ := filepath.Glob(filepath.Join(s.Data, "plugins", "standpipe-*")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
			if left, _ := filepath.Glob(filepath.Join(s.Data, "plugins", ".new-*")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
	t.Run("sums", func(t *testing.T) {
		t.Parallel()
		s, dir := newShop(t), t.TempDir()
		at := publish(t, dir, "1.0.0", good, nil)
		write(t, at, append(bytes.Clone(good), 0))
		wants(t, "an archive that was changed", s.install(t, at), hub.CodeForbidden, "is not what its release says")
	})
	t.Run("signature", func(t *testing.T) {
		t.Parallel()
		s, dir := newShop(t), t.TempDir()
		at := publish(t, dir, "1.0.0", good, newKey(t))
		sums := filepath.Join(dir, "acme_1.0.0_SHA256SUMS")
		b, _ := os.ReadFile(sums)
		write(t, sums, append(b, '\n'))
		wants(t, "sums that were changed", s.install(t, at), hub.CodeForbidden, "is not of the key")
		other, _ := newKey(t).Public().(minisign.PublicKey).MarshalText()
		_, err := s.Install(t.Context(), install.Options{Source: at, Key: strings.TrimSpace(string(other[bytes.IndexByte(other, '\n')+1:]))})
		wants(t, "the key that was given", err, hub.CodeForbidden, "is not of the key")
	})
	t.Run("bundled name", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		at := filepath.Join(t.TempDir(), pluginhost.Prefix+"github")
		write(t, at, program("github", "1.0.0", ""))
		wants(t, "a bundled plugin's name", s.install(t, at), hub.CodeForbidden, "comes with Standpipe")
	})
	t.Run("open folders", func(t *testing.T) {
		t.Parallel()
		s, dir := newShop(t), t.TempDir()
		at := publish(t, dir, "1.0.0", good, nil)
		if err := os.Chmod(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		wants(t, "a release that others may write", s.install(t, at), hub.CodeForbidden, "may be written by others")
		if err := os.Chmod(s.Data, 0o777); err != nil {
			t.Fatal(err)
		}
		wants(t, "a data folder that others may write", s.install(t, at), hub.CodeForbidden, "may be written by others")
	})
}

// TestURL: a release at an address needs its sums; clear text is for this
// machine only, and a redirect does not lead out of TLS.
func TestURL(t *testing.T) {
	t.Parallel()
	s, dir := newShop(t), t.TempDir()
	at := filepath.Base(publish(t, dir, "1.0.0", plainTar(program("acme", "1.0.0", "")), nil))
	srv := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer srv.Close()
	wants(t, "http elsewhere", s.install(t, "http://releases.example/"+at), hub.CodeInvalid, "is not an https address")
	if err := s.install(t, srv.URL+"/"+at); err != nil || !s.runs(t) {
		t.Fatalf("from a URL: %v", err)
	}
	if file, _ := s.List(); file.Plugins["acme"].Source != srv.URL+"/"+at {
		t.Errorf("locked %+v", file.Plugins["acme"])
	}
	if err := os.Remove(filepath.Join(dir, "acme_1.0.0_SHA256SUMS")); err != nil {
		t.Fatal(err)
	}
	wants(t, "a URL without sums", s.install(t, srv.URL+"/"+at), hub.CodeForbidden, "held against its sums")
	wants(t, "a bare program from a URL", s.install(t, srv.URL+"/"+exe), hub.CodeInvalid, "bare program")
	away := httptest.NewServer(http.RedirectHandler("http://releases.example/x", http.StatusFound))
	defer away.Close()
	wants(t, "a redirect out of TLS", s.install(t, away.URL+"/"+at), hub.CodeProviderUnavailable, "leads out of https")
}

// TestZip: a zip will do.
func TestZip(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	at := filepath.Join(t.TempDir(), "acme_1.0.0_"+lock.Platform()+".zip")
	write(t, at, zipOf(program("acme", "1.0.0", "")))
	if err := s.install(t, at); err != nil || !s.runs(t) {
		t.Error(err)
	}
}

// TestLocked: with the lock file alone, another machine gets the same bytes and
// nothing else, with nobody to ask.
func TestLocked(t *testing.T) {
	t.Parallel()
	first, dir := newShop(t), t.TempDir()
	at := publish(t, dir, "1.0.0", plainTar(program("acme", "1.0.0", "")), newKey(t))
	if err := first.install(t, at); err != nil {
		t.Fatal(err)
	}
	second := newShop(t)
	second.Ask = nil // there is nobody
	b, err := os.ReadFile(filepath.Join(first.Data, lock.Name))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(second.Data, lock.Name), b)
	if second.runs(t) {
		t.Fatal("it runs before it is there")
	}
	done, err := second.Locked(t.Context())
	if err != nil || len(done) != 1 || !second.runs(t) {
		t.Fatalf("%v, %v", done, err)
	}
	if done, err = second.Locked(t.Context()); err != nil || len(done) != 0 {
		t.Errorf("again: %v, %v", done, err)
	}
	// Another release under the same name is not taken.
	third := newShop(t)
	write(t, filepath.Join(third.Data, lock.Name), b)
	publish(t, dir, "1.0.0", plainTar(program("acme", "1.0.0", `,"revokes":true`)), nil)
	if _, err := third.Locked(t.Context()); err == nil || third.runs(t) {
		t.Errorf("another release: %v", err)
	}
}
