// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"errors"
	"net"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// offlineDelay is when a machine without a network is tried again: at an even
// pace, since being offline is nobody's failure.
const offlineDelay = 30 * time.Second

var errOffline = errors.New("this machine has no way to the internet")

// offline says that a request was not sent because the machine has no network,
// which counts against no connection and no provider.
func offline(provider string, cause error) *hub.Error {
	return &hub.Error{
		Code:    hub.CodeProviderUnavailable,
		Message: "this machine is offline, and " + provider + " cannot be reached",
		Remedy:  "It goes on by itself when the network is back.",
		Err:     errors.Join(errOffline, cause),
	}
}

// isOffline reports whether a failed call never left a machine that has no way
// to the internet. A provider in a private network has nothing to do with that.
func (e *Engine) isOffline(err error, r *hub.Resolved) bool {
	pe, ok := errors.AsType[*hub.ProviderError](err)
	return ok && pe.Unsent && !r.Target.PrivateNetwork && !e.cfg.Online()
}

// hasRoute reports whether the system knows a way to the internet. Connecting a
// UDP socket asks the routing table and sends nothing; the addresses are those
// set aside for documentation.
func hasRoute() bool {
	for _, to := range []string{"192.0.2.1:9", "[2001:db8::1]:9"} {
		conn, err := net.Dial("udp", to)
		if err == nil {
			_ = conn.Close()
			return true
		}
	}
	return false
}
