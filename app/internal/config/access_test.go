// SPDX-License-Identifier: Apache-2.0

package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/standpipe/standpipe/app/internal/hub"
)

func TestAccessSettings(t *testing.T) {
	c, diags := decode("x.hcl", t.TempDir(), []byte(`
approvals { timeout = "30s" }
lock {
  idle       = "15m"
  screen     = true
  background = "keep"
}
policy "job" {
  app          = "nightly"
  integration  = "github"
  connection   = "c"
  scopes       = ["r"]
  accept_wider = true
  decision     = "allow"
}
policy "never" {
  app      = "nightly"
  decision = "deny"
}
`))
	if len(diags) > 0 {
		t.Fatal(render(t, diags))
	}
	want := []hub.Policy{
		{Name: "job", App: "nightly", Integration: "github", Connection: "c", Scopes: []string{"r"}, AcceptWider: true},
		{Name: "never", App: "nightly", Deny: true},
	}
	if diff := cmp.Diff(want, c.Policies); diff != "" {
		t.Error(diff)
	}
	if *c.Lock != (hub.LockSettings{Idle: 15 * time.Minute, Screen: true, Background: hub.LockKeep}) || c.ApprovalTimeout != 30*time.Second {
		t.Errorf("lock %+v, time-out %v", c.Lock, c.ApprovalTimeout)
	}
}

func TestSameUser(t *testing.T) {
	for src, want := range map[string]bool{
		``: true, `mode = "server"`: false, `base_url = "https://x.example"`: false, `peers = "any"`: false,
		"mode = \"server\"\npeers = \"same_user\"": true,
	} {
		c, diags := decode("x.hcl", t.TempDir(), []byte(src))
		if len(diags) > 0 || c.SameUser() != want {
			t.Errorf("%q: %v %s", src, c.SameUser(), render(t, diags))
		}
	}
}

func TestInvalidPolicies(t *testing.T) {
	for src, want := range map[string]string{
		`policy { app = "a" }`: "A policy has one name",
		`policy "A b" {}`:      "A policy has one name",
		"policy \"x\" {\n app = \"a\"\n integration = \"g\"\n}":                                                        `does not say "decision"`,
		"policy \"x\" {\n decision = \"deny\"\n}":                                                                      `does not say "app"`,
		"policy \"x\" {\n app = \"a\"\n decision = \"allow\"\n}":                                                       `does not say "integration"`,
		"policy \"x\" {\n app = \"a\"\n integration = \"g\"\n decision = \"perhaps\"\n}":                               `"decision" cannot be "perhaps"`,
		"policy \"x\" {\n app = \"\"\n decision = \"deny\"\n}":                                                         `"app" is empty`,
		"policy \"x\" {\n app = \"a\"\n scopes = [\"r\"]\n decision = \"deny\"\n}":                                     "denies has no scopes",
		"policy \"x\" {\n app = \"a\"\n integration = \"g\"\n scopes = []\n decision = \"allow\"\n}":                   "without any scope",
		"policy \"x\" {\n app = \"a\"\n decision = \"deny\"\n}\npolicy \"x\" {\n app = \"b\"\n decision = \"deny\"\n}": "There are two policies",
		"policy \"x\" {\n app = \"a\"\n integration = \"g\"\n accept_wider = true\n decision = \"allow\"\n}":           `"accept_wider" does nothing`,
		"policy \"x\" {\n app = \"a\"\n integration = \"g\"\n scope = [\"r\"]\n decision = \"allow\"\n}":               `There is no setting "scope"`,
		"lock { idle = \"1ms\" }":           `"idle" is out of range`,
		"lock { background = \"perhaps\" }": `"background" cannot be "perhaps"`,
		"approvals { timeout = \"2h\" }":    `"timeout" is out of range`,
		"peers = \"all\"":                   `"peers" cannot be "all"`,
	} {
		_, diags := decode("x.hcl", t.TempDir(), []byte(src))
		found := false
		for _, d := range diags {
			found = found || strings.Contains(d.Summary, want) && d.Line > 0 && d.Detail != ""
		}
		if !found {
			t.Errorf("%s\nwant %q, got:\n%s", src, want, render(t, diags))
		}
	}
}
