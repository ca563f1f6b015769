// SPDX-License-Identifier: Apache-2.0

package security

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/e2e/rig"
)

// Logs, audit, diagnostics.
var sectionH = []requirement{
	{"H1", "no secret in any artefact of a whole day at debug level", h1},
	{"H2", "a secret does not print, and no error shows what was sent", h2},
	{"H3", "what is handed out or changed is audited first; without audit, no token", h3},
	{"H4", "an edited, removed, moved or cut line of the audit is named", h4},
	{"H5", "an entry says when, who, which process, what, how decided; bounded, exported as JSON lines", h5},
	{"H6", "control characters from outside are harmless everywhere", h6},
	{"H7", "doctor and the diagnostics are redacted by construction", h7},
}

func h2(t *testing.T) {
	w := newWorld(t, setup{alone: true})
	p := w.login(t)
	canary := "canary-client-secret-9f8e7d6c5b4a"
	for _, body := range []string{
		`{"client_secret":{"x":"` + canary + `"}}`, `{"client_secret":["` + canary + `"]}`, `{"client_secret":"` + canary + `","scopes":"` + canary + `"}`,
		`{"client_secret":"` + canary + `"`, `{"client_secret":"` + strings.Repeat(canary, 200) + `"}`, `{"credentials":"` + canary + `"}`,
	} {
		status, answer := p.put(t, "/ui/api/integrations/github", body)
		if status < 400 || strings.Contains(answer, canary) {
			t.Errorf("%.60s: %d %s", body, status, answer)
		}
	}
	w.Stop()
	if strings.Contains(w.Log(), canary) {
		t.Error("the log holds it")
	}
}

func (p *page) put(t *testing.T, path, body string) (int, string) {
	t.Helper()
	host := strings.TrimPrefix(p.base, "http://")
	a := raw(t, host, fmt.Sprintf("PUT %s HTTP/1.1\r\nHost: %s\r\nStandpipe-Session: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", path, host, p.session, len(body), body))
	return a.status, a.body
}

func h3(t *testing.T) {
	w := newWorld(t, setup{})
	w.vend(t)
	log := filepath.Join(w.home.Data, "audit.jsonl")
	// What cannot be written, even by root.
	if err := os.Remove(log); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(log, 0o700); err != nil {
		t.Fatal(err)
	}
	rig.Eventually(t, "no token without audit", func() bool {
		a := w.Post(w.rich, vendPath, map[string]any{})
		return a.Status == 503 && a.Field("code") == "audit_unavailable" && !strings.Contains(string(a.Body), "access_token")
	})
	p := w.login503(t)
	if r := w.home.Try("apps", "add", "unseen"); r.Exit == 0 {
		t.Error("an app was added without audit")
	}
	if r := w.home.Try("token", "openid"); r.Exit == 0 {
		t.Error("the command line got a token without audit")
	}
	if r := w.home.Try("disconnect", w.conn); r.Exit == 0 {
		t.Error("a connection was ended without audit")
	}
	_ = p
	if err := os.Remove(log); err != nil {
		t.Fatal(err)
	}
	rig.Eventually(t, "tokens again", func() bool { return w.Post(w.rich, vendPath, map[string]any{}).Field("active") == "true" })
	w.home.CLI("status")

	if os.Geteuid() != 0 {
		return
	}
	// A full disk: the data folder on a file system of 64 MiB.
	full := rig.NewHome(t)
	disk := full.Dir + "/disk"
	if err := os.Mkdir(disk, 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=160m,uid=65534,gid=65534,mode=0700", "tmpfs", disk).CombinedOutput(); err != nil {
		t.Logf("no small disk can be mounted here (%v: %s); app/internal/audit tests a full one", err, out)
		return
	}
	t.Cleanup(func() { _ = exec.Command("umount", "-l", disk).Run() })
	full.Data = disk + "/data"
	full.Env = append(full.Env, "STANDPIPE_DATA="+full.Data)
	full.CLI("keys", "init", "--key", "file:"+full.Dir+"/disk.key")
	op := provider(t, stale, quirkless)
	full.Write("client.secret", clientSecret)
	full.Configure(integration("openid", op.URL, ""))
	f := &world{home: full, op: op, Hub: full.Serve()}
	f.rich = full.AddApp("rich", "--grant", "openid")
	f.conn = f.connect(t, "openid", op, "alice")
	fill, err := os.OpenFile(disk+"/fill", os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	junk := bytes.Repeat([]byte{1}, 1<<16)
	for {
		if _, err := fill.Write(junk); err != nil {
			break
		}
	}
	for size := 1 << 12; size > 0; size >>= 4 {
		for {
			if _, err := fill.Write(junk[:size]); err != nil {
				break
			}
		}
	}
	rig.Eventually(t, "no token on a full disk", func() bool {
		a := f.Post(f.rich, vendPath, map[string]any{})
		return a.Status == 503
	})
	fill.Close()
	if err := os.Remove(disk + "/fill"); err != nil {
		t.Fatal(err)
	}
	rig.Eventually(t, "tokens again when there is room", func() bool { return f.Post(f.rich, vendPath, map[string]any{}).Field("active") == "true" })
}

// login503 opens no session: a login link is audited too.
func (w *world) login503(t *testing.T) *page {
	t.Helper()
	if r := w.home.Try("open", "--no-browser", "--json"); r.Exit == 0 {
		t.Error("a login link was made without audit")
	}
	return nil
}

func h4(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(lines []string) []string
		says string
	}{
		{"nothing", func(l []string) []string { return l }, ""},
		{"an edited line", func(l []string) []string {
			i := strings.Index(l[4], `"sealed":"`) + 30
			l[4] = l[4][:i] + map[bool]string{true: "B", false: "A"}[l[4][i] == 'A'] + l[4][i+1:]
			return l
		}, "altered"},
		{"a removed line", func(l []string) []string { return slices.Delete(l, 4, 5) }, "missing"},
		{"swapped lines", func(l []string) []string { l[4], l[5] = l[5], l[4]; return l }, "moved"},
		{"a cut end", func(l []string) []string { return l[:len(l)-2] }, "missing"},
		{"an empty log", func([]string) []string { return nil }, "missing"},
	} {
		w := newWorld(t, setup{})
		for range 5 {
			w.vend(t)
		}
		w.Stop()
		path := filepath.Join(w.home.Data, "audit.jsonl")
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		changed := strings.Join(c.do(strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")), "\n")
		if changed != "" {
			changed += "\n"
		}
		if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
			t.Fatal(err)
		}
		r := w.home.Try("audit", "verify")
		if (r.Exit != 0) != (c.says != "") || !strings.Contains(r.Stdout, c.says) {
			t.Errorf("%s: %d %s%s", c.name, r.Exit, r.Stdout, r.Stderr)
		}
	}
}

func h5(t *testing.T) {
	w := newWorld(t, setup{})
	w.curl(t, w.rich)
	w.Post(w.poor, vendPath, map[string]any{})
	out := w.home.CLI("audit", "export")
	actions := map[string]bool{}
	var last uint64
	for line := range strings.Lines(out) {
		var e struct {
			Seq                                                         uint64
			Time                                                        time.Time
			Action, Decision, App, Connection, Rule, Scope, Fingerprint string
			Code                                                        string
			Latency                                                     int64 `json:"latency_us"`
			Peer                                                        *struct {
				UID, PID int
				Exe      string
			}
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		actions[e.Action+" "+e.Decision] = true
		if e.Seq <= last || e.Time.IsZero() || e.Action == "" || e.Decision == "" || e.App == "" {
			t.Errorf("an entry lacks something: %s", line)
		}
		last = e.Seq
		if e.Action == "token.vend" && e.Decision == "allowed" {
			if e.Connection != w.conn || e.Rule == "" || e.Scope == "" || e.Fingerprint == "" || e.Latency <= 0 {
				t.Errorf("a vend lacks something: %s", line)
			}
			if e.Peer == nil || e.Peer.PID == 0 || !strings.HasSuffix(e.Peer.Exe, "curl") {
				t.Errorf("a vend does not say which process: %s", line)
			}
		}
		if e.Decision == "denied" && e.Code == "" {
			t.Errorf("a denial without a code: %s", line)
		}
	}
	for _, want := range []string{"token.vend allowed", "token.vend denied", "app.add allowed", "connection.connect allowed"} {
		if !actions[want] {
			t.Errorf("no entry for %s in %v", want, actions)
		}
	}
	var page struct {
		Entries []struct{ App string }
	}
	w.home.JSON(&page, "audit", "--app", "poor", "--since", "1h", "--decision", "denied")
	if len(page.Entries) == 0 {
		t.Error("the filter finds nothing")
	}
	info, err := os.Stat(filepath.Join(w.home.Data, "audit.jsonl"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}

func h6(t *testing.T) {
	w := newWorld(t, setup{})
	w.home.Try("apps", "add", "evil\n{\"seq\":1}\x1b[2J\r\u202e")
	w.pair(t, "evil\u001b[2J name")
	w.Post(w.rich, vendPath, map[string]any{"connected_account_id": "x\r\nlevel=ERROR msg=forged\x1b[2J"})
	w.Do("GET", w.rich, "/user_management/users/a%0d%0alevel=ERROR%1b/data_providers", nil)
	for _, args := range [][]string{{"apps", "list"}, {"status"}, {"audit"}, {"providers"}} {
		r := w.home.Try(args...)
		if strings.ContainsAny(r.Stdout+r.Stderr, "\x1b\r") || strings.Contains(r.Stdout, "\u202e") {
			t.Errorf("%v prints control characters: %q", args, r.Stdout)
		}
	}
	out := w.home.CLI("audit", "export")
	for line := range strings.Lines(out) {
		if !json.Valid([]byte(line)) || strings.Contains(line, "\x1b") {
			t.Errorf("the export has the line %q", line)
		}
	}
	w.Stop()
	if log := w.Log(); strings.Contains(log, "\x1b") || strings.Contains(log, "\nlevel=ERROR msg=forged") {
		t.Error("the log has escapes, or forged lines")
	}
}
