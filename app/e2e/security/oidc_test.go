// SPDX-License-Identifier: Apache-2.0

package security

import (
	"encoding/json"
	"fmt"
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

func newOIDCWorld(t *testing.T) *oidcWorld {
	t.Helper()
	w := &oidcWorld{home: rig.NewHome(t)}
	listen := fmt.Sprintf("127.0.0.1:%d", rig.FreePort(t))
	w.op = rig.StartOIDC(t, "http://"+listen+"/callback/openid", "ACCESS_TTL=600", "ROTATE=never")
	w.op.Narrows(w.home)
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
