// SPDX-License-Identifier: Apache-2.0

package security

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/standpipe/standpipe/app/e2e/rig"
)

// The process.
var sectionF = []requirement{
	{"F1", "other processes of the same user cannot look into the hub; a crash leaves no core", f1},
	{"F2", "no secret in the arguments or the environment of the hub and what it starts", f2},
	{"F3", "a request that panics is a 500; the hub lives and shows nothing", f3},
	{"F4", "keys are in locked memory", f4},
	{"F5", "no profiler and no debug routes", f5},
	{"F6", "one hub per data folder; a second start says so", f6},
	{"F7", "exec gives a token to one child, and to nobody else", f7},
	{"F8", "the systemd unit holds the process", f8},
}

func f1(t *testing.T) {
	w := newWorld(t, setup{})
	token := w.vend(t)
	pids := []int{w.PID()}
	for _, p := range w.plugins(t) {
		if p.PID > 0 {
			pids = append(pids, p.PID)
		}
	}
	if len(pids) < 2 {
		t.Error("no plugin runs to look at")
	}
	for _, pid := range pids {
		for _, f := range []string{"environ", "mem", "maps", "fd/0", "auxv"} {
			cmd := w.home.Command("head", "-c", "1", fmt.Sprintf("/proc/%d/%s", pid, f))
			if out, err := cmd.CombinedOutput(); err == nil {
				t.Errorf("/proc/%d/%s can be read by the same user: %q", pid, f, out)
			}
		}
	}
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", w.PID()))
	if err != nil || !strings.Contains(strings.Join(strings.Fields(string(limits)), " "), "Max core file size 0") {
		t.Errorf("the limit of core files: %v %s", err, limits)
	}
	if err := syscall.Kill(w.PID(), syscall.SIGSEGV); err != nil {
		t.Fatal(err)
	}
	<-w.Done()
	for _, pattern := range []string{w.home.Dir + "/core*", w.home.Data + "/core*"} {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			t.Errorf("a core file: %v", found)
		}
	}
	for _, secret := range []string{token, clientSecret, w.rich} {
		if strings.Contains(w.Log(), secret) {
			t.Error("the crash printed a secret")
		}
	}
}

func f2(t *testing.T) {
	w := newWorld(t, setup{})
	token := w.vend(t)
	f := w.begin(t, "openid") // so that a plugin is at work
	secrets := []string{token, clientSecret, w.rich, query(t, f.URL, "state")}
	key, err := os.ReadFile(filepath.Join(w.home.Dir, "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(key)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			secrets = append(secrets, line)
		}
	}
	seen := 0
	procs, _ := filepath.Glob("/proc/[0-9]*")
	for _, p := range procs {
		for _, name := range []string{"cmdline", "environ"} {
			b, err := os.ReadFile(p + "/" + name)
			if err != nil || len(b) == 0 {
				continue
			}
			seen++
			for _, s := range secrets {
				if strings.Contains(string(b), s) {
					t.Errorf("%s/%s holds a secret", p, name)
				}
			}
		}
	}
	if seen < 10 {
		t.Errorf("only %d files were looked at", seen)
	}
}

func f3(t *testing.T) {
	w := newWorld(t, setup{})
	token := w.vend(t)
	w.Stop()
	env := w.home.Env
	w.home.Program, w.home.Env = w.home.Product.Faults, append(env[:len(env):len(env)], "STANDPIPE_FAULT=audit.record:panic:1", "GOTRACEBACK=all")
	w.Hub = w.home.Serve("--listen", w.addr())
	a := w.Post(w.rich, vendPath, map[string]any{})
	if a.Status != 500 || strings.Contains(string(a.Body), "panic") || strings.Contains(string(a.Body), "goroutine") || strings.Contains(string(a.Body), token) || a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("a panic: %d %s", a.Status, a.Body)
	}
	if got := w.vend(t); got != token {
		t.Error("another token after the panic")
	}
	for _, secret := range []string{token, w.rich, clientSecret} {
		if strings.Contains(w.Log(), secret) {
			t.Error("the log of the panic holds a secret")
		}
	}
	if !strings.Contains(w.Log(), "a request panicked") {
		t.Error("the log does not tell of the panic")
	}
}

func f4(t *testing.T) {
	w := shared(t)
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", w.PID()))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if v, ok := strings.CutPrefix(line, "VmLck:"); ok {
			if strings.TrimSpace(v) == "0 kB" {
				t.Error("no memory is locked")
			}
			return
		}
	}
	t.Error("the kernel does not say how much memory is locked")
}

func f5(t *testing.T) {
	w := shared(t)
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/heap", "/debug/vars", "/debug/requests", "/metrics", "/debug"} {
		for _, base := range []string{w.addr(), strings.TrimPrefix(w.UI, "http://")} {
			a := raw(t, base, strings.Replace(w.good("GET", path, ""), "Host: "+w.addr(), "Host: "+base, 1))
			if a.status != 404 && a.status != 401 && !(base != w.addr() && strings.Contains(a.header.Get("Content-Type"), "text/html")) {
				t.Errorf("%s on %s: %d", path, base, a.status)
			}
			if strings.Contains(a.body, "goroutine") || strings.Contains(a.body, "cmdline") {
				t.Errorf("%s on %s: %.200s", path, base, a.body)
			}
		}
	}
}

func f6(t *testing.T) {
	w := newWorld(t, setup{alone: true})
	r := w.home.Try("serve")
	if r.Exit != 0 || !strings.Contains(r.Stdout+r.Stderr, "already") {
		t.Errorf("a second serve: %d %s%s", r.Exit, r.Stdout, r.Stderr)
	}
	if a := w.Do(http.MethodGet, w.rich, "/health", nil); a.Status != 200 {
		t.Errorf("the first one: %d", a.Status)
	}
}

func f7(t *testing.T) {
	w := newWorld(t, setup{})
	token := w.vend(t)
	r := w.home.Try("exec", "--provider", "openid", "--env", "TOKEN", "--", "sh", "-c", `printf %s "$TOKEN"; exit 7`)
	if r.Exit != 7 || r.Stdout != token {
		t.Errorf("exec: %d %q %s", r.Exit, r.Stdout, r.Stderr)
	}
	// No shell: what looks like one is an argument.
	if r := w.home.Try("exec", "--provider", "openid", "--env", "TOKEN", "--", "echo", "$TOKEN", ";", "id"); r.Stdout != "$TOKEN ; id\n" {
		t.Errorf("exec of an odd argument: %q", r.Stdout)
	}
	p := w.home.Start("exec", "--provider", "openid", "--env", "TOKEN", "--", "sleep", "30")
	defer p.Kill()
	rig.Eventually(t, "the child runs", func() bool {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.PID()))
		return strings.HasPrefix(string(b), "sleep\x00")
	})
	procs, _ := filepath.Glob("/proc/[0-9]*")
	for _, path := range procs {
		for _, name := range []string{"cmdline", "environ"} {
			b, _ := os.ReadFile(path + "/" + name)
			if strings.Contains(string(b), token) && path != fmt.Sprintf("/proc/%d", p.PID()) {
				t.Errorf("%s/%s holds the token", path, name)
			}
		}
	}
}

func f8(t *testing.T) {
	unit, err := os.ReadFile(filepath.Join(rig.Root(), "configs", "standpipe.service"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"NoNewPrivileges=yes", "ProtectSystem=strict", "MemoryDenyWriteExecute=yes", "RestrictAddressFamilies=", "UMask=0077", "LimitCORE=0", "PrivateUsers=yes", "ProtectHome=read-only", "RestrictNamespaces=", "SystemCallFilter=@system-service"} {
		if !strings.Contains(string(unit), "\n"+want) {
			t.Errorf("the unit lacks %s", want)
		}
	}
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Log("systemd-analyze is not here; the settings were read instead")
		return
	}
	out, err := exec.Command("systemd-analyze", "security", "--offline=true", "--threshold=70", filepath.Join(rig.Root(), "configs", "standpipe.service")).CombinedOutput()
	if err != nil { // 60 of 100 by version 252: what a user's manager cannot take away counts too
		t.Errorf("systemd-analyze: %v\n%s", err, out)
	}
}
