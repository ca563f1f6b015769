// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/instance"
)

func newAppsRotate(e *env) *cobra.Command {
	var expires, headerFile string
	cmd := &cobra.Command{
		Use:   "rotate ID|NAME",
		Short: "Give an app a new key and print it, this once; the old one ends at once",
		Args:  operands,
		RunE: e.run(func(ctx context.Context, args []string) error {
			body := contract.RotateApp{}
			if expires != "" {
				life, err := parseLife("--expires", expires)
				if err != nil {
					return err
				}
				body.ExpiresIn = int(life.Seconds())
			}
			return e.withApp(ctx, args[0], func(c *instance.Client, app contract.App) error {
				return e.keepKey(headerFile, "Rotated the key of", func() (contract.AddedApp, error) { return c.RotateApp(ctx, app.ID, body) }, nil)
			})
		}),
	}
	cmd.Flags().StringVar(&expires, "expires", "", "when the new key ends, such as 90d or 12h (as long as the old one was given)")
	cmd.Flags().StringVar(&headerFile, "header-file", "", headerFileHelp)
	return cmd
}

func newAppsRename(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "rename ID|NAME NEW-NAME",
		Short: "Give an app another name",
		Args:  operands,
		RunE: e.run(func(ctx context.Context, args []string) error {
			return e.withApp(ctx, args[0], func(c *instance.Client, app contract.App) error {
				app, err := c.RenameApp(ctx, app.ID, args[1])
				if err != nil {
					return err
				}
				if e.json {
					return e.printJSON(app)
				}
				e.print("Renamed %s to %s.", app.ID, plain(app.Name))
				return nil
			})
		}),
	}
}

const headerFileHelp = "write the key to a new `FILE`, mode 0600, as a header for curl -H @FILE, and do not print it"

// keepKey has a key made and shows it, or writes it to a file that is made
// first: a key that cannot be written down would be lost. undo, which may be
// nil, ends a key that nobody has.
func (e *env) keepKey(headerFile, done string, key func() (contract.AddedApp, error), undo func(contract.AddedApp) error) error {
	var file *os.File
	if headerFile != "" {
		var err error
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
	app, err := key()
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
			err = fmt.Errorf("write the key: %w", err)
			if undo != nil {
				return errors.Join(err, undo(app))
			}
			return err
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
	e.note("%s %s (%s), which may draw %s until %s.", done, plain(app.Name), app.ID, plain(grantWords(app.App)), dateWords(app.ExpiresAt))
	if file != nil {
		e.note("Its key is in %s.", headerFile)
		return nil
	}
	e.note("Its key, which is not shown again:")
	e.print("%s", app.Key)
	return nil
}
