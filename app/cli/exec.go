// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"os"
	"os/exec"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/instance"
)

var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func newExec(e *env) *cobra.Command {
	var flags tokenFlags
	var slug, name string
	cmd := &cobra.Command{
		Use:   "exec --provider SLUG --env NAME -- COMMAND [ARG…]",
		Short: "Run a program with a fresh token in its environment",
		Long: `Run a program with a fresh token in its environment. Nothing but that program
gets the token, and its exit code becomes the one of this command.`,
		Example: "  standpipe exec --provider github --env GITHUB_TOKEN -- gh repo list",
		Args:    cobra.ArbitraryArgs,
		RunE: e.run(func(ctx context.Context, args []string) error {
			if slug == "" || !envName.MatchString(name) {
				return usagef("exec needs --provider SLUG and --env NAME, the name of an environment variable")
			}
			if len(args) == 0 {
				return usagef("exec needs the COMMAND to run, after --")
			}
			path, err := exec.LookPath(args[0])
			if err != nil {
				return hub.Errorf(hub.CodeNotFound, "%s cannot be run: %w", args[0], err)
			}
			var token string
			err = e.withHub(ctx, func(c *instance.Client) error {
				t, err := flags.draw(ctx, e, c, slug)
				token = t.AccessToken
				return err
			})
			if err != nil {
				return err
			}
			return become(path, args, withVariable(os.Environ(), name, token))
		}),
	}
	cmd.Flags().StringVar(&slug, "provider", "", "the integration to draw from")
	cmd.Flags().StringVar(&name, "env", "", "the environment variable that gets the token")
	cmd.Flags().SetInterspersed(false)
	flags.register(cmd)
	return cmd
}

// withVariable returns environ with name set to value, once.
func withVariable(environ []string, name, value string) []string {
	out := make([]string, 0, len(environ)+1)
	for _, kv := range environ {
		if !strings.HasPrefix(kv, name+"=") {
			out = append(out, kv)
		}
	}
	return append(out, name+"="+value)
}
