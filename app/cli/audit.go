// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/instance"
)

// auditFlags pick entries.
type auditFlags struct {
	app, connection, decision, action string
	since, until                      string
}

func (a *auditFlags) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&a.app, "app", "", "only what this app asked for: its `ID` or name, or user")
	f.StringVar(&a.connection, "connection", "", "only this connection: its `ID`, or an integration")
	f.StringVar(&a.decision, "decision", "", "only what was `allowed`, denied or failed")
	f.StringVar(&a.action, "action", "", "only this `ACTION`, such as token.vend")
	f.StringVar(&a.since, "since", "", "only from this `TIME` on: 2006-01-02, 2006-01-02T15:04:05Z, or 3h for three hours ago")
	f.StringVar(&a.until, "until", "", "only before this `TIME`")
}

// query is what the flags mean to the hub, with names turned into ids. What no
// longer has a name is taken as an id.
func (a *auditFlags) query(ctx context.Context, c *instance.Client, now time.Time) (url.Values, error) {
	q := url.Values{}
	if a.app != "" {
		q.Set("app", a.app)
		if app, err := findApp(ctx, c, a.app); err == nil {
			q.Set("app", app.ID)
		}
	}
	if a.connection != "" {
		q.Set("connection", a.connection)
		switch conn, err := findConnection(ctx, c, a.connection, ""); {
		case err == nil:
			q.Set("connection", conn.ID)
		case hub.AsError(err).Code == hub.CodeAccountSelection:
			return nil, err
		}
	}
	for name, value := range map[string]string{"decision": a.decision, "action": a.action} {
		if value != "" {
			q.Set(name, value)
		}
	}
	for name, value := range map[string]string{"since": a.since, "until": a.until} {
		if value == "" {
			continue
		}
		t, err := parseTime(value, now)
		if err != nil {
			return nil, usagef("--%s %s is no time: write 2006-01-02, 2006-01-02T15:04:05Z or 3h", name, value)
		}
		q.Set(name, t.Format(time.RFC3339))
	}
	return q, nil
}

// parseTime reads a time, a day of the local calendar, or how long ago.
func parseTime(s string, now time.Time) (time.Time, error) {
	if d, err := time.ParseDuration(s); err == nil {
		return now.Add(-d.Abs()), nil
	}
	if t, err := time.ParseInLocation(time.DateOnly, s, time.Local); err == nil {
		return t, nil
	}
	return time.Parse(time.RFC3339, s)
}

// withAudit is withHub for who looks at the entries that flags pick.
func (e *env) withAudit(ctx context.Context, flags *auditFlags, f func(*instance.Client, url.Values) error) error {
	return e.withHub(ctx, func(c *instance.Client) error {
		q, err := flags.query(ctx, c, time.Now())
		if err != nil {
			return err
		}
		return f(c, q)
	})
}

func newAudit(e *env) *cobra.Command {
	var flags auditFlags
	var limit int
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Show who was given what",
		Args:  subcommand,
		RunE: e.run(func(ctx context.Context, _ []string) error {
			return e.withAudit(ctx, &flags, func(c *instance.Client, q url.Values) error { return e.showAudit(ctx, c, q, limit) })
		}),
	}
	flags.register(cmd)
	cmd.Flags().IntVarP(&limit, "limit", "n", 50, "show the newest `N` entries")
	cmd.AddCommand(newAuditExport(e), newAuditVerify(e))
	return cmd
}

// showAudit prints the newest entries, the newest last as in any log.
func (e *env) showAudit(ctx context.Context, c *instance.Client, q url.Values, limit int) error {
	out := contract.Activity{Entries: []contract.ActivityEntry{}}
	for len(out.Entries) < limit {
		q.Set("limit", strconv.Itoa(min(limit-len(out.Entries), 1000)))
		page, err := c.Activity(ctx, q)
		if err != nil {
			return err
		}
		out.Entries = append(out.Entries, page.Entries...)
		out.Next, out.Damaged = page.Next, out.Damaged+page.Damaged
		if page.Next == 0 {
			break
		}
		q.Set("before", strconv.FormatUint(page.Next, 10))
	}
	if out.Damaged > 0 && !e.json {
		e.note("%s cannot be read; `standpipe audit verify` says which.", count(out.Damaged, "line", "lines"))
	}
	rows := make([][]string, len(out.Entries))
	for i := range out.Entries {
		rows[len(rows)-1-i] = auditRow(&out.Entries[i])
	}
	return e.list(out, []string{"TIME", "ACTION", "DECISION", "APP", "WHAT", "BY", "PROCESS"}, rows, "Nothing was asked for.")
}

func auditRow(a *contract.ActivityEntry) []string {
	decision := string(a.Decision)
	if a.Code != "" {
		decision += " (" + string(a.Code) + ")"
	}
	what := cmp.Or(a.SubjectName, a.Subject)
	switch {
	case a.Account != "":
		what = a.Integration + " " + a.Account
	case a.Connection != "":
		what = a.Connection
	}
	if a.Action == hub.AuditRelay {
		what += ": " + a.Subject
	}
	process := ""
	if a.Peer != nil && a.Peer.PID > 0 {
		process = strings.TrimSpace(fmt.Sprintf("%d %s", a.Peer.PID, a.Peer.Exe))
		if a.Peer.Name != "" {
			process += ` calls itself "` + a.Peer.Name + `"`
		}
	}
	return []string{a.Time.Local().Format(time.DateTime), string(a.Action), decision, cmp.Or(a.AppName, a.App), what, a.Rule, process}
}

func newAuditExport(e *env) *cobra.Command {
	var flags auditFlags
	var file string
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write the audit as JSON lines, oldest first",
		Args:  operands,
		RunE: e.run(func(ctx context.Context, _ []string) error {
			return e.withAudit(ctx, &flags, func(c *instance.Client, q url.Values) error { return e.exportAudit(ctx, c, q, file) })
		}),
	}
	flags.register(cmd)
	cmd.Flags().StringVarP(&file, "output", "o", "", "write to `FILE`, which only you can read, and which must not exist")
	return cmd
}

func (e *env) exportAudit(ctx context.Context, c *instance.Client, q url.Values, file string) (err error) {
	stream, err := c.ExportActivity(ctx, q)
	if err != nil {
		return err
	}
	defer stream.Close()
	out := e.Out
	if file != "" {
		f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		defer func() {
			if e := f.Close(); err == nil {
				err = e
			}
		}()
		out = f
	}
	if _, err := io.Copy(out, stream); err != nil {
		return hub.Errorf(hub.CodeAudit, "the export is not complete: %w", err).
			WithRemedy("`standpipe audit verify` says which lines cannot be read.")
	}
	return nil
}

func newAuditVerify(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "Check that no line of the audit was altered, removed or moved",
		Args:  operands,
		RunE: e.run(func(ctx context.Context, _ []string) error {
			return e.withHub(ctx, func(c *instance.Client) error {
				r, err := c.CheckActivity(ctx)
				if err != nil {
					return err
				}
				return e.auditReport(r)
			})
		}),
	}
}

func (e *env) auditReport(r contract.AuditReport) error {
	if e.json {
		if err := e.printJSON(r); err != nil {
			return err
		}
	} else {
		for _, p := range r.Problems {
			where := "audit"
			if p.File != "" {
				where = fmt.Sprintf("%s:%d", p.File, p.Line)
			}
			e.print("%s: %s", where, plain(p.Message))
		}
		switch {
		case !r.OK:
		case r.Entries == 0:
			e.print("The audit is empty.")
		default:
			e.print("%d entries, lines %d to %d: all as they were written.", r.Entries, r.First, r.Last)
		}
		if r.Unsealed > 0 {
			e.note("The oldest %d are from before the audit was sealed; whether they were altered cannot be told.", r.Unsealed)
		}
	}
	if !r.OK {
		return exitCode(hub.ExitError)
	}
	return nil
}
