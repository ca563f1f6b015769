// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/e2e/ports"
)

// author is somebody who writes a plugin: with the built program, and a home.
type author struct {
	t         *testing.T
	home, bin string
	env       []string
}

func newAuthor(t *testing.T) *author {
	t.Helper()
	if testing.Short() || runtime.GOOS != "linux" {
		t.Skip("builds the hub and a module of its own, with the tools of Linux")
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	plugins := filepath.Join(bin, "plugins")
	for out, pkg := range map[string]string{filepath.Join(bin, "standpipe"): ".", filepath.Join(plugins, "standpipe-provider-oauth2"): "./plugins/oauth2"} {
		build := exec.Command("go", "build", "-o", out, pkg)
		build.Dir, build.Env = root, append(os.Environ(), "CGO_ENABLED=0")
		if text, err := build.CombinedOutput(); err != nil {
			t.Fatalf("go build %s: %v\n%s", pkg, err, text)
		}
	}
	sums := exec.Command("bash", "-c", "sha256sum standpipe-provider-* >plugins.sum")
	sums.Dir = plugins
	if text, err := sums.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	home, err := os.MkdirTemp("", "wt") // t.TempDir is too long for sockets
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(home) })
	return &author{t, home, bin, append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "SDK="+root, "GOFLAGS=-mod=mod", "GOWORK=off")}
}

func (a *author) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = a.home, a.env
	return cmd
}

func (a *author) standpipe(args ...string) *exec.Cmd {
	return a.command(filepath.Join(a.bin, "standpipe"), args...)
}

// run runs a command, which must succeed.
func (a *author) run(args ...string) string {
	a.t.Helper()
	out, err := a.standpipe(args...).CombinedOutput()
	if err != nil {
		a.t.Fatalf("standpipe %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// running is a command that goes on beside the test.
type running struct {
	t  *testing.T
	in io.WriteCloser
	mu sync.Mutex
	b  strings.Builder
}

func (a *author) start(args ...string) *running {
	a.t.Helper()
	cmd := a.standpipe(args...)
	r := &running{t: a.t}
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	cmd.Stderr = cmd.Stdout
	if err1 != nil || err2 != nil {
		a.t.Fatal(err1, err2)
	}
	if err := cmd.Start(); err != nil {
		a.t.Fatal(err)
	}
	r.in = in
	read := make(chan struct{})
	go func() {
		defer close(read)
		for s := bufio.NewScanner(out); s.Scan(); {
			r.mu.Lock()
			r.b.WriteString(s.Text() + "\n")
			r.mu.Unlock()
		}
	}()
	a.t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		<-read
		_ = cmd.Wait()
		if a.t.Failed() {
			a.t.Logf("standpipe %v:\n%s", args, r.said())
		}
	})
	return r
}

func (r *running) said() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.b.String()
}

// says waits for words, n times.
func (r *running) says(words string, n int) {
	r.t.Helper()
	waitFor(r.t, fmt.Sprintf("%q, %d times", words, n), func() bool { return strings.Count(r.said(), words) >= n })
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for until := time.Now().Add(2 * time.Minute); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	port, err := ports.Take(1)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("127.0.0.1:%d", port)
}

// connect connects an account, with a browser that consents at once.
func (a *author) connect(args ...string) (out string, err error) {
	a.t.Helper()
	cmd := a.standpipe(append([]string{"connect", "--no-browser", "--json"}, args...)...)
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		a.t.Fatal(err)
	}
	for s := bufio.NewScanner(stdout); s.Scan(); {
		out += s.Text() + "\n"
		var f struct {
			AuthorizationURL string `json:"authorization_url"`
		}
		if json.Unmarshal(s.Bytes(), &f) == nil && f.AuthorizationURL != "" {
			_, query, _ := strings.Cut(f.AuthorizationURL, "?")
			resp, err := http.PostForm(f.AuthorizationURL, url.Values{"request": {query}, "login": {"octocat"}, "decision": {"authorize"}})
			if err != nil {
				a.t.Fatal(err)
			}
			page, _ := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				a.t.Fatalf("the browser ended at %s: %s\n%s", resp.Request.URL, resp.Status, page)
			}
		}
	}
	return out, cmd.Wait()
}

// nosy is a provider that logs, and that tries the hub's own socket.
const nosy = `package main

import (
	"context"
	"net"
	"net/http"

	"github.com/standpipe/standpipe/sdk"
)

type acme struct{ sdk.Provider }

func (p acme) Identify(ctx context.Context, r *sdk.IdentifyRequest) (*sdk.IdentifyResponse, error) {
	hub := http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return net.Dial("unix", %q) }}}
	said := ""
	if resp, err := hub.Get("http://hub/local/providers"); err != nil {
		said = err.Error()
	} else {
		said = resp.Status
	}
	sdk.Logger(ctx).Info("who is it", "hub", said, "escape", "\x1b[2J\x1b]0;pwned\a")
	return p.Provider.(sdk.Identifier).Identify(ctx, r)
}

func (p acme) Refresh(ctx context.Context, r *sdk.RefreshRequest) (*sdk.RefreshResponse, error) {
	return p.Provider.(sdk.Refresher).Refresh(ctx, r)
}
`

// TestPluginDev is an afternoon of somebody who writes a plugin, with a hub that
// runs all the while.
func TestPluginDev(t *testing.T) {
	t.Parallel()
	a := newAuthor(t)
	run := filepath.Join(a.home, "run")
	if err := os.Mkdir(run, 0o700); err != nil {
		t.Fatal(err)
	}
	// What is opened in the browser is noted.
	write(t, filepath.Join(a.bin, "xdg-open"), "#!/bin/sh\necho \"$1\" >>"+a.home+"/opened\n", 0o755)
	a.env = append(a.env, "BROWSER=noted", "XDG_RUNTIME_DIR="+run, "STANDPIPE_DATA="+filepath.Join(a.home, "data"), "STANDPIPE_CONFIG="+filepath.Join(a.home, "standpipe.hcl"))
	a.run("keys", "init", "--key", "file:"+filepath.Join(a.home, "master.key"))
	sandbox := freePort(t)
	write(t, filepath.Join(a.home, "standpipe.hcl"), fmt.Sprintf("sandbox = %q\n", "http://"+sandbox), 0o600)
	hub := a.start("serve", "--json", "--listen", freePort(t), "--ui-listen", "127.0.0.1:0")
	hub.says("app_api", 1)
	var at struct{ Socket string }
	for line := range strings.Lines(hub.said()) {
		if strings.Contains(line, "app_api") {
			_ = json.Unmarshal([]byte(line), &at)
		}
	}

	root, _ := filepath.Abs("../..")
	a.run("plugin", "new", "acme", "--sdk", root)
	dir := filepath.Join(a.home, "standpipe-provider-acme")
	temp, err := os.MkdirTemp("", "dev") // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // when it has ended
		if left, _ := filepath.Glob(filepath.Join(temp, "*")); len(left) > 0 {
			t.Errorf("it leaves %v", left)
		}
		_ = os.RemoveAll(temp)
	})
	a.env = append(a.env, "TMPDIR="+temp)
	dev := a.start("plugin", "dev", dir)
	dev.says("acme is loaded, in development", 1)
	dev.says("The stand-in for the provider is at http://"+sandbox, 1)
	waitFor(t, "the page to open", func() bool { return strings.Contains(read(filepath.Join(a.home, "opened")), "#code=") })

	// It is marked, wherever one looks.
	for _, look := range [][]string{{"status"}, {"plugin", "list"}, {"audit", "--json"}} {
		if out := a.run(look...); !strings.Contains(strings.ToLower(out), "in development") && !strings.Contains(out, "plugin.develop") {
			t.Errorf("standpipe %v does not say that the plugin is in development:\n%s", look, out)
		}
	}
	pinned := func() string {
		t.Helper()
		var all struct {
			Plugins []struct{ Name, SHA256 string }
		}
		if err := json.Unmarshal([]byte(a.run("providers", "--json")), &all); err != nil {
			t.Fatal(err)
		}
		for _, p := range all.Plugins {
			if p.Name == "acme" {
				return p.SHA256
			}
		}
		return ""
	}
	first := pinned()

	// Saved with a mistake: said, and the hub goes on with what it has.
	provider := filepath.Join(dir, "provider.go")
	good := read(provider)
	write(t, filepath.Join(dir, "nosy.go"), "package main\n\nfunc broken() {", 0o600)
	dev.says("it does not build", 1)
	if now := pinned(); now != first {
		t.Errorf("what does not build was loaded: %s", now)
	}

	// Mended: built, pinned and loaded again.
	write(t, provider, strings.Replace(good, "var provider = ", "var provider = acme{standard}\n\nvar standard = ", 1), 0o600)
	write(t, filepath.Join(dir, "nosy.go"), fmt.Sprintf(nosy, at.Socket), 0o600)
	dev.says("acme is loaded, in development", 2)
	if now := pinned(); now == first || now == "" {
		t.Errorf("pinned is %s", now)
	}
	waitFor(t, "a second line in the audit log", func() bool { return strings.Count(a.run("audit", "--json"), "plugin.develop") >= 2 })

	// Connected; its log is shown, and the hub's own socket is not for it.
	if out, err := a.connect("acme"); err != nil {
		t.Fatalf("connect: %v\n%s", err, out)
	}
	dev.says("who is it", 1)
	if said := dev.said(); !strings.Contains(said, "hub=403 Forbidden") || strings.ContainsAny(said, "\x1b\a") {
		t.Errorf("the log says:\n%s", said)
	}

	// The provider has a bad day, and recovers.
	token := a.run("token", "acme")
	fmt.Fprintln(dev.in, "fail token 503")
	dev.says("The stand-in: fail token 503", 1)
	if out, err := a.standpipe("token", "acme", "--renew").CombinedOutput(); err == nil {
		t.Errorf("renewed by a provider that is down: %s", out)
	}
	fmt.Fprintln(dev.in, "fail everything")
	dev.says("is not a switch", 1)
	fmt.Fprintln(dev.in, "heal")
	dev.says("The stand-in: heal", 1)
	waitFor(t, "a new token", func() bool {
		out, err := a.standpipe("token", "acme", "--renew").Output()
		return err == nil && string(out) != token
	})
	resp, err := http.Get("http://" + sandbox + "/_faults")
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("the page of switches: %v, %v", resp, err)
	}
	_ = resp.Body.Close()
}

func write(t *testing.T, path, content string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
}

func read(path string) string { b, _ := os.ReadFile(path); return string(b) }
