// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/instance"
)

func newOpen(e *env) *cobra.Command {
	var noBrowser bool
	cmd := &cobra.Command{
		Use:   "open",
		Short: "Open the web UI of the running hub, logged in",
		Args:  operands,
		RunE: e.run(func(ctx context.Context, _ []string) error {
			c, err := e.attach(ctx)
			if errors.Is(err, instance.ErrNotRunning) {
				return hub.Errorf(hub.CodeConflict, "no hub is running, so there is no page to open").
					WithRemedy("Start one: standpipe serve")
			}
			if err != nil {
				return err
			}
			defer c.Close()
			d, err := e.discover(ctx)
			if err != nil {
				return err
			}
			if d.UI == "" {
				return hub.Errorf(hub.CodeConflict, "the running hub (pid %d) serves no web UI: it belongs to a window, or to another command", d.PID).
					WithRemedy("Use the window, or end it and start: standpipe serve")
			}
			link, err := c.Link(ctx)
			if err != nil {
				return err
			}
			if e.json {
				if err := e.printJSON(link); err != nil {
					return err
				}
			}
			e.openLink(link.URL, noBrowser)
			return nil
		}),
	}
	cmd.Flags().BoolVar(&noBrowser, "no-browser", false, "only print the link, open no browser")
	return cmd
}

// openLink shows a login link in the browser. Who has the link is logged in,
// once, so it is printed only to a person.
func (e *env) openLink(url string, noBrowser bool) {
	opened := !noBrowser && e.OpenBrowser != nil && e.OpenBrowser(url) == nil
	switch {
	case e.json:
	case e.OutTTY || noBrowser:
		e.note("Open this link in your browser; it works once and for a short time:")
		e.print("%s", url)
	case !opened:
		e.note("standpipe: no browser could be opened. Run `standpipe open --no-browser` for a link.")
	}
}
