// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/standpipe/standpipe/app"
	"github.com/standpipe/standpipe/app/internal/instance"
	"github.com/standpipe/standpipe/app/internal/version"
)

// startTime is how long to wait for a hub that another process is just
// starting, and attachPause how long between two tries.
const (
	startTime   = 15 * time.Second
	attachPause = 50 * time.Millisecond
)

var errStarting = errors.New("another process holds the data folder, but does not answer; `standpipe serve` may be starting or hanging")

func (e *env) paths() (instance.Paths, error) { return instance.Resolve(e.config, e.data) }

// options are those of the composition root, from the flags of all commands.
func (e *env) options() app.Options {
	level := slog.LevelWarn
	if e.verbose {
		level = slog.LevelDebug
	}
	return app.Options{
		Config:         e.config,
		Data:           e.data,
		Key:            e.key,
		AcceptRollback: e.acceptRollback,
		Plugins:        e.plugins,
		Version:        version.String(),
		Logger:         slog.New(slog.NewTextHandler(e.Err, &slog.HandlerOptions{Level: level})),
	}
}

// quietly is options for a hub that lives as long as one command: that command
// says what went wrong, and its stderr is not a log unless asked for.
func (e *env) quietly() app.Options {
	opts := e.options()
	if !e.verbose {
		opts.Logger = nil
	}
	return opts
}

// attach returns a client of the running hub.
func (e *env) attach(ctx context.Context) (*instance.Client, error) {
	paths, err := e.paths()
	if err != nil {
		return nil, err
	}
	return instance.Attach(ctx, paths)
}

// withHub runs f with a client of the hub: of the one that runs, or else of one
// in this process that ends with f and listens nowhere.
func (e *env) withHub(ctx context.Context, f func(*instance.Client) error) error {
	opts := e.quietly()
	opts.Offline = true
	return e.with(ctx, opts, f, func(*app.App) func() error { return func() error { return nil } })
}

// withCallbacks is withHub for what needs the listener of the callbacks.
func (e *env) withCallbacks(ctx context.Context, f func(*instance.Client) error) error {
	opts := e.quietly()
	opts.NoUI = true
	return e.with(ctx, opts, f, func(a *app.App) func() error {
		ctx, cancel := context.WithCancel(ctx)
		done := make(chan error, 1)
		go func() { done <- a.Run(ctx) }()
		return func() error { cancel(); return <-done }
	})
}

// with runs f with a client of the running hub, or opens the hub here, runs it
// with run, which returns how to stop it, and f beside it. Whoever loses the
// race for the data folder attaches to the winner.
func (e *env) with(ctx context.Context, opts app.Options, f func(*instance.Client) error, run func(*app.App) (stop func() error)) error {
	c, err := e.attach(ctx)
	if errors.Is(err, instance.ErrNotRunning) {
		var a *app.App
		if a, err = app.Open(ctx, opts); err == nil {
			stop := run(a)
			err := f(instance.NewClient(instance.HandlerTransport(a.Local())))
			return errors.Join(err, stop(), a.Close())
		}
		if !errors.Is(err, instance.ErrRunning) {
			return explainPort(err)
		}
		c, err = soon(ctx, e.attach)
	}
	if err != nil {
		return err
	}
	defer c.Close()
	return f(c)
}

// soon repeats try while the hub that another process is starting is not ready.
func soon[T any](ctx context.Context, try func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, startTime, errStarting)
	defer cancel()
	for {
		v, err := try(ctx)
		if !errors.Is(err, instance.ErrNotRunning) {
			return v, err
		}
		select {
		case <-ctx.Done():
			return v, context.Cause(ctx)
		case <-time.After(attachPause):
		}
	}
}
