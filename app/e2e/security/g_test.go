// SPDX-License-Identifier: Apache-2.0

package security

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/e2e/rig"
)

// Plugins as guests.
var sectionG = []requirement{
	{"G1", "a plugin gets no environment but a few known names", g1},
	{"G2", "both sides of a plugin's socket prove themselves with TLS", g2},
	{"G3", "hostile handshakes neither kill nor delay the hub, and leave no process", g3},
	{"G4", "what runs is what was pinned, whatever happens to the file", g4},
	{"G5", "only a socket in the hub's own folder is a plugin's address", g5},
	{"G6", "nothing makes a release attach to a plugin that it did not start", g6},
	{"G7", "each call carries only what it needs, of its own connection", g7},
	{"G8", "the hosts of a provider are pinned; a plugin that points elsewhere is refused", g8},
	{"G9", "a plugin has no network and no files of the user, where the system can hold it", g9},
	{"G10", "a plugin that nobody pinned, that changed, that is not signed as before or is older, is refused", g10},
	{"G11", "no terminal for plugins; their output is bounded, escaped and redacted", g11},
	{"G12", "a plugin that eats memory or answers hugely hurts itself only", g12},
}

// evilBinary is testdata/evil with the corpus of handshakes, built once.
var evilBinary = sync.OnceValues(func() ([]byte, error) {
	b, err := corpus.ReadFile("corpus/handshakes.txt")
	if err != nil {
		return nil, err
	}
	var list []string
	for line := range strings.Lines(string(b)) {
		if name, what, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(line, "#") {
			if what = strings.TrimSpace(what); what == "" {
				what = " "
			}
			list = append(list, strings.TrimSpace(name)+"="+what)
		}
	}
	dir, err := os.MkdirTemp("", "evil-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	out := filepath.Join(dir, "evil")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w -X 'main.Handshakes="+strings.Join(list, ";")+"'", "-o", out, "./testdata/evil")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if msg, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the evil plugin: %w\n%s", err, msg)
	}
	return os.ReadFile(out)
})

// evil is a hub whose plugins are the bundled ones and evil ones of these modes,
// each configured as an integration of its name.
func evil(t *testing.T, s setup, modes ...string) *world {
	t.Helper()
	code, err := evilBinary()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "evil-plugins-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	sums, hcl := "", ""
	for _, m := range modes {
		name := "standpipe-provider-" + m
		if err := os.WriteFile(filepath.Join(dir, name), code, 0o755); err != nil {
			t.Fatal(err)
		}
		sums += fmt.Sprintf("%x  %s\n", sha256.Sum256(code), name)
		hcl += fmt.Sprintf("integration %q {\n  credentials = \"own\"\n  client_id = \"evil-client\"\n  client_secret = file(\"client.secret\")\n}\n", m)
	}
	for path, content := range map[string]string{"plugins.sum": sums} {
		if err := os.WriteFile(filepath.Join(dir, path), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	s.hcl += hcl
	bundled := filepath.Join(filepath.Dir(rig.Build(t).Standpipe), "plugins")
	s.args = append(s.args, "--plugins", bundled, "--plugins", dir)
	w := newWorld(t, s)
	w.evilDir = dir
	return w
}

// connectEvil connects an account of an evil provider, whose plugin takes any
// code, and returns what it saw.
func (w *world) connectEvil(t *testing.T, mode string) map[string]string {
	t.Helper()
	f := w.begin(t, mode)
	browse(t, w.AppAPI+"/callback/"+mode+"?code=code-of-"+mode+"&state="+query(t, f.URL, "state"))
	f.Line(func(line json.RawMessage) bool { return strings.Contains(string(line), "data_installation_") })
	return w.evilToken(t, mode)
}

// evilToken draws a token of an evil provider and returns its metadata.
func (w *world) evilToken(t *testing.T, mode string) map[string]string {
	t.Helper()
	var out struct {
		Metadata map[string]string
	}
	w.home.JSON(&out, "token", mode)
	return out.Metadata
}

// plugins is what the hub says of its plugins, by name.
func (w *world) plugins(t *testing.T) map[string]pluginState {
	t.Helper()
	var out struct{ Plugins []pluginState }
	w.home.JSON(&out, "providers")
	m := map[string]pluginState{}
	for _, p := range out.Plugins {
		m[strings.TrimPrefix(p.Name, "standpipe-provider-")] = p
	}
	return m
}

// pluginState is a plugin as the hub tells of it.
type pluginState struct {
	Name, State, Error string
	PID, Restarts      int
}

// peakMemory is the most that a process had in memory, in KiB.
func peakMemory(t *testing.T, pid int) (kib int) {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kib); n == 1 {
			return kib
		}
	}
	t.Fatal("the system does not say how much memory a process had")
	return 0
}

func g1(t *testing.T) {
	w := evil(t, setup{home: func(h *rig.Home) {
		h.Env = append(h.Env, "STANDPIPE_CANARY=1", "AWS_SECRET_ACCESS_KEY=x", "SSH_AUTH_SOCK=/x")
	}}, "curious")
	names := strings.Fields(w.connectEvil(t, "curious")["env"])
	known := []string{"PLUGIN_CLIENT_CERT", "PLUGIN_MIN_PORT", "PLUGIN_MAX_PORT", "PLUGIN_PROTOCOL_VERSIONS", "PLUGIN_UNIX_SOCKET_DIR", "PLUGIN_UNIX_SOCKET_GROUP", "PLUGIN_MULTIPLEX_GRPC", "STANDPIPE_PLUGIN", "STANDPIPE_PROVIDER_PLUGIN", "STANDPIPE_HOST_SOCKET", "STANDPIPE_DIAL", "TMPDIR", "GOMAXPROCS", "GOMEMLIMIT", "GOTRACEBACK"}
	if len(names) > 8 {
		t.Errorf("%d names: %v", len(names), names)
	}
	for _, n := range names {
		if !contains(known, n) && !strings.HasPrefix(n, "PLUGIN_") && !strings.HasPrefix(n, "STANDPIPE_PLUGIN") {
			t.Errorf("the plugin sees %s", n)
		}
	}
	if slices.Contains(names, "HOME") || slices.Contains(names, "STANDPIPE_CANARY") || slices.Contains(names, "PATH") {
		t.Errorf("it sees %v", names)
	}
}

func g2(t *testing.T) {
	w := evil(t, setup{}, "no-cert", "foreign-cert", "bad-cert", "good")
	for _, m := range []string{"no-cert", "foreign-cert", "bad-cert"} {
		if r := w.home.Try("connect", m, "--no-browser", "--json"); r.Exit == 0 {
			t.Errorf("%s: it serves", m)
		}
	}
	w.connectEvil(t, "good")
	w.vend(t)
	// A third process that finds the socket gets nothing but a TLS alert.
	found := 0
	_ = filepath.WalkDir(w.home.Data+"/run", func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type()&os.ModeSocket != 0 {
			c, err := net.Dial("unix", path)
			if err != nil {
				return nil
			}
			defer c.Close()
			found++
			_ = c.SetDeadline(time.Now().Add(5 * time.Second))
			_, _ = c.Write([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"))
			b := make([]byte, 64)
			n, _ := c.Read(b)
			// 21: a TLS alert. HTTP/2 would answer with its settings.
			if n > 0 && b[0] != 21 {
				t.Errorf("%s answers a stranger: %q", path, b[:n])
			}
		}
		return nil
	})
	if found == 0 {
		t.Log("no socket was found to dial; it is removed after the handshake")
	}
}

func g3(t *testing.T) {
	var modes []string
	for _, line := range lines(t, "handshakes.txt") {
		name, _, _ := strings.Cut(line, "=")
		modes = append(modes, strings.TrimSpace(name))
	}
	w := evil(t, setup{}, modes...)
	w.vend(t)
	var all sync.WaitGroup
	for _, m := range modes {
		all.Go(func() {
			begin := time.Now()
			if r := w.home.Try("connect", m, "--no-browser", "--json"); r.Exit == 0 {
				t.Errorf("%s: it serves", m)
			}
			if d := time.Since(begin); d > 55*time.Second {
				t.Errorf("%s: the caller waited %s", m, d)
			}
		})
	}
	done := make(chan struct{})
	go func() { all.Wait(); close(done) }()
	var slowest time.Duration
	begun := time.Now()
	for waiting := true; waiting; {
		begin := time.Now()
		w.vend(t)
		slowest = max(slowest, time.Since(begin))
		select {
		case <-done:
			waiting = false
		case <-time.After(200 * time.Millisecond):
		}
	}
	// On a slow machine both take longer; one that waits for a handshake takes as long.
	if took := time.Since(begun); slowest > took/2 {
		t.Errorf("the handshakes took %s, and a vend meanwhile %s", took, slowest)
	}
	w.vend(t)
	for m, p := range w.plugins(t) {
		if contains(modes, m) && (p.State == "running" || p.Error == "") {
			t.Errorf("%s: %+v", m, p)
		}
	}
	rig.Eventually(t, "no process is left", func() bool { return len(children(t, w.PID(), modes)) == 0 })
	if strings.Contains(w.Log(), "\x1b") || len(w.Log()) > 4<<20 {
		t.Errorf("the log has %d bytes, or escapes", len(w.Log()))
	}
}

// children finds processes that are plugins of these modes, or were left by one.
func children(t *testing.T, hub int, modes []string) (out []string) {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range stats {
		b, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		stat, _ := os.ReadFile(filepath.Dir(path) + "/stat")
		f := strings.Fields(string(stat))
		for _, m := range modes {
			if strings.Contains(string(b), "standpipe-provider-"+m+"\x00") && len(f) > 3 && f[3] == fmt.Sprint(hub) && f[2] != "Z" {
				out = append(out, m)
			}
		}
	}
	return out
}

func g4(t *testing.T) {
	w := evil(t, setup{}, "good")
	w.connectEvil(t, "good")
	path := filepath.Join(w.evilDir, "standpipe-provider-good")
	marker := filepath.Join(w.home.Dir, "evil-ran")
	script := []byte("#!/bin/sh\ntouch " + marker + "\nsleep 60\n")
	original, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rounds := 6
	if os.Getenv("STANDPIPE_TEST_LONG") != "" {
		rounds = 300
	}
	stop := make(chan struct{})
	var swapper sync.WaitGroup
	swapper.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			content := script
			if i%2 == 1 {
				content = original
			}
			tmp := path + ".tmp"
			if os.WriteFile(tmp, content, 0o755) == nil {
				_ = os.Rename(tmp, path)
			}
		}
	})
	for range rounds {
		if p := w.plugins(t)["good"]; p.PID > 0 {
			_ = syscall.Kill(p.PID, syscall.SIGKILL)
		}
		_ = w.home.Try("connect", "good", "--no-browser", "--json", "--help")
		f := w.home.Start("connect", "good", "--no-browser", "--json")
		select {
		case <-f.Done():
		case <-time.After(1500 * time.Millisecond):
			f.Kill()
		}
	}
	close(stop)
	swapper.Wait()
	if exists(marker) {
		t.Error("the swapped file was run")
	}
	copies, err := filepath.Glob(w.home.Data + "/run/plugins/*/*")
	if err == nil {
		more, _ := filepath.Glob(w.home.Data + "/run/plugins/*")
		copies = append(copies, more...)
	}
	checked := 0
	for _, c := range copies {
		info, err := os.Stat(c)
		if err != nil || !info.Mode().IsRegular() || len(filepath.Base(c)) < 64 {
			continue
		}
		b, err := os.ReadFile(c)
		if err != nil || fmt.Sprintf("%x", sha256.Sum256(b)) != filepath.Base(c)[:64] || info.Mode().Perm() != 0o500 {
			t.Errorf("the copy %s has mode %v and other bytes than its name says", c, info.Mode())
		}
		checked++
	}
	if checked == 0 {
		t.Errorf("no private copy was found among %v", copies)
	}
}

func g5(t *testing.T) {
	modes := []string{"lan", "loopback", "docker", "dots", "abstract"}
	w := evil(t, setup{}, modes...)
	for _, m := range modes {
		if r := w.home.Try("connect", m, "--no-browser", "--json"); r.Exit == 0 {
			t.Errorf("%s: it serves", m)
		}
	}
	for m, p := range w.plugins(t) {
		if contains(modes, m) && !strings.Contains(p.Error, "socket in the folder") {
			t.Errorf("%s: %s", m, p.Error)
		}
	}
	w.vend(t)
}

func g6(t *testing.T) {
	// An address of a plugin that somebody else started, in every spelling.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	reached := make(chan struct{}, 16)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
			reached <- struct{}{}
		}
	}()
	reattach := fmt.Sprintf(`{"standpipe-provider-good":{"Protocol":"grpc","ProtocolVersion":1,"Pid":%d,"Test":true,"Addr":{"Network":"tcp","String":%q}}}`, os.Getpid(), l.Addr())
	w := evil(t, setup{home: func(h *rig.Home) {
		for _, name := range []string{"STANDPIPE_REATTACH_PROVIDERS", "STANDPIPE_REATTACH", "TF_REATTACH_PROVIDERS", "PLUGIN_REATTACH", "STANDPIPE_PLUGIN_REATTACH"} {
			h.Env = append(h.Env, name+"="+reattach)
		}
	}}, "good")
	w.connectEvil(t, "good")
	if p := w.plugins(t)["good"]; p.PID == 0 || p.PID == os.Getpid() {
		t.Errorf("the plugin's process is %d", p.PID)
	}
	select {
	case <-reached:
		t.Error("the hub connected to a plugin that it did not start")
	default:
	}
}

func g7(t *testing.T) {
	w := evil(t, setup{}, "short")
	token := w.vend(t) // of another connection
	exchange := w.connectEvil(t, "short")["exchange"]
	rig.Eventually(t, "the plugin refreshes", func() bool { return w.evilToken(t, "short")["refresh"] != "" })
	refresh := w.evilToken(t, "short")["refresh"]
	for call, c := range map[string]struct {
		got     string
		allowed []string
	}{
		"exchange": {exchange, []string{"ClientID", "ClientSecret=" + clientSecret, "Code=code-of-short", "CodeVerifier", "Nonce", "Provider", "RedirectURI", "Scopes", "Config", "Params"}},
		"refresh":  {refresh, []string{"ClientID", "ClientSecret=" + clientSecret, "Provider", "RefreshToken=evil-refresh", "RefreshToken=evil-refresh-2", "RedirectURI", "Scopes", "Config"}},
	} {
		var fields []string
		if err := json.Unmarshal([]byte(c.got), &fields); err != nil || len(fields) < 3 {
			t.Fatalf("%s saw %q", call, c.got)
		}
		for _, f := range fields {
			name, _, _ := strings.Cut(f, "=")
			if !contains(c.allowed, f) && !(name == "CodeVerifier" && contains(c.allowed, name)) {
				t.Errorf("%s is given %s", call, name)
			}
		}
		for _, canary := range []string{token, w.rich, w.poor, w.conn} {
			if strings.Contains(c.got, canary) {
				t.Errorf("%s is given something of another connection", call)
			}
		}
	}
}

func g8(t *testing.T) {
	w := evil(t, setup{}, "elsewhere", "nopkce", "ownstate", "good")
	for _, m := range []string{"elsewhere", "nopkce", "ownstate"} {
		if r := w.home.Try("connect", m, "--no-browser", "--json"); r.Exit == 0 || strings.Contains(r.Stdout, "https://") {
			t.Errorf("%s: %d %s", m, r.Exit, r.Stdout)
		}
	}
	var providers struct {
		Providers []struct {
			Slug  string
			Hosts []string `json:"allowed_hosts"`
		}
	}
	w.home.JSON(&providers, "providers")
	shown := false
	for _, p := range providers.Providers {
		shown = shown || p.Slug == "good" && slices.Equal(p.Hosts, []string{"id.example:443"})
	}
	if !shown {
		t.Errorf("the hosts are not shown: %+v", providers)
	}
}

func g9(t *testing.T) {
	w := evil(t, setup{home: func(h *rig.Home) { h.Write(".ssh-id", "x") }}, "curious")
	m := w.connectEvil(t, "curious")
	if strings.Contains(m["files"], "vault.json") || strings.Contains(m["files"], "master.key") || strings.Contains(m["files"], "client.secret") || strings.Contains(m["files"], "audit.jsonl") {
		if !landlock() {
			skip(t, "G9", "this kernel has no Landlock: the plugin reads what its user can ("+m["files"]+")")
		}
		t.Errorf("the plugin reads %s", m["files"])
	}
	if m["network"] != "" {
		if !namespaces() {
			skip(t, "G9", "this system lets nobody make a user namespace: the plugin reaches "+m["network"])
		}
		t.Errorf("the plugin reaches %s", m["network"])
	}
}

// landlock reports whether the kernel can hold a process to some files.
func landlock() bool {
	n, _, _ := syscall.Syscall(444, 0, 0, 1) // landlock_create_ruleset(NULL, 0, VERSION)
	return int(n) > 0
}

// namespaces reports whether an ordinary user can make a network of his own.
func namespaces() bool {
	cmd := exec.Command("unshare", "--user", "--net", "true")
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	return cmd.Run() == nil
}

func g10(t *testing.T) {
	w := evil(t, setup{}, "good")
	signatures(t, w.home)
	w.Stop()
	path := filepath.Join(w.evilDir, "standpipe-provider-good")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(b, 0), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(w.evilDir, "standpipe-provider-unpinned"), b, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(w.home.Data + "/run/plugins"); err != nil { // the copies of what was pinned
		t.Fatal(err)
	}
	w.Hub = w.home.Serve("--listen", w.addr(), "--plugins", w.evilDir)
	for m, says := range map[string]string{"good": "changed", "unpinned": ""} {
		if r := w.home.Try("connect", m, "--no-browser", "--json"); r.Exit == 0 {
			t.Errorf("%s: it serves", m)
		}
		if p := w.plugins(t)[m]; p.State == "running" || !strings.Contains(p.Error, says) {
			t.Errorf("%s: %+v", m, p)
		}
	}
	// Nothing is found on the way: not in the current folder, not in the PATH.
	for _, dir := range []string{w.home.Dir, w.home.Dir + "/plugins"} {
		_ = os.MkdirAll(dir, 0o755)
		if err := os.WriteFile(filepath.Join(dir, "standpipe-provider-stray"), b, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if p, ok := w.plugins(t)["stray"]; ok {
		t.Errorf("a plugin beside the way was found: %+v", p)
	}
	// A folder that others can write is not taken plugins from.
	w.Stop()
	chmod(t, w.evilDir, 0o777)
	r := w.home.Start("serve", "--json", "--listen", w.addr(), "--ui-listen", "127.0.0.1:0", "--plugins", w.evilDir)
	defer r.Kill()
	rig.Eventually(t, "it serves, or refuses", func() bool {
		select {
		case <-r.Done():
			return true
		default:
			return w.home.Try("status").Exit == 0
		}
	})
	select {
	case <-r.Done():
	default:
		if p := w.plugins(t)["good"]; p.State == "running" {
			t.Errorf("from a folder of everybody: %+v", p)
		}
	}
}

func g11(t *testing.T) {
	w := evil(t, setup{}, "talker")
	m := w.connectEvil(t, "talker")
	if m["stdin"] != "/dev/null" {
		t.Errorf("stdin is %s", m["stdin"])
	}
	if strings.Contains(m["fds"], "/dev/tty") || strings.Contains(m["fds"], "/dev/pts") || strings.Contains(m["fds"], "store") {
		t.Errorf("it inherits %s", m["fds"])
	}
	log := w.Log()
	if strings.Contains(log, "\x1b") || strings.Contains(log, "code-of-talker") || strings.Contains(log, "\nlevel=ERROR msg=forged") || len(log) > 2<<20 {
		t.Errorf("the log has %d bytes, escapes, secrets or forged lines", len(log))
	}
}

func g12(t *testing.T) {
	w := evil(t, setup{}, "bomb", "short")
	w.connectEvil(t, "bomb")
	w.connectEvil(t, "short")
	pid := w.plugins(t)["bomb"].PID
	if pid == 0 {
		t.Fatal("the hog does not run")
	}
	// A refresh that a person asks for reaches the plugin for certain.
	var conns struct {
		Connections []struct{ ID, Integration string }
	}
	w.home.JSON(&conns, "status")
	p, id := w.login(t), ""
	for _, c := range conns.Connections {
		if c.Integration == "bomb" {
			id = c.ID
		}
	}
	done := make(chan int, 1)
	go func() { done <- p.do(t, "POST", "/ui/api/connections/"+id+"/refresh", map[string]any{}, nil) }()
	begin := time.Now()
	for range 20 {
		w.vend(t)
		time.Sleep(50 * time.Millisecond)
	}
	if d := time.Since(begin); d > 15*time.Second {
		t.Errorf("20 vends beside it took %s", d)
	}
	select {
	case status := <-done:
		if status < 400 {
			t.Errorf("the hog answered %d", status)
		}
	case <-time.After(50 * time.Second):
		t.Error("the caller waits for it")
	}
	rig.Eventually(t, "the hog is killed", func() bool { return !exists(fmt.Sprintf("/proc/%d", pid)) })
	if now := w.plugins(t)["bomb"]; now.State == "running" && now.PID == pid || now.Restarts == 0 && now.Error == "" {
		t.Errorf("the hog is shown as %+v", now)
	}
	if kib := peakMemory(t, w.PID()); kib > 512<<10 {
		t.Errorf("the hub itself took %d MiB", kib>>10)
	}
	if !strings.Contains(w.evilToken(t, "short")["exchange"]+w.evilToken(t, "short")["refresh"], "ClientID") {
		t.Error("another plugin does not work any more")
	}
}
