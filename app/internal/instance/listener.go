// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/hub"
)

// maxTurned bounds how many strangers are being turned away at a time; the
// others are cut off without a word.
const maxTurned = 16

// turnTime is how long a stranger may take to read the refusal.
const turnTime = 2 * time.Second

// Peer is the process on the other end of the socket, as the kernel says.
type Peer struct {
	UID int // -1 where the system does not tell
	PID int // 0 where the system does not tell
}

type peerKey struct{}

// ConnContext is for http.Server.ConnContext: it puts the peer of a connection
// of Listen into the context of its requests.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	if pc, ok := c.(*peerConn); ok {
		return context.WithValue(ctx, peerKey{}, pc.peer)
	}
	return ctx
}

// PeerFrom returns the peer that ConnContext put into the context; false means
// that the request did not come over the socket.
func PeerFrom(ctx context.Context) (Peer, bool) {
	p, ok := ctx.Value(peerKey{}).(Peer)
	return p, ok
}

// peerConn is a connection whose other end is known.
type peerConn struct {
	*net.UnixConn
	peer Peer
}

// peerListener lets only one user in.
type peerListener struct {
	*net.UnixListener
	uid    int
	turned chan struct{}
}

// Accept implements net.Listener. It returns connections of the own user only.
func (l *peerListener) Accept() (net.Conn, error) {
	for {
		c, err := l.AcceptUnix()
		if err != nil {
			return nil, err
		}
		peer, err := peerOf(c)
		if err == nil && peer.UID == l.uid {
			return &peerConn{UnixConn: c, peer: peer}, nil
		}
		select {
		case l.turned <- struct{}{}:
			go func() {
				defer func() { <-l.turned }()
				turnAway(c)
			}()
		default:
			_ = c.Close()
		}
	}
}

// turnAway answers 403 without reading a request, and closes.
func turnAway(c *net.UnixConn) {
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(turnTime))
	body, err := json.Marshal(contract.Error{
		Code:    hub.CodeForbidden,
		Message: "this hub belongs to another user of this machine",
		Remedy:  "Start a hub of your own: standpipe serve",
	})
	if err != nil {
		return
	}
	_, _ = fmt.Fprintf(c, "HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nCache-Control: no-store\r\n"+
		"Content-Length: %d\r\nConnection: close\r\n\r\n%s", len(body), body)
	_ = c.CloseWrite()
	_, _ = io.CopyN(io.Discard, c, 64<<10) // closing on unread data could lose the answer
}
