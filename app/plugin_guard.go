// SPDX-License-Identifier: Apache-2.0

package app

import (
	"net/http"

	"github.com/standpipe/standpipe/app/internal/instance"
)

// refusePlugins keeps plugins away from the hub's own socket: they run as the
// same user, for whom the socket is, and no sandbox of files closes it to them.
func (a *App) refusePlugins(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p, ok := instance.PeerFrom(r.Context()); ok && a.plugins.Owns(p.PID) {
			a.log.Warn("a plugin tried to use the hub's own socket", "pid", p.PID)
			http.Error(w, "this is not for plugins", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}
