// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/standpipe/standpipe/app/internal/config"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/sandbox"
)

func newSandbox(e *env) *cobra.Command {
	var listen string
	var opts sandbox.Options
	cmd := &cobra.Command{
		Use:   "sandbox",
		Short: "Play the providers on this machine, with made-up accounts",
		Long: `Play GitHub, Google, Salesforce and Slack on this machine, with made-up accounts:
nothing has to be registered anywhere. A provider of your own is played by
` + "`standpipe plugin dev`" + ` and, while it is checked, by ` + "`standpipe provider check`" + `.`,
		Args: operands,
		RunE: e.run(func(ctx context.Context, _ []string) error {
			opts.Log = e.options().Logger
			if listen == "" {
				var err error
				if listen, err = e.sandboxAddress(); err != nil {
					return err
				}
			}
			return explainPort(sandbox.Run(ctx, listen, opts, func(baseURL string) {
				if e.json {
					_ = e.printJSON(struct {
						Sandbox string `json:"sandbox"`
					}{baseURL})
					return
				}
				e.print("The sandbox plays GitHub, Google, Salesforce and Slack on %s, until Ctrl-C.", baseURL)
				e.note("Use it: standpipe integrations set SLUG --credentials sandbox")
			}), otherSandboxAddress)
		}),
	}
	cmd.Flags().StringVar(&listen, "listen", "", "`ADDRESS` to listen on, loopback only; by default that of the configuration file")
	cmd.Flags().StringVar(&opts.StateFile, "state", "", "keep the made-up accounts' tokens in `FILE` over a restart")
	cmd.Flags().StringArrayVar(&opts.Callbacks, "callback", nil, "register this redirect `URI` too, at providers that compare to the letter (repeatable)")
	cmd.Flags().BoolVar(&opts.GitHubApp, "github-app", false, "play GitHub with a GitHub App instead of an OAuth App")
	cmd.Flags().DurationVar(&opts.AccessLife, "token-life", 0, "how long access tokens live, such as 5s (as at the provider)")
	return cmd
}

// sandboxAddress is where the hub of this configuration looks for the sandbox.
func (e *env) sandboxAddress() (string, error) {
	paths, err := e.paths()
	if err != nil {
		return "", err
	}
	c, found := config.Load(paths.Config)
	if err := found.Err(); err != nil {
		return "", hub.Errorf(hub.CodeNotConfigured, "the configuration cannot be used:\n%w", err)
	}
	u, err := url.Parse(c.Sandbox)
	if err != nil || u.Host == "" {
		return sandbox.DefaultListen, nil
	}
	return u.Host, nil
}
