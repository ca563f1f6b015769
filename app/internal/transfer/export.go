// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"filippo.io/age"
	"golang.org/x/sync/errgroup"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// Export writes connections with their tokens to w, a Line each, encrypted to
// the recipients of the request. Nothing is written where it refuses. With Move
// the connections are out of use when it returns, or in use as before where it
// fails. caller goes into the audit.
func (d *Desk) Export(ctx context.Context, caller string, req hub.ExportRequest, w io.Writer) error {
	recipients, err := age.ParseRecipients(strings.NewReader(strings.Join(req.Recipients, "\n")))
	if err != nil {
		return hub.Errorf(hub.CodeInvalid, "an export needs somebody who can open it: recipients holds no age public key").
			WithRemedy("Name one that begins with age1; `age-keygen` makes a pair.")
	}
	chosen, err := d.choose(ctx, req)
	if err != nil {
		return err
	}
	if err := d.auditAll(ctx, chosen, hub.AuditEntry{Action: hub.AuditExport, App: caller, Subject: req.ID}); err != nil {
		return err
	}
	if req.Move {
		ids := map[string]bool{}
		for _, c := range chosen {
			ids[c.ID] = true
		}
		if err := d.moveAway(ctx, req.ID, func(c *hub.Connection) bool { return ids[c.ID] }); err != nil {
			return err
		}
	}
	if err = d.write(ctx, chosen, w, recipients); err != nil && req.Move {
		err = errors.Join(err, d.TakeBack(ctx, req.ID))
	}
	return err
}

// choose finds the connections of a request. They are as before a move.
func (d *Desk) choose(ctx context.Context, req hub.ExportRequest) ([]*hub.Connection, error) {
	var out []*hub.Connection
	for conn, err := range d.cfg.Connections.All(ctx) {
		if _, damaged := errors.AsType[*hub.IntegrityError](err); damaged && req.All {
			continue // all that can be read
		}
		if err != nil {
			return nil, err
		}
		if conn.State != hub.StateDisconnected && (req.All || slices.Contains(req.Connections, conn.ID)) {
			out = append(out, conn)
		}
	}
	if !req.All {
		for _, id := range req.Connections {
			if !slices.ContainsFunc(out, func(c *hub.Connection) bool { return c.ID == id }) {
				return nil, hub.Errorf(hub.CodeNotFound, "there is no connection %q", id).
					WithRemedy("`standpipe connections list` lists them.")
			}
		}
	}
	if len(out) == 0 {
		return nil, hub.Errorf(hub.CodeNotFound, "there is no connection to export").
			WithRemedy("`standpipe connections list` lists what there is.")
	}
	return out, nil
}

// auditAll records one entry for each connection, many at a time, as each waits
// for the disk.
func (d *Desk) auditAll(ctx context.Context, conns []*hub.Connection, entry hub.AuditEntry) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(64)
	for _, c := range conns {
		e := entry
		e.Time, e.Decision, e.Connection = d.cfg.Now(), hub.AuditAllowed, c.ID
		g.Go(func() error { return d.cfg.Auditor.Record(ctx, e) })
	}
	return g.Wait()
}

func (d *Desk) write(ctx context.Context, conns []*hub.Connection, w io.Writer, recipients []age.Recipient) error {
	sealed, err := age.Encrypt(w, recipients...)
	if err != nil {
		return fmt.Errorf("encrypt the export: %w", err)
	}
	for _, c := range conns {
		toks, err := d.cfg.Connections.Tokens(ctx, c.ID)
		if err != nil && !errors.Is(err, hub.ErrNotFound) {
			return err
		}
		b, err := json.Marshal(lineOf(c, toks))
		if err != nil {
			return err
		}
		_, err = sealed.Write(append(b, '\n'))
		clear(b)
		if err != nil {
			return err
		}
	}
	return sealed.Close()
}

func lineOf(c *hub.Connection, toks *hub.Tokens) Line {
	l := Line{
		ID: c.ID, Integration: c.Integration, UserID: c.Owner.User, OrganizationID: c.Owner.Organization,
		State: c.State, Scopes: c.Scopes, Config: c.Config, Account: &c.Account, ClientID: c.ClientID,
	}
	if toks == nil {
		return l
	}
	set := &toks.Current
	l.AccessToken, l.RefreshToken, l.Metadata = set.AccessToken.Reveal(), set.RefreshToken.Reveal(), set.Metadata
	l.Name = set.Name
	l.ExpiresAt = timeOrNil(set.Expiry)
	for name, n := range set.Named {
		if l.Named == nil {
			l.Named = map[string]NamedToken{}
		}
		l.Named[name] = NamedToken{AccessToken: n.AccessToken.Reveal(), RefreshToken: n.RefreshToken.Reveal(), ExpiresAt: timeOrNil(n.Expiry), Scopes: n.Scopes}
	}
	return l
}

func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
