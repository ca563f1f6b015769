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

// holdTime is how long to wait for another process that holds the data folder: a
// hub that is just starting, or a command, which may be waiting for a provider;
// startTime, how long for a hub that answers already to listen everywhere.
// holdPause is how long between two tries.
const (
	holdTime  = time.Minute
	startTime = 15 * time.Second
	holdPause = 50 * time.Millisecond
)

var errHeld = errors.New("another process holds the data folder, but does not answer; `standpipe serve` may be starting, or it or another command hangs")

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
// with run, which returns how to stop it, and f beside it.
func (e *env) with(ctx context.Context, opts app.Options, f func(*instance.Client) error, run func(*app.App) (stop func() error)) error {
	c, a, err := e.attachOrOpen(ctx, opts)
	switch {
	case err != nil:
		return err
	case c != nil:
		defer c.Close()
		return f(c)
	}
	stop := run(a)
	err = f(instance.NewClient(instance.HandlerTransport(a.Local())))
	return errors.Join(err, stop(), a.Close())
}

// attachOrOpen returns a client of the hub that runs, or else the hub, opened
// here. Whoever loses the race for the data folder attaches to the winner, or,
// where that is another command, has its turn when that ends.
func (e *env) attachOrOpen(ctx context.Context, opts app.Options) (*instance.Client, *app.App, error) {
	patience, cancel := context.WithTimeoutCause(ctx, holdTime, errHeld)
	defer cancel()
	for {
		c, err := e.attach(ctx)
		if !errors.Is(err, instance.ErrNotRunning) {
			return c, nil, err
		}
		a, err := app.Open(ctx, opts)
		if !errors.Is(err, instance.ErrRunning) {
			return nil, a, explainPort(err, otherHubAddress)
		}
		select {
		case <-patience.Done():
			return nil, nil, context.Cause(patience)
		case <-time.After(holdPause):
		}
	}
}

// discover finds out where the hub that runs listens; it may just be starting.
func (e *env) discover(ctx context.Context) (instance.Discovery, error) {
	paths, err := e.paths()
	if err != nil {
		return instance.Discovery{}, err
	}
	patience, cancel := context.WithTimeoutCause(ctx, startTime, errHeld)
	defer cancel()
	for {
		d, err := instance.Discover(paths)
		if !errors.Is(err, instance.ErrNotRunning) {
			return d, err
		}
		select {
		case <-patience.Done():
			return d, context.Cause(patience)
		case <-time.After(holdPause):
		}
	}
}
