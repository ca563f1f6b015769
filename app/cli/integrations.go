// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/instance"
)

func newIntegrations(e *env) *cobra.Command {
	return group("integrations", "Say which providers can be connected, and how", newIntegrationsList(e), newIntegrationsSet(e), newIntegrationsCheck(e))
}

func newIntegrationsList(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List what can be connected",
		Args:  operands,
		RunE: e.run(func(ctx context.Context, _ []string) error {
			return e.withHub(ctx, func(c *instance.Client) error {
				accounts, err := c.Accounts(ctx)
				if err != nil {
					return err
				}
				if e.json {
					return e.printJSON(accounts.Integrations)
				}
				var rows [][]string
				for _, i := range accounts.Integrations {
					rows = append(rows, []string{i.Slug, i.Name, string(i.State), string(i.Credentials), i.RedirectURI})
				}
				return e.table([]string{"INTEGRATION", "NAME", "STATE", "CREDENTIALS", "REDIRECT URI"}, rows)
			})
		}),
	}
}

func newIntegrationsSet(e *env) *cobra.Command {
	var (
		credentials, clientID, secretFile, description string
		scopes, settings                               []string
		enable, disable                                bool
	)
	cmd := &cobra.Command{
		Use:   "set SLUG",
		Short: "Change an integration; what is not named stays as it is",
		Example: `  standpipe integrations set github --credentials sandbox
  standpipe integrations set github --credentials own --client-id Iv1.0123 --client-secret-file secret.txt`,
		Args: operands,
	}
	f := cmd.Flags()
	f.StringVar(&credentials, "credentials", "", "whose OAuth client to use: own, public or sandbox")
	f.StringVar(&clientID, "client-id", "", "the client id that the provider gave you")
	f.StringVar(&secretFile, "client-secret-file", "", "the `FILE` that holds the client secret, - for stdin; it is never an argument, as others can read those")
	f.StringArrayVar(&scopes, "scope", nil, "ask for this scope (repeatable; replaces the earlier ones)")
	f.StringVar(&description, "description", "", "what it is for, in your words")
	f.StringArrayVar(&settings, "set", nil, "a setting of the provider, as `KEY=VALUE` (repeatable)")
	f.BoolVar(&enable, "enable", false, "let it be connected and drawn from")
	f.BoolVar(&disable, "disable", false, "let nobody connect it or draw from it; connections are kept")
	cmd.MarkFlagsMutuallyExclusive("enable", "disable")

	cmd.RunE = e.run(func(ctx context.Context, args []string) error {
		var body contract.SaveIntegration
		if f.Changed("credentials") {
			kind := hub.CredentialsKind(credentials)
			switch kind {
			case hub.CredentialsOwn, hub.CredentialsPublic, hub.CredentialsSandbox:
			default:
				return usagef("--credentials %q: want own, public or sandbox", credentials)
			}
			body.Credentials = &kind
		}
		if f.Changed("client-id") {
			body.ClientID = &clientID
		}
		if f.Changed("client-secret-file") {
			secret, err := e.readSecret(secretFile)
			if err != nil {
				return err
			}
			body.ClientSecret = &secret
		}
		if f.Changed("description") {
			body.Description = &description
		}
		if enable || disable {
			body.Enabled = &enable
		}
		body.Scopes = scopes
		var err error
		if body.Config, err = pairs(settings); err != nil {
			return err
		}
		return e.withHub(ctx, func(c *instance.Client) error {
			saved, err := c.SaveIntegration(ctx, args[0], body)
			if err != nil {
				return mistyped(ctx, c, args[0], err)
			}
			if e.json {
				return e.printJSON(saved)
			}
			e.print("%s is %s.", saved.Slug, saved.State)
			if saved.Problem != "" {
				e.print("%s", plainLines(saved.Problem))
			}
			if saved.Credentials == hub.CredentialsOwn {
				e.print("Its redirect URI, to be entered at the provider: %s", plain(saved.RedirectURI))
			}
			return nil
		})
	})
	return cmd
}

// readSecret reads a secret from a file, or from stdin with "-".
func (e *env) readSecret(path string) (string, error) {
	r := e.In
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return "", hub.Errorf(hub.CodeInvalid, "read the secret: %w", err)
		}
		defer f.Close()
		r = f
	}
	data, err := io.ReadAll(io.LimitReader(r, 64<<10))
	if err != nil {
		return "", hub.Errorf(hub.CodeInvalid, "read the secret: %w", err)
	}
	secret := strings.TrimSpace(string(data))
	if secret == "" {
		return "", hub.Errorf(hub.CodeInvalid, "the secret in %s is empty", path)
	}
	return secret, nil
}

// pairs reads KEY=VALUE arguments.
func pairs(args []string) (map[string]string, error) {
	if len(args) == 0 {
		return nil, nil
	}
	out := map[string]string{}
	for _, arg := range args {
		key, value, ok := strings.Cut(arg, "=")
		if !ok || key == "" {
			return nil, usagef("--set %q: want KEY=VALUE", arg)
		}
		out[key] = value
	}
	return out, nil
}
