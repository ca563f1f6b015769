// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/e2e/rig"
	"github.com/standpipe/standpipe/sdk/oauthtest"
)

// TestExamples runs the programs of docs/examples against the hub, each as a
// user would: with a key in a file, without a grant, and, in Go, by pairing.
func TestExamples(t *testing.T) {
	t.Parallel()
	op, err := oauthtest.Start(oauthtest.Options{
		Clients: []oauthtest.Client{{ID: "docs", Secret: "docs-secret-0123456789", RedirectURIs: []string{"http://127.0.0.1/callback/openid"}, AnyPort: true}},
		Users:   []oauthtest.User{{Subject: "1", Login: "alice"}},
		Rules:   oauthtest.Rules{Rotate: true, Lives: oauthtest.Lives{Access: time.Hour}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = op.Close() })
	h := rig.NewHome(t)
	h.Write("docs.secret", "docs-secret-0123456789")
	h.Configure(fmt.Sprintf("approvals {\n  timeout = \"5s\"\n}\nintegration \"openid\" {\n  credentials = \"own\"\n  client_id = \"docs\"\n  client_secret = file(\"docs.secret\")\n  network = \"private\"\n  scopes = [\"openid\"]\n  config = { issuer = %q }\n}\n", op.URL))
	hub := h.Serve()
	p := h.Start("connect", "openid", "--no-browser", "--json")
	var f flow
	p.Line(decodeURL(&f))
	callback, err := op.Approve(f.AuthorizationURL, "alice")
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get(callback)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	p.Line(func(line json.RawMessage) bool { return strings.Contains(string(line), "data_installation_") })

	binary := filepath.Join(filepath.Dir(h.Product.Standpipe), "example-go")
	build := exec.Command("go", "build", "-o", binary, "./docs/examples/go")
	build.Dir, build.Env = rig.Root(), append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	docs := filepath.Dir(h.Write("token.sh", ""))
	for _, name := range []string{"token.sh", "token.py", "token.mjs"} {
		b, err := os.ReadFile(filepath.Join(rig.Root(), "docs", "examples", name))
		if err != nil {
			t.Fatal(err)
		}
		h.Write(name, string(b)) // where the product's user can read it
	}
	good := h.Write("good.key", h.AddApp("example", "--grant", "openid")+"\n")
	bad := h.Write("bad.key", h.AddApp("ungranted")+"\n")
	// The later of these runs come within the minute after the first one's
	// question ended without an answer.
	run := func(key string, args ...string) (string, error) {
		cmd := h.Command(args[0], args[1:]...)
		cmd.Env = append(cmd.Env, "STANDPIPE_URL="+hub.AppAPI, "STANDPIPE_KEY_FILE="+key)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	python := "/usr/bin/python3" // one in a home folder is not for the product's user
	if _, err := os.Stat(python); err != nil {
		python = rig.Program(t, "python3")
	}
	for name, args := range map[string][]string{
		"curl":   {"sh", docs + "/token.sh", "openid"},
		"python": {python, docs + "/token.py", "openid"},
		"node":   {"node", docs + "/token.mjs", "openid"},
		"go":     {binary, "openid"},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := run(good, args...)
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			got := strings.TrimSpace(out)
			if name == "curl" {
				var body struct {
					AccessToken struct {
						AccessToken string `json:"access_token"`
					} `json:"access_token"`
				}
				if err := json.Unmarshal([]byte(out), &body); err != nil {
					t.Fatal(err)
				}
				got = body.AccessToken.AccessToken
			}
			if _, ok := op.Lookup(got); !ok {
				t.Errorf("it prints %q", got)
			}
			if out, err := run(bad, args...); err == nil || !strings.Contains(out, "granted") && !strings.Contains(out, "did not allow") {
				t.Errorf("without a grant: %v, %s", err, out)
			}
		})
	}

	t.Run("go pairs", func(t *testing.T) {
		h := h.In(t)
		key := filepath.Join(h.Dir, "paired", "standpipe.key")
		cmd := h.Command(binary, "openid")
		cmd.Env = append(cmd.Env, "STANDPIPE_KEY_FILE="+key)
		done := make(chan string, 1)
		go func() {
			out, _ := cmd.CombinedOutput()
			done <- string(out)
		}()
		var list struct{ Pairings []struct{ Code, Name string } }
		rig.Eventually(t, "the program asks", func() bool {
			h.JSON(&list, "apps", "pairings")
			return len(list.Pairings) == 1
		})
		if list.Pairings[0].Name != "my-tool" {
			t.Errorf("it asks as %q", list.Pairings[0].Name)
		}
		h.CLI("apps", "approve", list.Pairings[0].Code)
		out := <-done
		lines := strings.Split(strings.TrimSpace(out), "\n")
		if _, ok := op.Lookup(lines[len(lines)-1]); !ok || !strings.Contains(out, list.Pairings[0].Code) {
			t.Errorf("it prints %s", out)
		}
		info, err := os.Stat(key)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the kept key: %v, %v", info, err)
		}
	})
}
