// SPDX-License-Identifier: Apache-2.0

// Package peer knows who is at the other end of a connection on loopback, as
// far as the kernel tells: which user, and which process.
package peer

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// errUnsupported is returned where the system does not tell.
var errUnsupported = errors.New("this system does not tell who is at the other end of a connection")

// owner is what the kernel knows of a socket.
type owner struct {
	uid   int
	inode uint64
}

// conn is the other end of one TCP connection. Both are looked up when somebody
// wants to know, and once.
type conn struct {
	owner func() (owner, error)
	peer  func() hub.Peer
}

type connKey struct{}

// ConnContext is for http.Server.ConnContext of a TCP listener on loopback:
// it lets SameUser and hub.PeerOf know who calls.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	local, remote := addrOf(c.LocalAddr()), addrOf(c.RemoteAddr())
	if !local.IsValid() || !remote.IsValid() {
		return ctx
	}
	p := &conn{owner: sync.OnceValues(func() (owner, error) { return lookUp(remote, local) })}
	p.peer = sync.OnceValue(func() hub.Peer {
		o, err := p.owner()
		if err != nil {
			return hub.Peer{}
		}
		if p, ok := seen.process(o); ok {
			return p
		}
		if !looks.take(time.Now()) {
			return hub.Peer{UID: o.uid}
		}
		return processOf(o)
	})
	return hub.WithPeerFunc(context.WithValue(ctx, connKey{}, p), p.peer)
}

// looks bounds how often the processes of this machine are looked through,
// which takes some milliseconds: a program that opens connections by the hundred
// must not slow down the others. Then only the user is told.
var looks = &budget{perSecond: 20}

// budget lets through perSecond, and as many at once after a quiet second.
type budget struct {
	perSecond float64

	mu   sync.Mutex
	left float64
	last time.Time
}

func (b *budget) take(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left = min(b.perSecond, b.left+now.Sub(b.last).Seconds()*b.perSecond)
	b.last = now
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}

func addrOf(a net.Addr) netip.AddrPort {
	if t, ok := a.(*net.TCPAddr); ok {
		p := t.AddrPort()
		return netip.AddrPortFrom(p.Addr().Unmap().WithZone(""), p.Port())
	}
	return netip.AddrPort{}
}

// SameUser is CodeForbidden unless the connection of a request is known to be
// of this process's user, or of root, against whom nothing helps. Where the
// system has no way to tell, everybody is let in.
func SameUser(ctx context.Context) error {
	p, ok := ctx.Value(connKey{}).(*conn)
	if !ok {
		return refusal(errors.New("it is not of a listener that tells"))
	}
	o, err := p.owner()
	switch {
	case errors.Is(err, errUnsupported):
		return nil
	case err != nil:
		return refusal(err)
	case o.uid != os.Geteuid() && o.uid != 0:
		return hub.Errorf(hub.CodeForbidden, "this hub belongs to another user of this machine").
			WithRemedy("Start a hub of your own. A server that works for other users sets peers = \"any\" in its configuration.")
	}
	return nil
}

func refusal(err error) error {
	return hub.Errorf(hub.CodeForbidden, "it cannot be told whose program this connection is from: %w", err).
		WithRemedy("Keep the connection open until the answer. Where the system tells nobody, set peers = \"any\" in the configuration.")
}

// Process is a process by its id, with what the system tells of it.
func Process(uid, pid int) hub.Peer {
	p := hub.Peer{UID: uid, PID: pid, Exe: executable(pid)}
	if p.Exe == "" {
		p.Name = nameOf(pid)
	}
	return p
}
