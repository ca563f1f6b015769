// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/e2e/rig"
)

// TestGitHub connects through the login page of an emulated GitHub that others
// wrote, and reads /user with the vended token through GitHub's own SDK.
func TestGitHub(t *testing.T) {
	t.Parallel()
	h := rig.NewHome(t)
	listen := fmt.Sprintf("127.0.0.1:%d", rig.FreePort(t))
	gh := rig.StartGitHub(t, "http://"+listen+"/callback/github")
	h.Write("github.secret", rig.GitHubSecret)
	h.Configure(fmt.Sprintf(`
integration "github" {
  credentials   = "own"
  client_id     = %q
  client_secret = file("github.secret")
  network       = "private"
  scopes        = ["repo", "read:user"]
  config        = { base_url = %q, api_url = %q }
}
`, rig.GitHubClient, gh.URL, gh.URL))
	hub := h.Serve("--listen", listen)
	c := connect(t, h, h.Chromium(), []string{"github"}, asOctocat)
	if c.Account.Login != "octocat" {
		t.Errorf("connected as %+v, want octocat", c.Account)
	}
	key := h.AddApp("reader", "--grant", "github")
	vended := token(t, hub, key, "/data-integrations/github/token")
	var user struct{ Login string }
	rig.Script(t, &user, vended, "octokit.mjs", gh.URL)
	if user.Login != "octocat" {
		t.Errorf("octokit reads the user %q with the vended token", user.Login)
	}

	t.Run("published SDK", func(t *testing.T) {
		var out struct {
			Token struct {
				Active      bool
				AccessToken struct {
					AccessToken   string
					Scopes        []string
					MissingScopes []string
				} `json:"accessToken"`
			}
			Missing struct {
				Exception string
				Status    int
				RequestID string `json:"requestId"`
			}
		}
		port := listen[strings.LastIndex(listen, ":")+1:]
		rig.Script(t, &out, key, "workos.mjs", port, "github", "me")
		if !out.Token.Active || out.Token.AccessToken.AccessToken != vended {
			t.Errorf("the SDK reads %+v", out.Token)
		}
		if out.Missing.Exception != "NotFoundException" || out.Missing.RequestID == "" {
			t.Errorf("an unknown provider is %+v to the SDK", out.Missing)
		}
	})

	t.Run("nothing readable on disk", func(t *testing.T) {
		h := h.In(t)
		for path, content := range h.Files() {
			for _, secret := range []string{vended, key, rig.GitHubSecret, "octocat@example.test", "octocat", "read:user"} {
				if i := strings.Index(string(content), secret); i >= 0 {
					t.Errorf("%s holds %q", path, secret)
				}
			}
		}
	})

	t.Run("disconnect", func(t *testing.T) {
		h, hub := h.In(t), hub.In(t)
		out := h.CLI("disconnect", c.ID)
		if !strings.Contains(strings.ToLower(out), "revoked") {
			t.Errorf("disconnect does not say what happened at the provider: %s", out)
		}
		a := hub.Post(key, "/data-integrations/github/token", map[string]any{})
		if a.Field("error") != "not_installed" {
			t.Errorf("after the disconnect: %s", a.Body)
		}
	})
}
