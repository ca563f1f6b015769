// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bufio"
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/standpipe/standpipe/app"
	"github.com/standpipe/standpipe/app/internal/hub"
)

func newKeysReset(e *env) *cobra.Command {
	var (
		yes  bool
		apps string
		what app.ResetOptions
	)
	cmd := &cobra.Command{
		Use:   "reset --yes",
		Short: "Begin anew when the key, the recovery key and all backups are lost",
		Long: `Begin anew when the key is lost and there is neither a recovery key nor a backup.
Nobody can read the store without its key, so tokens, client secrets and grants
are lost. From the inventory, which has a key of its own, come back: the
integrations, without client secrets and chosen scopes; the apps, if you say so,
whose keys go on working and which may draw nothing until you let them again;
and the list of what to reconnect. The configuration file and the plugins
stay. The lost store is kept in a folder beside, with the audit, which only its
key opens, should that turn up; a new audit begins.

--key says where the new key is kept (see ` + "`standpipe keys init`" + `); without it, where
the lost one was.`,
		Args: operands,
		RunE: e.run(func(ctx context.Context, _ []string) error {
			switch {
			case !yes:
				return usagef("this gives up all accounts of the data folder; say --yes if that is meant")
			case !slices.Contains([]string{"", "keep", "drop"}, apps):
				return usagef("--apps %q: say keep or drop", apps)
			}
			what.Apps = func(list []hub.KeptApp) (bool, error) { return e.wantApps(list, apps) }
			done, err := app.Reset(ctx, e.quietly(), what)
			if err != nil {
				return err
			}
			return e.showReset(done)
		}),
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "give up what nobody can read any more")
	cmd.Flags().StringVar(&apps, "apps", "", "what becomes of the apps, in place of asking: `keep|drop`")
	cmd.Flags().BoolVar(&what.Empty, "empty", false, "keep nothing of what the inventory has")
	cmd.MarkFlagsMutuallyExclusive("apps", "empty")
	return cmd
}

// wantApps asks whether the apps of an inventory are put back, unless that was
// said.
func (e *env) wantApps(list []hub.KeptApp, said string) (bool, error) {
	if said != "" {
		return said == "keep", nil
	}
	if !e.InTTY {
		return false, usagef("the inventory has %d apps, and nobody is at the terminal to ask: say --apps keep, or --apps drop", len(list))
	}
	e.note("These apps had a key here:")
	for _, a := range list {
		e.note("  %s (%s, of %s)", plain(a.Name), a.ID, a.CreatedAt.Local().Format("2006-01-02"))
	}
	e.note("Their keys can go on working; they may draw nothing until you let them again.\nKeep them? [y/N]")
	answer, err := bufio.NewReader(io.LimitReader(e.In, 1024)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes", nil
}

// resetDone is what --json says of a reset.
type resetDone struct {
	Source       string            `json:"source"`
	Store        string            `json:"store"`
	Replaced     string            `json:"replaced,omitempty"`
	Integrations []keptIntegration `json:"integrations"`
	Apps         []keptApp         `json:"apps"`
	Accounts     []hub.LostAccount `json:"accounts"`
	More         map[string]int    `json:"more,omitempty"`
}

type keptIntegration struct {
	Slug string `json:"slug"`
	// Missing is what has to be entered again: "client_secret", "scopes".
	Missing []string `json:"missing"`
}

type keptApp struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

func (e *env) showReset(r *app.ResetDone) error {
	out := resetDone{
		Source: r.Keys.Source, Store: r.Keys.StoreID, Replaced: r.Replaced, Integrations: []keptIntegration{}, Apps: []keptApp{},
		Accounts: append([]hub.LostAccount{}, r.Kept.Accounts...), More: r.Kept.More,
	}
	for _, in := range r.Kept.Integrations {
		if in.FromFile {
			continue // it was never lost
		}
		k := keptIntegration{in.Slug, []string{}}
		if in.HadSecret {
			k.Missing = append(k.Missing, "client_secret")
		}
		if in.HadScopes {
			k.Missing = append(k.Missing, "scopes")
		}
		out.Integrations = append(out.Integrations, k)
	}
	for _, a := range r.Kept.Apps {
		out.Apps = append(out.Apps, keptApp{a.ID, a.Name})
	}
	if e.json {
		return e.printJSON(out)
	}
	e.print("The key is kept in %s. The store is a new one.", plain(out.Source))
	for _, in := range out.Integrations {
		again := ""
		if len(in.Missing) > 0 {
			again = "; to be entered again: " + strings.ReplaceAll(strings.Join(in.Missing, ", "), "_", " ")
		}
		e.print("Integration  %s%s", plain(in.Slug), again)
	}
	for _, a := range out.Apps {
		e.print("App          %s (%s); it may draw nothing yet: standpipe apps grant", plain(a.Name), a.ID)
	}
	e.printLost(out.Accounts, out.More)
	if len(out.Integrations)+len(out.Apps)+r.Kept.Count() == 0 {
		e.print("Nothing was put back.")
	}
	if out.Replaced != "" {
		e.note("The lost store and its audit are in %s.", plain(out.Replaced))
	}
	return nil
}

func (e *env) printLost(accounts []hub.LostAccount, more map[string]int) {
	for _, a := range accounts {
		e.print("Reconnect    %s %s", plain(a.Integration), plain(a.Account))
	}
	for _, slug := range slices.Sorted(maps.Keys(more)) {
		e.print("Reconnect    %d of %s", more[slug], plain(slug))
	}
}
