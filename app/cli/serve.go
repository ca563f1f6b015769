// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"os"

	"github.com/spf13/cobra"

	"github.com/standpipe/standpipe/app"
	"github.com/standpipe/standpipe/app/internal/instance"
	"github.com/standpipe/standpipe/app/internal/version"
)

// serving is what `serve --json` prints once, when the hub is ready.
type serving struct {
	AppAPI  string `json:"app_api"`
	UI      string `json:"ui"`
	UILink  string `json:"ui_link,omitempty"` // logs in, once
	Socket  string `json:"socket"`
	Data    string `json:"data"`
	PID     int    `json:"pid"`
	Version string `json:"version"`
	// AlreadyRunning says that this is of another process, and that this one
	// ends.
	AlreadyRunning bool `json:"already_running,omitempty"`
}

func newServe(e *env) *cobra.Command {
	var listen, uiListen string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the hub without a window: the app API and the web UI",
		Args:  operands,
		RunE: e.run(func(ctx context.Context, _ []string) error {
			return e.serve(ctx, listen, uiListen, e.announce)
		}),
	}
	cmd.Flags().StringVar(&listen, "listen", "", "`ADDRESS` of the app API and the callbacks (127.0.0.1:4780)")
	cmd.Flags().StringVar(&uiListen, "ui-listen", "", "`ADDRESS` of the web UI (127.0.0.1:4781)")
	return cmd
}

// serve runs the hub until ctx ends, and tells of it with announce. Where a
// hub runs already, there is nothing to do: it tells of that one.
func (e *env) serve(ctx context.Context, listen, uiListen string, announce func(context.Context, serving) error) error {
	opts := e.options()
	opts.Listen, opts.UIListen = listen, uiListen
	c, a, err := e.attachOrOpen(ctx, opts)
	switch {
	case err != nil:
		return err
	case c != nil:
		defer c.Close()
		return e.alreadyServed(ctx, c, announce)
	}
	return errors.Join(e.runApp(ctx, a, announce), a.Close())
}

// runApp runs an opened hub and tells of it.
func (e *env) runApp(ctx context.Context, a *app.App, announce func(context.Context, serving) error) error {
	r := a.Ready()
	paths, err := e.paths()
	if err != nil {
		return err
	}
	s := serving{
		AppAPI: r.AppAPI, UI: r.UI, UILink: r.UILink, Socket: r.Socket,
		Data: paths.Data, PID: os.Getpid(), Version: version.String(),
	}
	if err := announce(ctx, s); err != nil {
		return err
	}
	return a.Run(ctx)
}

// alreadyServed tells of the hub that another process runs.
func (e *env) alreadyServed(ctx context.Context, c *instance.Client, announce func(context.Context, serving) error) error {
	paths, err := e.paths()
	if err != nil {
		return err
	}
	d, err := e.discover(ctx)
	if err != nil {
		return err
	}
	s := serving{
		AppAPI: d.AppAPI, UI: d.UI, Socket: d.Socket, Data: paths.Data,
		PID: d.PID, Version: d.Version, AlreadyRunning: true,
	}
	if s.UI != "" {
		link, err := c.Link(ctx)
		if err != nil {
			return err
		}
		s.UILink = link.URL
	}
	return announce(ctx, s)
}

// announce prints what serve has to say. A login link goes to a person or, with
// --json, to a program, never into a log.
func (e *env) announce(_ context.Context, s serving) error {
	if e.json {
		return e.printJSON(s)
	}
	if s.AlreadyRunning {
		e.print("A hub is already running on %s (pid %d, standpipe %s). Nothing more to start.", s.Data, s.PID, s.Version)
	} else {
		e.print("Standpipe %s is running on %s.", s.Version, s.Data)
	}
	e.print("App API  %s", s.AppAPI)
	if s.UI != "" {
		e.print("Web UI   %s", s.UI)
	}
	switch {
	case s.UILink == "":
	case e.OutTTY:
		e.print("Log in   %s", s.UILink)
	default:
		e.print("`standpipe open` opens it, logged in.")
	}
	return nil
}
