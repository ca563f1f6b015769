// SPDX-License-Identifier: Apache-2.0

package security

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/e2e/rig"
)

// TestRelay: an app that may only have the hub call gets answers, and never the
// token.
func TestRelay(t *testing.T) {
	t.Parallel()
	w := newOIDCWorld(t)
	caller, addr := w.home.AddApp("caller"), strings.TrimPrefix(w.AppAPI, "http://")
	w.home.CLI("apps", "grant", "caller", "openid", "--relay")
	if got := w.home.CLI("apps", "list"); !strings.Contains(got, "openid through the hub") {
		t.Errorf("the grant is shown as %s", got)
	}
	if a := w.Do(http.MethodGet, caller, "/relay/openid/me", nil); a.Status != 200 || a.Field("sub") != "alice" {
		t.Fatalf("the provider's API: %d %s", a.Status, a.Body)
	}
	if a := w.Post(caller, vendPath, map[string]any{}); a.Status != 403 {
		t.Errorf("a token: %d %s", a.Status, a.Body)
	}
	for _, path := range []string{"/relay/openid//evil.test/", "/relay/openid/%2e%2e/x", "/relay/github/user", "/relay/nobody/x"} {
		if a := w.Do(http.MethodGet, caller, path, nil); a.Status < 400 {
			t.Errorf("%s: %d", path, a.Status)
		}
	}
	for address, provider := range map[string]string{"http://169.254.169.254/latest": "openid", "http://127.0.0.1:22/": "openid", "https://api.github.com/user": "openid"} {
		a := raw(t, addr, "GET /relay HTTP/1.1\r\nHost: "+addr+"\r\nAuthorization: Bearer "+caller+"\r\nX-Relay-Provider: "+provider+"\r\nX-Relay-URL: "+address+"\r\n\r\n")
		if a.status != 403 || a.header.Get("X-Relay-Upstream-Status") != "" {
			t.Errorf("%s: %d %s", address, a.status, a.body)
		}
	}
	// The first call of who was granted nothing is asked; a yes is for calls.
	asked := w.Do(http.MethodGet, w.poor, "/relay/openid/me", nil)
	if got := w.home.CLI("apps", "approvals"); asked.Status != 403 || !strings.Contains(got, "through the hub") {
		t.Errorf("the question: %d %s", asked.Status, got)
	}
	w.home.CLI("apps", "approve", asked.Field("approval_id"), "--always")
	if a := w.Do(http.MethodGet, w.poor, "/relay/openid/me", nil); a.Field("sub") != "alice" {
		t.Errorf("after a yes: %d %s", a.Status, a.Body)
	}
	if a := w.Post(w.poor, vendPath, map[string]any{}); a.Status != 403 {
		t.Errorf("a yes to calls gave a token: %d", a.Status)
	}
	// What the provider no longer accepts is renewed, and the call made again.
	all := w.home.AddApp("all", "--all")
	token := w.Post(all, vendPath, map[string]any{}).Field("access_token", "access_token")
	w.op.Forget(t, token)
	rig.Eventually(t, "the token is believed in no longer", func() bool {
		return w.Do(http.MethodGet, caller, "/relay/openid/me", nil).Field("sub") == "alice"
	})
	if got := w.home.CLI("audit", "--json", "--action", "token.relay"); !strings.Contains(got, `"subject":"GET `+strings.TrimPrefix(w.op.Issuer, "http://")+`"`) {
		t.Errorf("the audit says %s", got)
	}
	for path, b := range w.home.Files() {
		if bytes.Contains(b, []byte(token)) {
			t.Errorf("the token is in %s", path)
		}
	}
	if strings.Contains(w.Log(), token) {
		t.Error("the token is in the log")
	}
	w.home.CLI("lock")
	if a := w.Do(http.MethodGet, caller, "/relay/openid/me", nil); a.Status != http.StatusLocked {
		t.Errorf("while locked: %d", a.Status)
	}
	w.home.CLI("unlock")
	w.home.CLI("disconnect", w.conn)
	if a := w.Do(http.MethodGet, caller, "/relay/openid/me", nil); a.Status != http.StatusPaymentRequired || a.Field("code") != "relay_authorization_required" {
		t.Errorf("without an account: %d %s", a.Status, a.Body)
	}
}
