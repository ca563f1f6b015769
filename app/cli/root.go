// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/standpipe/standpipe/app/internal/version"
)

// env is what the commands of one run share.
type env struct {
	IO
	config         string
	data           string
	key            string
	acceptRollback bool
	plugins        []string
	verbose        bool
	json           bool
	ran            bool // a command was found and its arguments understood
}

// run makes a cobra function of a command. Errors before it are mistakes on
// the command line.
func (e *env) run(f func(ctx context.Context, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		e.ran = true
		if err := e.wantConfig(); err != nil {
			return err
		}
		return f(cmd.Context(), args)
	}
}

// newRoot builds the tree of commands.
func newRoot(e *env) *cobra.Command {
	var w windowArgs
	root := &cobra.Command{
		Use:   "standpipe",
		Short: "Keeps the tokens of your accounts fresh and gives them to your programs",
		Long: `Standpipe keeps the tokens of your accounts encrypted and fresh on this
machine, and gives the programs that you allowed a working one.

Without a command it opens the window, or, where there is none, serves the
web UI and opens it in the browser.

Exit codes: 0 ok, 1 error, 2 usage, 3 needs the user, 4 not allowed,
78 not configured.`,
		Version:       version.String(),
		Args:          linkOnly,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: e.run(func(ctx context.Context, args []string) error {
			if len(args) > 0 {
				w.link = args[0]
			}
			return e.window(ctx, w)
		}),
	}
	root.Flags().BoolVar(&w.background, "background", false, "start without showing the window")
	root.Flags().BoolVar(&w.quit, "quit", false, "end the program that has the window")
	root.SetVersionTemplate("standpipe {{.Version}}\n")
	root.CompletionOptions.HiddenDefaultCmd = true

	f := root.PersistentFlags()
	f.StringVar(&e.config, "config", "", "configuration `FILE` (STANDPIPE_CONFIG)")
	f.StringVar(&e.data, "data", "", "data `FOLDER` (STANDPIPE_DATA)")
	f.StringVar(&e.key, "key", "", "where the master key is: keychain, file:PATH, passphrase-file:PATH, passphrase-fd:N, credential:NAME")
	f.BoolVar(&e.acceptRollback, "accept-rollback", false, "take a data folder that is older than it was as it is")
	f.StringArrayVar(&e.plugins, "plugins", nil, "look for plugins in `FOLDER` (repeatable)")
	f.BoolVarP(&e.verbose, "verbose", "v", false, "log more to stderr")
	f.BoolVar(&e.json, "json", false, "print JSON, also of errors")

	root.AddCommand(
		newServe(e), newOpen(e),
		newConnect(e), newDisconnect(e), newToken(e), newExec(e), newStatus(e),
		newIntegrations(e), newProviders(e), newApps(e), newLock(e), newUnlock(e), newAudit(e), newKeys(e),
		newPlugin(e), newProvider(e),
		newBackup(e), newRestore(e), newConnections(e),
		newConfig(e), newDoctor(e), newSandbox(e), newVersion(e),
	)
	return root
}

// group makes a command that only holds others. Alone, or with one that is not
// there, it is a mistake.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short,
		Args: subcommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return usagef("%s: say what to do", cmd.CommandPath()) },
	}
	cmd.AddCommand(commands...)
	return cmd
}
