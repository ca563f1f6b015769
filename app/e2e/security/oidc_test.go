// SPDX-License-Identifier: Apache-2.0

package security

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/e2e/rig"
)

// oidcWorld is a hub whose provider is oidc-provider, which narrows tokens by
// scope and by audience, with an account and an app that may draw nothing.
type oidcWorld struct {
	*rig.Hub
	home       *rig.Home
	op         *rig.OIDC
	conn, poor string
}

// newOIDCWorld declares that the provider can narrow, and where its API is, as a user does: with a file
// that is laid over the built-in declaration.
func newOIDCWorld(t *testing.T) *oidcWorld {
	t.Helper()
	w := &oidcWorld{home: rig.NewHome(t)}
	listen := fmt.Sprintf("127.0.0.1:%d", rig.FreePort(t))
	w.op = rig.StartOIDC(t, "http://"+listen+"/callback/openid", "ACCESS_TTL=600", "ROTATE=never")
	if err := os.Mkdir(filepath.Join(w.home.Dir, "providers"), 0o755); err != nil {
		t.Fatal(err)
	}
	w.home.Write("providers/openid.hcl", `provider "openid" {
  rotation         = "none"
  narrows_scopes   = true
  narrows_audience = true
  apis             = ["{issuer}"]
}
`)
	w.home.Write("oidc.secret", rig.OIDCSecret)
	w.home.Configure(fmt.Sprintf(`
integration "openid" {
  credentials   = "own"
  client_id     = %q
  client_secret = file("oidc.secret")
  network       = "private"
  scopes        = ["openid", "offline_access", "profile", "email", "read"]
  audiences     = ["https://mail.test/", "https://files.test/"]
  config        = { issuer = %q }
}
`, rig.OIDCClient, w.op.Issuer))
	w.Hub = w.home.Serve("--listen", listen)
	w.poor = w.home.AddApp("poor")
	w.conn = authorize(t, w.home, func(url string) string { return w.op.Approve(t, url, "alice") }, "openid")
	return w
}

// authorize connects an account from the command line; approve is what the
// user's browser does until the callback.
func authorize(t *testing.T, home *rig.Home, approve func(authorizationURL string) string, args ...string) (connection string) {
	t.Helper()
	f := begin(home, args...)
	browse(t, approve(f.URL))
	var c struct{ ID string }
	f.Line(func(line json.RawMessage) bool {
		return json.Unmarshal(line, &c) == nil && strings.HasPrefix(c.ID, "data_installation_")
	})
	return c.ID
}
