// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/e2e/rig"
)

// TestOpenIDProviders connects two certified OpenID providers by discovery
// alone: with an authorization request that has to be pushed, by a code, and with
// client credentials that only survive a header when they are form-encoded.
func TestOpenIDProviders(t *testing.T) {
	t.Parallel()
	h, hub, op := oidcHub(t, "PAR=required", "ACCESS_TTL=60")
	key := h.AddApp("reader", "--grant", "openid")

	t.Run("pushed request", func(t *testing.T) {
		h, hub := h.In(t), hub.In(t)
		c := connect(t, h, h.Chromium(), []string{"openid"}, func(page *rig.Page) {
			if at := page.Address(); strings.Contains(at, "code_challenge") {
				t.Errorf("the request is in the browser's address: %s", at)
			}
			asAlice(page)
		})
		if c.Account.Email != "alice@example.test" {
			t.Errorf("connected as %+v", c.Account)
		}
		first := token(t, hub, key, vendOpenID)
		if renewed := strings.TrimSpace(h.CLI("token", "openid", "--renew")); renewed == first || renewed == "" {
			t.Error("a renewed token is the old one")
		}
		if op.Count("refresh") == 0 {
			t.Error("the provider saw no refresh")
		}
		if out := h.CLI("disconnect", c.ID); !strings.Contains(strings.ToLower(out), "revoked") {
			t.Errorf("disconnect: %s", out)
		}
	})

	t.Run("device flow", func(t *testing.T) {
		h, hub := h.In(t), hub.In(t)
		c := connectDevice(h, "openid", func(d device) {
			page := h.Chromium()
			page.Goto(d.Complete)
			page.See("h1", "Confirm Device")
			page.Press("button[type=submit]")
			page.Fill("input[name=login]", "bob")
			page.Fill("input[name=password]", "any")
			page.Press("button[type=submit]")
			page.See("body", "Authorize")
			page.Press("button[type=submit]")
			page.See("body", "Sign-in Success")
		})
		if !strings.Contains(fmt.Sprint(c.Account), "bob") {
			t.Errorf("connected as %+v", c.Account)
		}
		token(t, hub, key, vendOpenID)
	})
}
