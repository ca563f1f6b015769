// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/instance"
)

func newAppsRotate(e *env) *cobra.Command {
	var expires string
	var to keyFile
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
				return e.keepKey(to, "Rotated the key of", func() (contract.AddedApp, error) { return c.RotateApp(ctx, app.ID, body) }, nil)
			})
		}),
	}
	cmd.Flags().StringVar(&expires, "expires", "", "when the new key ends, such as 90d or 12h (as long as the old one was given)")
	to.flags(cmd)
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

// keyFile is where a key goes that is not to be printed, as itself or as a header.
// Neither set: it is printed.
type keyFile struct{ key, header string }

func (k *keyFile) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&k.key, "key-file", "", "write the key to a new `FILE`, mode 0600, and do not print it")
	cmd.Flags().StringVar(&k.header, "header-file", "", "the same as a header in `FILE`, for curl -H @FILE")
	cmd.MarkFlagsMutuallyExclusive("key-file", "header-file")
}

func (k *keyFile) path() string { return k.key + k.header }

// create makes the file, which is not there yet.
func (k *keyFile) create() (*os.File, error) {
	file, err := os.OpenFile(k.path(), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	switch {
	case errors.Is(err, os.ErrExist):
		return nil, hub.Errorf(hub.CodeConflict, "%s is there already, and is not overwritten", k.path()).
			WithRemedy("Remove it, or name another file.")
	case errors.Is(err, os.ErrNotExist):
		return nil, hub.Errorf(hub.CodeNotFound, "there is no folder %s for the key's file", filepath.Dir(k.path())).
			WithRemedy("Make it: mkdir -p -m 700 %s", filepath.Dir(k.path()))
	case err != nil:
		return nil, hub.Errorf(hub.CodeInternal, "write the key: %w", err).
			WithRemedy("Name a file in a folder that you may write, with --key-file or --header-file.")
	}
	return file, nil
}

// write puts the key into the file, and it to disk.
func (k *keyFile) write(file *os.File, key string) error {
	if k.header != "" {
		key = "Authorization: Bearer " + key
	}
	_, err := fmt.Fprintln(file, key)
	return errors.Join(err, file.Sync())
}

// keepKey has a key made and shows it, or writes it to a file that is made
// first: a key that cannot be written down would be lost. undo, which may be
// nil, ends a key that nobody has.
func (e *env) keepKey(to keyFile, done string, key func() (contract.AddedApp, error), undo func(contract.AddedApp) error) error {
	var file *os.File
	if to.path() != "" {
		var err error
		if file, err = to.create(); err != nil {
			return err
		}
		defer file.Close()
	}
	app, err := key()
	if err != nil {
		if file != nil {
			_ = os.Remove(to.path())
		}
		return err
	}
	if file != nil {
		if err := to.write(file, app.Key); err != nil {
			_ = os.Remove(to.path())
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
			KeyFile    string `json:"key_file,omitempty"`
			HeaderFile string `json:"header_file,omitempty"`
		}{ID: app.ID, KeyFile: to.key, HeaderFile: to.header}
		if file == nil {
			out.Key = app.Key
		}
		return e.printJSON(out)
	}
	e.note("%s %s (%s), which may draw %s until %s.", done, plain(app.Name), app.ID, plain(grantWords(app.App)), dateWords(app.ExpiresAt))
	if file != nil {
		e.note("Its key is in %s.", to.path())
		return nil
	}
	e.note("Its key, which is not shown again:")
	e.print("%s", app.Key)
	return nil
}
