// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/standpipe/standpipe/app/internal/config"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/configs"
)

func newConfig(e *env) *cobra.Command {
	return group("config", "The configuration file", newConfigCheck(e))
}

func newConfigCheck(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Say what is wrong with the configuration file and the declared providers, and where",
		Args:  operands,
		RunE: e.run(func(context.Context, []string) error {
			paths, err := e.paths()
			if err != nil {
				return err
			}
			_, found := config.Load(paths.Config)
			_, declared := config.LoadProviders(configs.Providers(), filepath.Join(filepath.Dir(paths.Config), "providers"))
			found = append(found, declared...)
			if e.json {
				err = e.printJSON(struct {
					File        string             `json:"file"`
					OK          bool               `json:"ok"`
					Diagnostics config.Diagnostics `json:"diagnostics"`
				}{paths.Config, !found.HasErrors(), append(config.Diagnostics{}, found...)})
			} else {
				err = found.Write(e.Err)
			}
			switch {
			case err != nil:
				return err
			case found.HasErrors():
				return exitCode(hub.ExitNotConfigured)
			case e.json:
			case !exists(paths.Config):
				e.print("There is no configuration file %s, and there need not be one.", paths.Config)
			default:
				e.print("The configuration file %s is in order.", paths.Config)
			}
			return nil
		}),
	}
}

// wantConfig refuses a configuration file that was named and is not there.
func (e *env) wantConfig() error {
	if e.config == "" || exists(e.config) {
		return nil
	}
	return hub.Errorf(hub.CodeNotConfigured, "there is no configuration file %s", e.config).
		WithRemedy("Correct --config, or leave it out: the configuration file is optional.")
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
