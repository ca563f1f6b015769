// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/instance"
	"github.com/standpipe/standpipe/app/internal/peer"
)

// Bounds of the HTTP servers. Handlers bound the reading of bodies and the
// writing of streams themselves: a deadline on the whole request would end
// slow refreshes and event streams.
const (
	headerTimeout = 5 * time.Second
	idleTimeout   = 2 * time.Minute
	maxHeader     = 12 << 10 // net/http adds slack of 4 KiB
	drain         = 5 * time.Second
)

// Run serves the hub until ctx ends, then drains it.
func (a *App) Run(ctx context.Context) error {
	if a.opts.Offline {
		return errors.New("a hub that was opened for one command does not serve")
	}
	a.catalog.Expect()
	g, ctx := errgroup.WithContext(ctx)
	local := a.server(ctx, a.refusePlugins(a.api.Local()))
	local.ConnContext = socketContext
	a.serve(ctx, g, local, a.listen.socket)
	tcp := func(h http.Handler, list []net.Listener) {
		s := a.server(ctx, h)
		s.ConnContext = peer.ConnContext
		a.serve(ctx, g, s, list...)
	}
	a.gate.Crowd = a.garbage.crowd
	gated := make([]net.Listener, 0, len(a.listen.app))
	for _, l := range a.listen.app {
		gated = append(gated, a.gate.Listener(l))
	}
	tcp(a.gate.Handler(a.api.App()), gated)
	if len(a.listen.metrics) > 0 {
		a.serve(ctx, g, a.server(ctx, a.metrics()), a.listen.metrics...)
	}
	if len(a.listen.ui) > 0 {
		tcp(a.api.UI(), a.listen.ui)
	}
	g.Go(func() error { return a.connect.Run(ctx) })
	g.Go(func() error { return a.tokens.Run(ctx) })
	g.Go(func() error { return a.access.Run(ctx) })
	g.Go(func() error { a.rotatePending(ctx); return nil })
	g.Go(func() error { return a.keepInventory(ctx) })
	g.Go(func() error { return a.lock.Run(ctx) })
	g.Go(func() error {
		// What the plugins serve is wanted by the first look at the page, and
		// by nothing before it. Those that have not said it yet are started.
		if err := a.catalog.Refresh(ctx); err != nil && ctx.Err() == nil {
			a.log.Error("the plugins could not be asked what they serve", "err", err)
		}
		// A start leaves some megabytes of garbage, and a hub at rest would not
		// collect them: it makes no more.
		debug.FreeOSMemory()
		untune := a.garbage.tune()
		<-ctx.Done()
		untune()
		return nil
	})
	if err := a.announce(); err != nil {
		return err
	}
	return g.Wait()
}

// socketContext notes who is at the other end of the socket.
func socketContext(ctx context.Context, c net.Conn) context.Context {
	ctx = instance.ConnContext(ctx, c)
	p, ok := instance.PeerFrom(ctx)
	if !ok {
		return ctx
	}
	return hub.WithPeerFunc(ctx, sync.OnceValue(func() hub.Peer { return peer.Process(p.UID, p.PID) }))
}

func (a *App) announce() error {
	d := instance.Discovery{Version: a.opts.Version, AppAPI: "http://" + a.listen.appAddress(), ServerKey: a.serverKey, StartedAt: time.Now().UTC()}
	if ui := a.listen.uiAddress(); ui != "" {
		d.UI = "http://" + ui
	}
	return a.instance.Announce(d)
}

func (a *App) server(ctx context.Context, h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(a.log.Handler(), slog.LevelDebug),
		// Streams end with the hub, not with the drain.
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
}

// serve runs one server on its listeners until ctx ends.
func (a *App) serve(ctx context.Context, g *errgroup.Group, s *http.Server, list ...net.Listener) {
	for _, l := range list {
		g.Go(func() error {
			if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		})
	}
	g.Go(func() error {
		<-ctx.Done()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			return s.Close() // who does not leave by himself is shown out
		}
		return nil
	})
}
