// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/instance"
)

func newAppsAdd(e *env) *cobra.Command {
	var (
		grants              []string
		all, server         bool
		expires, headerFile string
	)
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Register an app and print its key, this once",
		Example: `  standpipe apps add editor --grant github --header-file editor.header
  curl -H @editor.header …`,
		Args: cobra.ExactArgs(1),
		RunE: e.run(func(ctx context.Context, args []string) error {
			body := contract.AddApp{Name: args[0], Kind: "app", All: all}
			if server {
				body.Kind = "server"
			}
			for _, g := range grants {
				slug, conn, _ := strings.Cut(g, ":")
				if slug == "" {
					return usagef("--grant %q: want SLUG or SLUG:CONNECTION", g)
				}
				body.Grants = append(body.Grants, contract.NewGrant{Integration: slug, Connection: conn})
			}
			if expires != "" {
				life, err := parseLife(expires)
				if err != nil {
					return err
				}
				body.ExpiresIn = int(life.Seconds())
			}
			return e.withHub(ctx, func(c *instance.Client) error { return e.addApp(ctx, c, body, headerFile) })
		}),
	}
	f := cmd.Flags()
	f.StringArrayVar(&grants, "grant", nil, "let it draw from `SLUG[:CONNECTION]` (repeatable)")
	f.BoolVar(&all, "all", false, "let it draw everything, without a limit")
	f.BoolVar(&server, "server", false, "it is the backend of a product and draws for the users it names")
	f.StringVar(&expires, "expires", "", "when its key ends, such as 90d or 12h (one year)")
	f.StringVar(&headerFile, "header-file", "", "write the key to a new `FILE`, mode 0600, as a header for curl -H @FILE, and do not print it")
	cmd.MarkFlagsMutuallyExclusive("all", "grant")
	return cmd
}

func (e *env) addApp(ctx context.Context, c *instance.Client, body contract.AddApp, headerFile string) error {
	var file *os.File
	if headerFile != "" {
		var err error
		// Made first: a key that cannot be written down would be lost.
		file, err = os.OpenFile(headerFile, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, os.ErrExist) {
			return hub.Errorf(hub.CodeConflict, "%s is there already, and is not overwritten", headerFile).
				WithRemedy("Remove it, or name another file.")
		}
		if err != nil {
			return hub.Errorf(hub.CodeInternal, "write the key: %w", err)
		}
		defer file.Close()
	}
	app, err := c.AddApp(ctx, body)
	if err != nil {
		if file != nil {
			_ = os.Remove(headerFile)
		}
		return err
	}
	if file != nil {
		_, err := fmt.Fprintf(file, "Authorization: Bearer %s\n", app.Key)
		if err := errors.Join(err, file.Sync()); err != nil {
			_ = os.Remove(headerFile)
			_, undo := c.RevokeApp(ctx, app.ID)
			return errors.Join(fmt.Errorf("write the key: %w", err), undo)
		}
	}
	if e.json {
		out := struct {
			ID         string `json:"id"`
			Key        string `json:"key,omitempty"`
			HeaderFile string `json:"header_file,omitempty"`
		}{ID: app.ID, HeaderFile: headerFile}
		if file == nil {
			out.Key = app.Key
		}
		return e.printJSON(out)
	}
	e.note("Added %s (%s), which may draw %s until %s.", plain(app.Name), app.ID, plain(grantWords(app.App)), dateWords(app.ExpiresAt))
	if file != nil {
		e.note("Its key is in %s.", headerFile)
		return nil
	}
	e.note("Its key, which is not shown again:")
	e.print("%s", app.Key)
	return nil
}

// parseLife reads a duration, in days with a "d" as well.
func parseLife(s string) (time.Duration, error) {
	var life time.Duration
	var err error
	if days, ok := strings.CutSuffix(s, "d"); ok {
		var n int
		n, err = strconv.Atoi(days)
		life = time.Duration(n) * 24 * time.Hour
	} else {
		life, err = time.ParseDuration(s)
	}
	if err != nil || life < time.Second {
		return 0, usagef("--expires %q: want a time such as 90d or 12h", s)
	}
	return life, nil
}
