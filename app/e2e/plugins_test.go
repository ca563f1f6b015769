// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"aead.dev/minisign"

	"github.com/standpipe/standpipe/app/e2e/rig"
	"github.com/standpipe/standpipe/sdk/oauthtest"
)

// program is the file of the plugin in an archive.
const program = "standpipe-provider-acme"

// publisher makes releases of a plugin acme, in a folder that is a web site too.
type publisher struct {
	t    *testing.T
	dir  string
	site string
	code []byte // of the plugin that says of itself what stands at its end
}

func newPublisher(t *testing.T, h *rig.Home) *publisher {
	t.Helper()
	p := &publisher{t: t, dir: filepath.Join(h.Dir, "releases")}
	if err := os.Mkdir(p.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	built := filepath.Join(t.TempDir(), "shifty")
	build := exec.Command("go", "build", "-ldflags=-s -w", "-o", built, "./app/internal/pluginhost/install/testdata/shifty")
	build.Dir, build.Env = rig.Root(), append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var err error
	if p.code, err = os.ReadFile(built); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(http.FileServer(http.Dir(p.dir)))
	t.Cleanup(srv.Close)
	p.site = srv.URL
	return p
}

// build is the plugin in a version, with more to say of itself.
func (p *publisher) build(slug, version, more string) []byte {
	return fmt.Appendf(bytes.Clone(p.code), `SHIFTY:{"slug":%q,"version":%q,"local":true%s}`, slug, version, more)
}

// entry is a file of an archive; link is where it leads.
type entry struct {
	name, link string
	content    []byte
}

func archive(files ...entry) []byte {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.NoCompression)
	w := tar.NewWriter(z)
	for _, f := range files {
		h := &tar.Header{Name: f.name, Typeflag: tar.TypeReg, Size: int64(len(f.content)), Mode: 0o755}
		if f.link != "" {
			h.Typeflag, h.Linkname = tar.TypeSymlink, f.link
		}
		_ = w.WriteHeader(h)
		_, _ = w.Write(f.content)
	}
	_, _ = w.Close(), z.Close()
	return b.Bytes()
}

// release writes an archive with its sums, signed by key unless that is nil, to
// a folder below the site, and returns its path there.
func (p *publisher) release(folder, version string, archive []byte, key *minisign.PrivateKey) string {
	p.t.Helper()
	name := fmt.Sprintf("acme_%s_%s_%s.tar.gz", version, runtime.GOOS, runtime.GOARCH)
	sums := fmt.Appendf(nil, "%x  %s\n", sha256.Sum256(archive), name)
	files := map[string][]byte{name: archive, "acme_" + version + "_SHA256SUMS": sums}
	if key != nil {
		files["acme_"+version+"_SHA256SUMS.minisig"] = minisign.Sign(*key, sums)
		files["minisign.pub"], _ = key.Public().(minisign.PublicKey).MarshalText()
	}
	for f, b := range files {
		p.write(filepath.Join(folder, f), b)
	}
	return folder + "/" + name
}

func (p *publisher) write(name string, b []byte) string {
	p.t.Helper()
	path := filepath.Join(p.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o755); err != nil {
		p.t.Fatal(err)
	}
	return path
}

func newKey(t *testing.T) *minisign.PrivateKey {
	t.Helper()
	_, key, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &key
}

// installed is the version of acme that the hub knows; empty: none.
func installed(h *rig.Home) string {
	var all []struct{ Name, Version, Source string }
	h.JSON(&all, "plugin", "list")
	for _, p := range all {
		if p.Name == "acme" && p.Source == "installed" {
			return p.Version
		}
	}
	return ""
}

// TestStartsAskNoPluginTwice: what the plugins serve is known at the next start,
// with a call away from running.
func TestStartsAskNoPluginTwice(t *testing.T) {
	t.Parallel()
	h := rig.NewHome(t)
	look := func() (providers, running []string) {
		t.Helper()
		var all struct {
			Providers []struct{ Slug string }
			Plugins   []struct{ Name, State string }
		}
		h.JSON(&all, "providers")
		for _, p := range all.Providers {
			providers = append(providers, p.Slug)
		}
		for _, p := range all.Plugins {
			if p.State == "running" {
				running = append(running, p.Name)
			}
		}
		return providers, running
	}
	hub := h.Serve()
	var served []string
	rig.Eventually(t, "every plugin has said what it serves", func() bool {
		var running []string
		served, running = look()
		return slices.Contains(served, "openid") && len(running) == 5
	})
	hub.Stop()
	hub = h.Serve()
	if again, running := look(); !slices.Equal(again, served) || len(running) > 0 {
		t.Errorf("the second start: %q served by %q; want %q, and none running", again, running, served)
	}
	hub.Stop()
	h.Configure("")
	h.Write("providers/acme.hcl", `provider "acme" {
  name          = "Acme"
  authorize_url = "https://acme.test/authorize"
  token_url     = "https://acme.test/token"
  revoke_note   = "In the settings."
  identity {
    url     = "https://acme.test/me"
    subject = "id"
  }
}
`)
	h.Serve()
	rig.Eventually(t, "one that is declared meanwhile is served", func() bool {
		again, running := look()
		return slices.Contains(again, "acme") && slices.Contains(running, "oauth2")
	})
}

// TestPluginInstall takes a plugin of somebody else's through its life, with the
// hub running and nobody at the terminal: from an address, by a path, on another
// machine; and everything that must not be installed is not.
func TestPluginInstall(t *testing.T) {
	t.Parallel()
	h := rig.NewHome(t)
	p := newPublisher(t, h)
	listen := fmt.Sprintf("127.0.0.1:%d", rig.FreePort(t))
	op, err := oauthtest.Start(oauthtest.Options{
		Clients: []oauthtest.Client{{ID: "app", Secret: "a-secret-of-the-tests", RedirectURIs: []string{"http://" + listen + "/callback/acme"}}},
		Users:   []oauthtest.User{{Subject: "1", Login: "octocat"}},
		Rules:   oauthtest.Rules{Lives: oauthtest.Lives{Access: time.Hour}, Rotate: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = op.Close() })
	h.Write("acme.secret", "a-secret-of-the-tests")
	h.Configure(fmt.Sprintf(`
integration "acme" {
  credentials   = "own"
  client_id     = "app"
  client_secret = file("acme.secret")
  network       = "private"
  config        = { base_url = %q }
}
`, op.URL))
	h.Serve("--listen", listen)
	key, good := newKey(t), func(version, more string) []byte {
		return archive(entry{name: "LICENSE"}, entry{name: program, content: p.build("acme", version, more)})
	}
	refuse := func(what, says string, args ...string) {
		t.Helper()
		before := installed(h)
		r := h.Try(append([]string{"plugin"}, args...)...)
		if r.Exit == 0 || !strings.Contains(r.Stderr, says) {
			t.Errorf("%s ended with %d; want %q:\n%s%s", what, r.Exit, says, r.Stdout, r.Stderr)
		}
		if after := installed(h); after != before {
			t.Errorf("%s changed %q to %q", what, before, after)
		}
	}
	at := func(path string) string { return p.site + "/" + path }
	on := func(path string) string { return filepath.Join(p.dir, filepath.FromSlash(path)) }

	// What must not be installed, though somebody says yes to all of it.
	for what, c := range map[string]struct{ path, says string }{
		"a lying name":    {p.release("name", "1.0.0", archive(entry{name: program, content: p.build("github", "1.0.0", "")}), nil), `serves the provider "github"`},
		"a lying version": {p.release("version", "1.0.0", good("2.0.0", ""), nil), "says that it is 2.0.0"},
		"a link":          {p.release("link", "1.0.0", archive(entry{name: program, link: "/bin/sh"}), nil), "no plain file"},
		"an escape":       {p.release("escape", "1.0.0", archive(entry{name: "../../.profile", content: []byte("evil")}, entry{name: program, content: p.build("acme", "1.0.0", "")}), nil), "path that escapes"},
		"no plugin":       {p.release("script", "1.0.0", archive(entry{name: program, content: []byte("#!/bin/sh\nexit 1\n")}), nil), "does not work as a plugin"},
		"no sums":         {p.release("nosums", "1.0.0", good("1.0.0", ""), nil), "held against its sums"},
		"other bytes":     {p.release("changed", "1.0.0", good("1.0.0", ""), key), "is not what its release says"},
		"changed sums":    {p.release("forged", "1.0.0", good("1.0.0", ""), key), "is not of the key"},
	} {
		switch what {
		case "no sums":
			_ = os.Remove(on("nosums/acme_1.0.0_SHA256SUMS"))
		case "other bytes":
			p.write(c.path, good("1.0.0", `,"revokes":true`))
		case "changed sums":
			p.write(filepath.Dir(c.path)+"/acme_1.0.0_SHA256SUMS", fmt.Appendf(nil, "%x  %s\n\n", sha256.Sum256(good("1.0.0", "")), filepath.Base(c.path)))
		}
		refuse(what, c.says, "install", "--yes", at(c.path))
	}
	open := p.release("open", "1.0.0", good("1.0.0", ""), nil)
	if err := os.Chmod(filepath.Dir(on(open)), 0o777); err != nil {
		t.Fatal(err)
	}
	refuse("a folder that others may write", "may be written by others", "install", "--yes", on(open))
	refuse("clear text over a network", "is not an https address", "install", "--yes", "http://releases.example/acme_1.0.0_linux_amd64.tar.gz")
	refuse("a bundled plugin's name", "comes with Standpipe", "install", "--yes", filepath.Join(filepath.Dir(h.Product.Standpipe), "plugins", "standpipe-provider-github"))

	// From an address, signed; looked at before, and agreed to.
	first := at(p.release("good", "1.0.0", good("1.0.0", ""), key))
	refuse("an installation that nobody agreed to", "needs your consent", "install", first)
	out := h.CLI("plugin", "install", "--yes", first)
	for _, want := range []string{"Signed by:", "may reach:  the host that you set as Address", "Installed acme 1.0.0"} {
		if !strings.Contains(out, want) {
			t.Errorf("the installation does not say %q:\n%s", want, out)
		}
	}
	f := h.Start("connect", "acme", "--no-browser", "--json")
	var began flow
	f.Line(decodeURL(&began))
	callback, err := op.Approve(began.AuthorizationURL, "octocat")
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get(callback)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	<-f.Done()
	old := h.CLI("token", "acme")

	// The same terms: nobody is asked. Others: somebody is.
	p.release("good", "1.1.0", good("1.1.0", ""), key)
	h.CLI("plugin", "update", "acme", at("good/"+filepath.Base(strings.Replace(first, "1.0.0", "1.1.0", 1))))
	if v := installed(h); v != "1.1.0" {
		t.Errorf("after the update it is %q", v)
	}
	if renewed := h.CLI("token", "acme", "--renew"); renewed == old {
		t.Error("the new release renews nothing")
	}
	wider := at(p.release("wider", "1.2.0", good("1.2.0", `,"hosts":["telemetry.example:443"]`), key))
	refuse("an update that wants another host", "needs your consent", "update", "acme", wider)
	if out := h.Try("plugin", "update", "acme", wider); !strings.Contains(out.Stdout, "NEW:        it may reach telemetry.example:443") {
		t.Errorf("what is new is not said:\n%s", out.Stdout)
	}
	refuse("a downgrade", "which is newer than 1.0.0", "install", "--yes", first)
	refuse("a release without a signature", "is not signed", "install", "--yes", at(p.release("unsigned", "1.3.0", good("1.3.0", ""), nil)))
	refuse("a release with another key", "is not of the key", "install", "--yes", at(p.release("other", "1.3.0", good("1.3.0", ""), newKey(t))))
	refuse("a bare program", "are signed with", "install", "--yes", p.write("bare/"+program, p.build("acme", "1.3.0", "")))

	// Another machine gets the same from the lock file alone.
	second := rig.NewHome(t)
	b, err := os.ReadFile(filepath.Join(h.Data, "plugins.lock"))
	if err != nil {
		t.Fatal(err)
	}
	second.Write("data/plugins.lock", string(b))
	second.CLI("plugin", "install", "--locked")
	second.Serve()
	if v := installed(second); v != "1.1.0" {
		t.Errorf("from the lock file came %q", v)
	}

	// Removed, what was connected waits for it to come back.
	before := connections(h)
	h.CLI("plugin", "remove", "acme")
	if r := h.Try("token", "acme", "--renew"); r.Exit == 0 || !strings.Contains(r.Stderr, "plugin") {
		t.Errorf("without the plugin: %d %s%s", r.Exit, r.Stdout, r.Stderr)
	}
	if after := connections(h); len(before) != 1 || len(after) != 1 || after[0].ID != before[0].ID {
		t.Errorf("connections %+v, and without the plugin %+v", before, after)
	}
	h.CLI("plugin", "install", "--yes", on("good/"+filepath.Base(strings.Replace(first, "1.0.0", "1.1.0", 1))))
	h.CLI("token", "acme", "--renew")
}
