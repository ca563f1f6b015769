// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/instance"
)

// withRunning runs f with a client of the running hub: for what is in its
// memory only.
func (e *env) withRunning(ctx context.Context, f func(*instance.Client) error) error {
	c, err := e.attach(ctx)
	if errors.Is(err, instance.ErrNotRunning) {
		return hub.Errorf(hub.CodeConflict, "no hub is running").WithRemedy("Start one: standpipe serve")
	}
	if err != nil {
		return err
	}
	defer c.Close()
	return f(c)
}

func newAppsApprovals(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "approvals",
		Short: "List what apps ask for and nobody has answered",
		Args:  operands,
		RunE: e.run(func(ctx context.Context, _ []string) error {
			return e.withRunning(ctx, func(c *instance.Client) error {
				all, err := c.Approvals(ctx)
				if err != nil {
					return err
				}
				var rows [][]string
				for _, q := range all.Approvals {
					account := "any account"
					switch {
					case q.Account != nil:
						account = q.Account.Label
					case len(q.Choices) > 0:
						account = fmt.Sprintf("one of %d accounts", len(q.Choices))
					}
					rows = append(rows, []string{q.ID, q.AppName, programWords(q.Program), q.Integration, account, wantWords(q), leftWords(q.ExpiresAt)})
				}
				return e.list(all, []string{"ID", "APP", "PROGRAM", "PROVIDER", "ACCOUNT", "SCOPES", "DENIED IN"}, rows, "No app waits for an answer.")
			})
		}),
	}
}

func newAppsPairings(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "pairings",
		Short: "List the programs that ask for a key",
		Args:  operands,
		RunE: e.run(func(ctx context.Context, _ []string) error {
			return e.withRunning(ctx, func(c *instance.Client) error {
				all, err := c.Pairings(ctx)
				if err != nil {
					return err
				}
				var rows [][]string
				for _, p := range all.Pairings {
					state := "asks"
					if p.Approved {
						state = "allowed, has not collected its key"
					}
					rows = append(rows, []string{p.Code, p.Name, programWords(p.Program), grantsText(p.Grants), state})
				}
				return e.list(all, []string{"CODE", "CALLS ITSELF", "PROGRAM", "WANTS", "STATE"}, rows, "No program asks for a key.")
			})
		}),
	}
}

func newAppsApprove(e *env) *cobra.Command {
	var l lasting
	var connection, name, expires string
	var scopes, grants []string
	var wider, none bool
	cmd := &cobra.Command{
		Use:   "approve ID|CODE",
		Short: "Allow what an app asks for, or a program with a code to become an app",
		Long: `Allow what an app asks for (an ID of ` + "`standpipe apps approvals`" + `), once where
no flag says how long; or let a program become an app (a CODE of
` + "`standpipe apps pairings`" + `). Compare the code with the one that the program shows.`,
		Args: operands,
		RunE: e.run(func(ctx context.Context, args []string) error {
			if strings.HasPrefix(args[0], "approval_") {
				yes := contract.Approve{Connection: connection, Scopes: scopes, AcceptWider: wider}
				var err error
				if yes.Lasts, yes.For, err = l.read(hub.LastsOnce); err != nil {
					return err
				}
				return e.approve(ctx, args[0], yes)
			}
			yes := contract.ApprovePairing{Name: name}
			life, seconds, err := l.read(hub.LastsAlways)
			if err != nil {
				return err
			}
			list := []contract.NewGrant{}
			for _, s := range grants {
				g, err := parseGrant(s)
				if err != nil {
					return err
				}
				g.Lasts, g.For = life, seconds
				list = append(list, g)
			}
			if none || len(list) > 0 {
				yes.Grants = &list
			}
			if expires != "" {
				life, err := parseLife("--expires", expires)
				if err != nil {
					return err
				}
				yes.ExpiresIn = int(life.Seconds())
			}
			return e.approvePairing(ctx, args[0], yes)
		}),
	}
	f := cmd.Flags()
	l.flags(f)
	f.StringVar(&connection, "connection", "", "which account, where the app named none: its connection `ID`")
	f.StringArrayVar(&scopes, "scope", nil, "no more than this `SCOPE` (repeatable)")
	f.BoolVar(&wider, "accept-wider", false, "where the provider cannot issue a token with these scopes only, let it have the wider one")
	f.StringVar(&name, "name", "", "of a program with a code: what to call it")
	f.StringArrayVar(&grants, "grant", nil, "of a program with a code: let it draw from `SLUG[:ACCOUNT]`, instead of what it asks for (repeatable)")
	f.BoolVar(&none, "no-grants", false, "of a program with a code: let it draw nothing yet")
	f.StringVar(&expires, "expires", "", "of a program with a code: when its key ends, such as 90d (one year)")
	return cmd
}

func (e *env) approve(ctx context.Context, id string, yes contract.Approve) error {
	return e.withRunning(ctx, func(c *instance.Client) error {
		all, err := c.Approvals(ctx)
		if err != nil {
			return err
		}
		app := id
		for _, q := range all.Approvals {
			if q.ID == id {
				app = q.AppName
			}
		}
		g, err := c.Approve(ctx, id, yes)
		if err != nil {
			return err
		}
		return e.granted(app, g)
	})
}

func (e *env) approvePairing(ctx context.Context, code string, yes contract.ApprovePairing) error {
	return e.withRunning(ctx, func(c *instance.Client) error {
		if yes.Grants != nil {
			if err := nameConnections(ctx, c, *yes.Grants); err != nil {
				return err
			}
		}
		if err := c.ApprovePairing(ctx, code, yes); err != nil {
			return err
		}
		return e.answered(code, true, "The program with the code %s may collect its key.")
	})
}

func newAppsDeny(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "deny ID|CODE",
		Short: "Refuse what an app or a program asks for",
		Args:  operands,
		RunE: e.run(func(ctx context.Context, args []string) error {
			return e.withRunning(ctx, func(c *instance.Client) error {
				deny := c.DenyPairing
				if strings.HasPrefix(args[0], "approval_") {
					deny = c.Deny
				}
				if err := deny(ctx, args[0]); err != nil {
					return err
				}
				return e.answered(args[0], false, "Refused %s.")
			})
		}),
	}
}

func (e *env) answered(id string, yes bool, words string) error {
	if e.json {
		return e.printJSON(struct {
			ID       string `json:"id"`
			Approved bool   `json:"approved"`
		}{id, yes})
	}
	e.print(words, plain(id))
	return nil
}

// programWords is a process as the kernel knows it.
func programWords(p hub.Peer) string {
	if !p.Known() {
		return "unknown program"
	}
	exe := p.Exe
	switch {
	case exe != "":
	case p.Name != "":
		exe = fmt.Sprintf("a program that calls itself %q", p.Name)
	default:
		exe = "a program"
	}
	return fmt.Sprintf("%s (pid %d)", exe, p.PID)
}

// wantWords says what the token would be good for.
func wantWords(q contract.Approval) string {
	words := "all of the account's"
	if len(q.Scopes) > 0 {
		var names []string
		for _, s := range q.Scopes {
			names = append(names, s.Name)
		}
		words = strings.Join(names, " ")
	}
	if q.Audience != "" {
		words += " for " + q.Audience
	}
	if q.Relay {
		words += " through the hub"
	}
	return words
}

func leftWords(t time.Time) string { return max(0, time.Until(t)).Round(time.Second).String() }
