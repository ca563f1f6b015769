// SPDX-License-Identifier: Apache-2.0

package security

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/e2e/rig"
	"github.com/standpipe/standpipe/sdk/oauthtest"
)

// mark is in every secret of the canary run.
const mark = "CanaryMark7f3a9c51"

// traces are the ways in which a secret can be written down: as it is, in hex,
// percent-encoded, backwards, and in base64 at each of the three alignments.
func traces(secret string) (out [][]byte) {
	raw := []byte(secret)
	out = append(out, raw, []byte(hex.EncodeToString(raw)), []byte(strings.ToUpper(hex.EncodeToString(raw))))
	percent := ""
	for _, b := range raw {
		percent += fmt.Sprintf("%%%02x", b)
	}
	out = append(out, []byte(percent), []byte(strings.ToUpper(percent)), []byte(url.QueryEscape(secret)))
	for shift := range 3 {
		for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			// The first and last characters mix with what stands around.
			b := enc.EncodeToString(append(bytes.Repeat([]byte{'x'}, shift), raw...))
			begin, end := (shift*8+5)/6, len(b)
			if (len(raw)+shift)%3 != 0 {
				end--
			}
			out = append(out, []byte(b[begin:end]))
		}
	}
	return out
}

// artefacts are what a day leaves behind, by where it was found.
type artefacts map[string][]byte

func (a artefacts) add(where string, b []byte) { a[where] = append(a[where], b...) }

// search reports every trace of a secret.
func (a artefacts) search(t *testing.T, name, secret string) {
	t.Helper()
	for where, b := range a {
		for _, trace := range traces(secret) {
			if i := bytes.Index(b, trace); i >= 0 {
				t.Errorf("%s: %s as %.12q…, after %.60q", where, name, trace, b[max(0, i-60):i])
				break
			}
		}
	}
}

// TestTraces: the search finds what it looks for.
func TestTraces(t *testing.T) {
	for _, text := range []string{
		mark, "x" + mark + "y", hex.EncodeToString([]byte("ab" + mark + "c")), base64.StdEncoding.EncodeToString([]byte("a" + mark + "tail")),
		base64.URLEncoding.EncodeToString([]byte("ab" + mark)), base64.StdEncoding.EncodeToString([]byte(`{"k":"` + mark + `"}`)), url.QueryEscape("=" + mark + "&"),
	} {
		found := false
		for _, trace := range traces(mark) {
			found = found || bytes.Contains([]byte(text), trace)
		}
		if !found {
			t.Errorf("not found in %s", text)
		}
	}
}

// h1 is a whole day at debug level: connect, vend, refresh, a refresh that
// fails, wrong keys, refused answers, a disconnect, a crash. Every secret of it
// carries the mark.
func h1(t *testing.T) {
	rules := oauthtest.Rules{Rotate: true, Lives: oauthtest.Lives{Access: 3 * time.Second}, NewToken: func(kind string) string {
		if kind == "grant" {
			return oauthtest.Random()
		}
		return mark + "-" + kind + "-" + oauthtest.Random()[:12]
	}}
	op, err := oauthtest.Start(oauthtest.Options{
		Clients: []oauthtest.Client{{ID: clientID, Secret: mark + "-client-secret", RedirectURIs: []string{"http://127.0.0.1/callback/openid"}, AnyPort: true}},
		Users:   []oauthtest.User{{Subject: "1", Login: "alice"}, {Subject: "2", Login: "bob"}}, Rules: rules,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = op.Close() })
	w := &world{home: rig.NewHome(t), op: op}
	w.home.Write("client.secret", mark+"-client-secret")
	w.home.Configure(integration("openid", op.URL, "") + "log {\n  level = \"debug\"\n}\n")
	w.Hub = w.home.Serve()
	found := artefacts{}
	run := func(args ...string) {
		r := w.home.Try(args...)
		found.add("standpipe "+strings.Join(args, " "), []byte(r.Stdout+r.Stderr))
	}
	w.rich = w.home.AddApp("rich", "--grant", "openid")
	w.conn = w.connect(t, "openid", op, "alice")
	second := w.connect(t, "openid", op, "bob")
	vend := func(key string, body map[string]any) {
		a := w.Post(key, vendPath, body)
		if a.Field("active") != "true" { // a token is what a vend is for
			found.add("answer of a vend", a.Body)
		}
	}
	one := map[string]any{"connected_account_id": w.conn}
	vend(w.rich, one)
	time.Sleep(4 * time.Second)
	vend(w.rich, one) // refreshed
	for _, f := range []oauthtest.Fault{
		{Status: 500, Body: "trace: refresh_token=" + mark + "-refresh"}, {Status: 400, Code: "invalid_request"},
		{Status: 200, Body: `{"access_token":["` + mark + `"]}`, ContentType: "application/json"},
		{Status: 400, ContentType: "application/json", Body: `{"error":"invalid_client","error_description":"bad secret ` + mark + `-client-secret"}`},
	} {
		op.Fail(oauthtest.EndpointToken, 1, f)
		time.Sleep(4 * time.Second)
		vend(w.rich, one)
	}
	vend("sp_app_"+mark+"0123456789012345678901234", one)
	vend(w.rich, map[string]any{"user_id": mark, "min_ttl": mark})
	found.add("answer", []byte(raw(t, w.addr(), w.good("POST", vendPath+"?access_token="+mark, "")).body))
	p := w.login(t)
	f := p.startFlow(t, "openid")
	for _, q := range []string{"?code=" + mark + "&state=x", "?state=" + query(t, f.URL, "state") + "&code=" + mark + "-code-x&iss=" + url.QueryEscape(op.URL)} {
		page, _, _ := browse(t, w.AppAPI+"/callback/openid"+q)
		found.add("callback page", []byte(page))
	}
	found.add("flow", []byte(fmt.Sprintf("%+v", p.flow(t, f.ID))))
	_, b := p.read(t, "/ui/api/diagnostics")
	found.add("diagnostics", b)
	for _, path := range []string{"/ui/api/accounts", "/ui/api/hub", "/ui/api/activity", "/ui/api/apps", "/ui/api/connections/" + w.conn} {
		_, b := p.read(t, path)
		found.add("page "+path, b)
	}
	pids := []int{w.PID()}
	for _, plugin := range w.plugins(t) {
		if plugin.PID > 0 {
			pids = append(pids, plugin.PID)
		}
	}
	for _, pid := range pids {
		for _, name := range []string{"cmdline", "environ", "comm", "status", "maps", "mountinfo", "stat"} {
			b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, name))
			found.add(fmt.Sprintf("/proc/%d/%s", pid, name), b)
		}
	}
	for _, args := range [][]string{{"status"}, {"status", "--json"}, {"audit"}, {"audit", "export"}, {"audit", "verify"}, {"apps", "list"}, {"providers"}, {"keys", "status"}, {"doctor"}, {"doctor", "--json"}, {"integrations", "list"}, {"config", "check"}, {"token", "openid"}, {"disconnect", second}} {
		run(args...)
	}
	backup := filepath.Join(w.home.Dir, "day.backup")
	pass := w.home.Write("pass", "a long passphrase\n")
	run("backup", "--passphrase-file", pass, backup)
	if b, err := os.ReadFile(backup); err == nil {
		found.add("backup", b)
	} else {
		t.Errorf("no backup: %v", err)
	}
	w.Kill() // a crash, with whatever it leaves
	for path, b := range w.home.Files() {
		found.add(strings.TrimPrefix(path, w.home.Dir), b)
	}
	for _, name := range []string{"core", "standpipe.log"} {
		if b, err := os.ReadFile(filepath.Join(w.home.Dir, name)); err == nil {
			found.add(name, b)
		}
	}
	found.add("log of the hub", []byte(w.Log()))
	if len(found["log of the hub"]) < 500 || !strings.Contains(w.Log(), "level=DEBUG") {
		t.Errorf("the log has no debug lines: %d bytes", len(w.Log()))
	}
	found.search(t, "a secret with the mark", mark)
	found.search(t, "the app's key", w.rich)
	found.search(t, "the state of a flow", query(t, f.URL, "state"))
	found.search(t, "the session of the page", p.session)
}

func h7(t *testing.T) {
	w := newWorld(t, setup{})
	token := w.vend(t)
	p := w.login(t)
	found := artefacts{}
	_, b := p.read(t, "/ui/api/diagnostics")
	found.add("diagnostics", b)
	if len(b) < 100 {
		t.Errorf("the diagnostics say nothing: %s", b)
	}
	for _, args := range [][]string{{"doctor"}, {"doctor", "--json"}} {
		r := w.home.Try(args...)
		if len(r.Stdout) < 50 {
			t.Errorf("%v says nothing: %s", args, r.Stderr)
		}
		found.add(strings.Join(args, " "), []byte(r.Stdout+r.Stderr))
	}
	for name, secret := range map[string]string{"a token": token, "the client secret": clientSecret, "an app's key": w.rich, "the account": "alice"} {
		found.search(t, name, secret)
	}
}
