// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/instance"
	"github.com/standpipe/standpipe/app/internal/transfer"
)

// importing is one run of `connections import`.
type importing struct {
	*env
	from        string
	integration string
	user        string
	org         string
	host        string
	keepUsers   bool
	replace     bool
}

func newConnectionsImport(e *env) *cobra.Command {
	i := importing{env: e}
	var by opening
	cmd := &cobra.Command{
		Use:   "import [FILE|-]",
		Short: "Take over tokens that another program holds",
		Long: `Take over tokens that another program holds. Each is tried at the provider, and
its account looked up, before it is stored: by asking whose it is, or else by a
refresh, after which the other program's copy may not work any more. A connection
is taken wholly or not at all, and each is reported on a line.

--from says what FILE is:

  json           what ` + "`connections export`" + ` writes, encrypted or not, or objects of the
                 same form: integration, access_token, refresh_token, expires_at (RFC
                 3339), scopes, user_id, organization_id, state, config
  gh             the hosts.yml of GitHub's gh; without FILE, that of this user. What gh
                 keeps in a keyring is asked of gh itself
  nango          connections as Nango's API answers them, one after the other or in an
                 array
  refresh-token  a refresh token and nothing else; needs --integration

Tokens work only with the OAuth client that they were issued to: the integration
must have the client of the other program. (An access token that does not expire,
such as gh's, can be used without.)`,
		Example: `  standpipe connections import --from gh
  standpipe connections import --from nango --integration github nango.json
  pass show old/refresh | standpipe connections import --from refresh-token --integration google -`,
		Args: operands,
		RunE: e.run(func(ctx context.Context, args []string) error {
			items, err := i.read(ctx, args, &by)
			if err != nil {
				return err
			}
			return e.withHub(ctx, func(c *instance.Client) error { return i.all(ctx, c, items) })
		}),
	}
	f := cmd.Flags()
	f.StringVar(&i.from, "from", "json", "what FILE is: json, gh, nango or refresh-token")
	f.StringVar(&i.integration, "integration", "", "the integration to import into, in place of what FILE says (`SLUG`)")
	f.StringVar(&i.user, "user", "", "whose connections they become: this user `ID` (you)")
	f.StringVar(&i.org, "organization", "", "the organization `ID` that the user acts in")
	f.BoolVar(&i.keepUsers, "keep-users", false, "they become those of the users whom FILE names")
	f.StringVar(&i.host, "host", "github.com", "with --from gh: the accounts at this `HOST`")
	f.BoolVar(&i.replace, "replace", false, "renew an account that is connected already with the imported tokens")
	by.flags(cmd)
	cmd.MarkFlagsMutuallyExclusive("keep-users", "user")
	return cmd
}

// read reads the source into items.
func (i *importing) read(ctx context.Context, args []string, by *opening) ([]transfer.Item, error) {
	path := ""
	if len(args) > 0 {
		path = args[0]
	}
	if path == "" && i.from == "gh" {
		path = ghHosts()
	}
	if path == "" {
		return nil, usagef("say which FILE to import, or - for stdin")
	}
	in, err := i.source(path, by)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	switch i.from {
	case "json":
		return transfer.Read(in)
	case "nango":
		return transfer.ReadNango(in)
	case "gh":
		if i.integration == "" {
			i.integration = "github"
		}
		return transfer.ReadGH(in, i.host, func(host, user string) (string, error) { return ghToken(ctx, host, user) })
	case "refresh-token":
		if i.integration == "" {
			return nil, usagef("--from refresh-token needs --integration SLUG")
		}
		data, err := io.ReadAll(io.LimitReader(in, 64<<10))
		if err != nil {
			return nil, hub.Errorf(hub.CodeInvalid, "read the refresh token: %w", err)
		}
		token := strings.TrimSpace(string(data))
		if token == "" || strings.ContainsAny(token, " \t\r\n") {
			return nil, hub.Errorf(hub.CodeInvalid, "the file does not hold a refresh token and nothing else")
		}
		return []transfer.Item{{Name: "refresh token", Line: transfer.Line{RefreshToken: token}}}, nil
	}
	return nil, usagef("--from %q: want json, gh, nango or refresh-token", i.from)
}

// source opens a file, and decrypts it where it is an age file.
func (i *importing) source(path string, by *opening) (io.ReadCloser, error) {
	if path == "-" {
		return io.NopCloser(i.In), nil
	}
	return by.unseal(i.env, path, "the export")
}

// report is what became of one connection.
type report struct {
	Name       string               `json:"name"`
	Connection *contract.Connection `json:"connection,omitempty"`
	Verified   string               `json:"verified,omitempty"`
	Renewed    bool                 `json:"renewed,omitempty"`
	Error      *contract.Error      `json:"error,omitempty"`
}

// all imports one after the other; that one fails keeps no other back.
func (i *importing) all(ctx context.Context, c *instance.Client, items []transfer.Item) error {
	failed := 0
	for _, it := range items {
		err := it.Err
		var done contract.Imported
		if err == nil {
			done, err = c.Import(ctx, i.request(&it.Line))
		}
		if err != nil && ctx.Err() != nil {
			return err
		}
		if err != nil {
			failed++
		}
		if err := i.tell(it.Name, done, err); err != nil {
			return err
		}
	}
	if len(items) == 0 {
		return hub.Errorf(hub.CodeInvalid, "there is no connection in it")
	}
	if failed > 0 {
		return exitCode(hub.ExitError)
	}
	return nil
}

func (i *importing) request(l *transfer.Line) contract.Import {
	in := contract.Import{
		Integration: l.Integration, Owner: hub.Me, AccessToken: l.AccessToken, RefreshToken: l.RefreshToken, ExpiresAt: l.ExpiresAt,
		Scopes: l.Scopes, Name: l.Name, Metadata: l.Metadata, Config: l.Config, Account: (*contract.Claimed)(l.Account), Replace: i.replace,
		NeedsUser: l.State == hub.StateNeedsReauthorization || l.AccessToken == "" && l.RefreshToken == "",
	}
	for name, n := range l.Named {
		if in.Named == nil {
			in.Named = map[string]contract.FurtherToken{}
		}
		in.Named[name] = contract.FurtherToken(n)
	}
	if i.integration != "" {
		in.Integration = i.integration
	}
	switch {
	case i.keepUsers:
		in.Owner = hub.Owner{User: l.UserID, Organization: l.OrganizationID, Shared: l.UserID == "" && l.OrganizationID != ""}
	case i.user != "":
		in.Owner = hub.Owner{User: i.user, Organization: i.org}
	}
	return in
}

func (i *importing) tell(name string, done contract.Imported, err error) error {
	if i.json {
		r := report{Name: name}
		if err != nil {
			e := errorBody(asHubError(err))
			r.Error = &e
		} else {
			r.Connection, r.Verified, r.Renewed = &done.Connection, done.Verified, done.Renewed
		}
		return i.printJSON(r)
	}
	if err != nil {
		i.note("%s: not imported", plain(name))
		i.failWords(asHubError(err))
		return nil
	}
	conn := done.Connection
	what := "imported"
	if done.Renewed {
		what = "renewed"
	}
	if done.Verified == "" {
		what += ", needs to be reauthorized"
	}
	i.print("%s: %s as %s (%s)", plain(name), what, plain(conn.Account.Label), conn.ID)
	return nil
}
