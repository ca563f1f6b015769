// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/scaffold"
	"github.com/standpipe/standpipe/app/internal/version"
)

func newPluginNew(e *env) *cobra.Command {
	var o scaffold.Options
	var noTidy bool
	cmd := &cobra.Command{
		Use:   "new NAME",
		Short: "Begin a provider plugin: a folder that builds, is tested and can be released",
		Args:  operands,
		RunE: e.run(func(ctx context.Context, args []string) error {
			o.Name = args[0]
			if o.Dir == "" {
				o.Dir = "standpipe-provider-" + o.Name
			}
			if o.SDK != "" {
				abs, err := filepath.Abs(o.SDK)
				if err != nil {
					return err
				}
				o.SDK = abs
			}
			o.Version = version.String()
			written, err := scaffold.Write(o)
			if err != nil {
				return err
			}
			if !noTidy {
				tidy := exec.CommandContext(ctx, "go", "mod", "tidy")
				tidy.Dir = o.Dir
				if out, err := tidy.CombinedOutput(); err != nil {
					return hub.Errorf(hub.CodeInternal, "%s was written, but `go mod tidy` does not work there: %s", o.Dir, strings.TrimSpace(string(out))).
						WithRemedy("Install Go 1.26, or run it yourself: cd %s && go mod tidy", o.Dir)
				}
			}
			if e.json {
				return e.printJSON(struct {
					Dir   string   `json:"dir"`
					Files []string `json:"files"`
				}{o.Dir, written})
			}
			e.print("%s is ready: provider.go is the provider, shape.json says how the real one answers.", o.Dir)
			e.note("Next: cd %s && go test ./...", o.Dir)
			return nil
		}),
	}
	f := cmd.Flags()
	f.StringVar(&o.Dir, "dir", "", "`FOLDER` to make (default standpipe-provider-NAME)")
	f.StringVar(&o.Module, "module", "", "Go module `PATH` (default example.com/standpipe-provider-NAME)")
	f.StringVar(&o.Author, "author", "", "`NAME` in the licence")
	f.StringVar(&o.SDK, "sdk", "", "build against the checkout of Standpipe in `FOLDER`")
	f.BoolVar(&noTidy, "no-tidy", false, "do not run go mod tidy")
	return cmd
}
