// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/e2e/rig"
)

// TestZitadel connects the example provider of zitadel/oidc (certified) by
// discovery alone, with client credentials that have to be form-encoded in their
// header: rotation, revocation, and a code by a client of its own.
func TestZitadel(t *testing.T) {
	t.Parallel()
	h := rig.NewHome(t)
	listen := fmt.Sprintf("127.0.0.1:%d", rig.FreePort(t))
	op := rig.StartZitadel(t, "http://"+listen+"/callback/openid")
	h.Write("op.secret", rig.ZitadelSecret)
	var config strings.Builder
	for name, client := range map[string]string{"openid": rig.ZitadelClient, "openid-device": rig.ZitadelDeviceClient} {
		fmt.Fprintf(&config, `
integration %q {
  provider      = "openid"
  credentials   = "own"
  client_id     = %q
  client_secret = file("op.secret")
  network       = "private"
  config        = { issuer = %q, client_auth = "basic" }
}
`, name, client, op.Issuer)
	}
	h.Configure(config.String())
	hub := h.Serve("--listen", listen)
	key := h.AddApp("reader", "--grant", "openid", "--grant", "openid-device")

	t.Run("rotation and revocation", func(t *testing.T) {
		h, hub := h.In(t), hub.In(t)
		c := connect(t, h, h.Chromium(), []string{"openid"}, func(page *rig.Page) {
			signInAtZitadel(page)
			page.See("h1", "connected")
		})
		if c.Account.Email != "alice@example.test" {
			t.Errorf("connected as %+v", c.Account)
		}
		seen := map[string]bool{token(t, hub, key, vendOpenID): true}
		for range 2 { // the second one needs the refresh token of the first
			seen[strings.TrimSpace(h.CLI("token", "openid", "--renew"))] = true
		}
		if len(seen) != 3 || op.Count("refresh_token by basic") != 2 {
			t.Errorf("%d tokens; the provider saw %d refreshes", len(seen), op.Count("refresh_token by basic"))
		}
		if out := h.CLI("disconnect", c.ID); !strings.Contains(out, "revoked at OpenID Connect") || op.Count("/revoke by basic") == 0 {
			t.Errorf("disconnect: %s", out)
		}
	})

	t.Run("device flow", func(t *testing.T) {
		h, hub := h.In(t), hub.In(t)
		connectDevice(h, "openid-device", func(d device) {
			page := h.Chromium()
			page.Goto(d.Complete)
			signInAtZitadel(page)
			page.See("h1", "Welcome back")
			page.Press("button.green")
		})
		token(t, hub, key, "/data-integrations/openid-device/token")
	})

	if t.Failed() || strings.Contains(op.Log(), "by body") || strings.Contains(op.Log(), "by none") {
		t.Errorf("the provider saw:\n%s", op.Log())
	}
}

func signInAtZitadel(page *rig.Page) {
	page.Fill("input[name=username]", rig.ZitadelUser)
	page.Fill("input[name=password]", rig.ZitadelPassword)
	page.Press("button[type=submit]")
}
