// SPDX-License-Identifier: Apache-2.0

//go:build !linux && !darwin

package instance

import (
	"net"
	"os"
)

// peerOf cannot ask here. The access list of the socket's folder is what keeps
// other users out.
func peerOf(*net.UnixConn) (Peer, error) { return Peer{UID: os.Geteuid()}, nil }
