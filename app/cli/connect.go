// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/instance"
)

// flowCheck is how often a waiting flow is looked at, beside the hub's events,
// of which one may be lost when the hub is busy.
const flowCheck = 2 * time.Second

// connecting is one run of the command.
type connecting struct {
	*env
	client      *instance.Client
	noBrowser   bool
	paste       bool
	acceptOther bool
	prompted    map[string]bool // prompts of the plugin that were shown
	lines       *bufio.Reader   // of what is typed in answer
}

func newConnect(e *env) *cobra.Command {
	cmdEnv := connecting{env: e}
	var reauthorize string
	var settings, scopes []string
	var device bool
	cmd := &cobra.Command{
		Use:   "connect SLUG",
		Short: "Connect an account from the terminal",
		Long: `Connect an account from the terminal: the browser opens at the provider, and
the account that comes back is connected and printed.

Where the browser runs on another machine (SSH, containers), its last page
cannot reach this one. Copy that page's address and use --paste; or use --device
where the provider offers it: a code to enter there, in any browser.`,
		Args: operands,
		RunE: e.run(func(ctx context.Context, args []string) error {
			config, err := pairs(settings)
			if err != nil {
				return err
			}
			return e.withCallbacks(ctx, func(c *instance.Client) error {
				run := cmdEnv
				run.client = c
				start := contract.StartFlow{Integration: args[0], Config: config, Device: device, Scopes: scopes, ConfirmSelf: true}
				if reauthorize != "" {
					conn, err := findConnection(ctx, c, args[0], reauthorize)
					if err != nil {
						return err
					}
					start.Connection = conn.ID
				}
				return run.connect(ctx, start)
			})
		}),
	}
	f := cmd.Flags()
	f.BoolVar(&cmdEnv.noBrowser, "no-browser", false, "only print the address, open no browser")
	f.BoolVar(&cmdEnv.paste, "paste", false, "read the address on which the browser ended from stdin")
	f.BoolVar(&device, "device", false, "connect with a code that you enter at the provider, in any browser")
	f.StringArrayVar(&scopes, "scope", nil, "ask for this `SCOPE` too, beyond those of the integration (repeatable)")
	cmd.MarkFlagsMutuallyExclusive("device", "paste")
	f.StringVar(&reauthorize, "reauthorize", "", "renew this connection, which keeps its id: `ID`, login or e-mail of the account")
	f.BoolVar(&cmdEnv.acceptOther, "accept-other-account", false, "with --reauthorize: take another account than before")
	f.StringArrayVar(&settings, "set", nil, "a setting of this connection, as `KEY=VALUE` (repeatable)")
	return cmd
}

// connect starts a flow and stays until it is over. With --json it prints the
// flow as soon as it has an address, and then the connection.
func (c *connecting) connect(ctx context.Context, start contract.StartFlow) error {
	// Before the start, so that nothing is missed.
	events, stop, err := c.client.Events(ctx)
	if err != nil {
		return err
	}
	defer stop()
	flow, err := c.client.StartFlow(ctx, start)
	if err != nil {
		return mistyped(ctx, c.client, start.Integration, err)
	}
	id := flow.ID
	changed := make(chan struct{}, 1)
	go func() {
		for event := range events {
			if event.Flow == id {
				select {
				case changed <- struct{}{}:
				default:
				}
			}
		}
	}()
	c.paste = c.paste || flow.Kind == hub.FlowPaste
	if err = c.show(flow); err == nil {
		flow, err = c.follow(ctx, flow, changed)
	}
	if err != nil {
		// Also after Ctrl-C, which ended ctx.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = c.client.CancelFlow(ctx, id)
		return err
	}
	if flow.State == contract.FlowFailed {
		if flow.Error == nil {
			return hub.Errorf(hub.CodeInternal, "connecting %s failed without a reason", flow.Integration)
		}
		return instance.AsHubError(*flow.Error)
	}
	return c.done(ctx, flow)
}

// follow returns the flow when it is done or failed.
func (c *connecting) follow(ctx context.Context, flow contract.Flow, changed <-chan struct{}) (contract.Flow, error) {
	id := flow.ID
	var pasted <-chan string
	if c.paste {
		pasted = c.readPaste(ctx)
	}
	tick := time.NewTicker(flowCheck)
	defer tick.Stop()
	for {
		switch flow.State {
		case contract.FlowDone, contract.FlowFailed:
			return flow, nil
		case contract.FlowConfirm:
			next, err := c.confirm(ctx, flow)
			if err != nil {
				return flow, err
			}
			flow = next
			continue
		}
		var err error
		if flow, err = c.prompts(ctx, flow); err != nil {
			return flow, err
		}
		select {
		case <-ctx.Done():
			return flow, ctx.Err()
		case url, ok := <-pasted:
			if !ok {
				return flow, hub.Errorf(hub.CodeInvalid, "no address was pasted")
			}
			flow, err = c.client.PasteCallback(ctx, id, contract.Paste{URL: url})
		case <-changed:
			flow, err = c.client.Flow(ctx, id)
		case <-tick.C:
			flow, err = c.client.Flow(ctx, id)
		}
		if err != nil {
			return flow, err
		}
	}
}

// show tells the user where to go.
func (c *connecting) show(flow contract.Flow) error {
	if c.json {
		if err := c.printJSON(flow); err != nil {
			return err
		}
	}
	if d := flow.Device; d != nil {
		c.showCode(flow.Integration, d)
		return nil
	}
	opened := false
	if !c.noBrowser && c.OpenBrowser != nil {
		opened = c.OpenBrowser(flow.AuthorizationURL) == nil
	}
	if c.json {
		return nil
	}
	if opened {
		c.note("Your browser opens to connect %s. If it does not, go to:", flow.Integration)
	} else {
		c.note("To connect %s, open this address in your browser:", flow.Integration)
	}
	c.note("\n  %s\n", plain(flow.AuthorizationURL))
	if flow.Kind == hub.FlowPaste {
		c.note("The provider wants an https address, on which nobody listens here: your browser will end on a page that does not load.")
	}
	if c.paste {
		c.note("When the browser ends on a page that does not load, paste its address here:")
	}
	return nil
}

// showCode tells the user which code to enter where.
func (c *connecting) showCode(integration string, d *contract.DeviceCode) {
	if c.json {
		return
	}
	c.note("To connect %s, open this address in any browser and enter the code:", integration)
	c.note("\n  %s\n\n  %s\n", plain(d.VerificationURI), plain(d.UserCode))
	if d.VerificationURIComplete != "" {
		c.note("Or with the code in it: %s", plain(d.VerificationURIComplete))
	}
	c.note("Enter no code there that somebody else gave you. This one works until %s.", d.ExpiresAt.Local().Format("15:04"))
}

// readPaste yields the first line of input that is not empty; the channel is
// closed without one at its end.
func (c *connecting) readPaste(ctx context.Context) <-chan string {
	out := make(chan string)
	go func() {
		defer close(out)
		in := bufio.NewReader(io.LimitReader(c.In, 64<<10))
		for {
			line, err := in.ReadString('\n')
			if line = strings.TrimSpace(line); line != "" {
				select {
				case out <- line:
				case <-ctx.Done():
				}
				<-ctx.Done()
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return out
}

// confirm is reached only when a reauthorization came back with another
// account: otherwise the flow confirmed itself.
func (c *connecting) confirm(ctx context.Context, flow contract.Flow) (contract.Flow, error) {
	if flow.Replaces == nil {
		return c.client.ConfirmFlow(ctx, flow.ID, contract.Confirm{})
	}
	if !c.acceptOther {
		return flow, hub.Errorf(hub.CodeAccountMismatch, "the provider came back with the account %s, but the connection is of %s; nothing was changed",
			accountWords(flow.Account), accountWords(flow.Replaces)).
			WithRemedy("Sign in at the provider with the right account and try again, or add --accept-other-account.")
	}
	return c.client.ConfirmFlow(ctx, flow.ID, contract.Confirm{AcceptOtherAccount: true})
}

// done prints the connection.
func (c *connecting) done(ctx context.Context, flow contract.Flow) error {
	conn, err := findConnection(ctx, c.client, flow.Connection, "")
	if err != nil {
		return errors.Join(errors.New("the account is connected, but cannot be shown"), err)
	}
	if c.json {
		return c.printJSON(conn)
	}
	c.print("Connected %s as %s (%s).", conn.Integration, plain(conn.Account.Label), conn.ID)
	if len(conn.MissingScopes) > 0 {
		c.note("These scopes were asked for and not granted: %s", plain(strings.Join(conn.MissingScopes, " ")))
	}
	return nil
}

func accountWords(a *contract.Account) string {
	if a == nil || a.Label == "" {
		return "unknown"
	}
	return plain(a.Label)
}
