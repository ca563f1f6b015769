// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"context"
	"errors"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// patience bounds what an import does at the provider.
const patience = 45 * time.Second

// How the tokens of an import were tried.
const (
	byIdentity = "identity"
	byRefresh  = "refresh"
)

// Import takes over tokens that another program holds: it tries them at the
// provider, looks whose they are, and stores them as a connection, or changes
// nothing. An access token is tried by asking whose it is; where that cannot be
// told, or it does not work or says not how long it does, the refresh token is
// used, after which the one that was imported may be spent. caller goes into
// the audit.
func (d *Desk) Import(ctx context.Context, caller string, im hub.Import) (*hub.Imported, error) {
	if err := im.Validate(); err != nil {
		return nil, err
	}
	r, err := d.cfg.Catalog.Resolve(ctx, im.Integration, im.Config)
	if err != nil {
		return nil, err
	}
	siblings, err := d.cfg.Connections.Find(ctx, im.Owner, im.Integration)
	if err != nil {
		return nil, err
	}
	conn, err := d.target(&im, siblings)
	if err != nil {
		return nil, err
	}
	entry := hub.AuditEntry{Time: d.cfg.Now(), Action: hub.AuditImport, Decision: hub.AuditAllowed, App: caller, Connection: conn.ID}
	if err := d.cfg.Auditor.Record(ctx, entry); err != nil {
		return nil, err // and nothing was spent
	}
	// From here on a token may be spent: the end of the caller must not lose
	// what came in its place.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	out, err := d.take(ctx, &im, r, conn, siblings)
	if err != nil {
		entry.Time, entry.Decision, entry.Code = d.cfg.Now(), hub.AuditFailed, hub.AsError(err).Code
		return nil, errors.Join(err, d.cfg.Auditor.Record(ctx, entry))
	}
	d.tell([]*hub.Connection{out.Connection})
	if d.cfg.Pictures != nil {
		d.cfg.Pictures.Fetch(out.Connection, r)
	}
	return out, nil
}

// target is the connection that an import makes or renews, as far as that can
// be told before its account is known.
func (d *Desk) target(im *hub.Import, siblings []*hub.Connection) (*hub.Connection, error) {
	now := d.cfg.Now()
	conn := &hub.Connection{ID: d.cfg.NewID("data_installation"), Owner: im.Owner, Integration: im.Integration, Compatibility: true, CreatedAt: now}
	for _, s := range siblings {
		if s.ID == im.Connection {
			return s, nil
		}
		if im.Hint.Subject != "" && s.Account.Same(im.Hint) && im.Connection == "" && !im.Replace {
			return nil, connected(s)
		}
		conn.Compatibility = conn.Compatibility && !s.Compatibility
	}
	switch {
	case im.Connection != "":
		return nil, hub.Errorf(hub.CodeNotFound, "there is no connection %q of %s", im.Connection, im.Integration).
			WithRemedy("`standpipe connections list` lists them.")
	case im.First && len(siblings) > 0:
		return nil, hub.Errorf(hub.CodeConflict, "an account is connected already through %s", im.Integration).
			WithRemedy("Update it, or add a further one with connection_intent \"add\".")
	}
	return conn, nil
}

// take tries the tokens, finds the connection that they belong to, and stores
// them there.
func (d *Desk) take(ctx context.Context, im *hub.Import, r *hub.Resolved, conn *hub.Connection, siblings []*hub.Connection) (*hub.Imported, error) {
	t := &tried{set: setOf(im, d.cfg.Now()), scopes: im.Scopes}
	if im.AccessToken.IsZero() && im.RefreshToken.IsZero() {
		return d.bare(ctx, im, r, conn, t)
	}
	if !im.NeedsUser {
		if err := d.try(ctx, r, t); err != nil {
			return nil, err
		}
		d.tryNamed(ctx, r, t)
	}
	conn, err := guard(im, t, conn, siblings)
	if err != nil {
		return nil, err
	}
	out := &hub.Imported{Connection: conn, Verified: t.verified, Renewed: conn.Generation > 0}
	fill(conn, im, r, t, d.cfg.Now())
	return out, d.store(ctx, conn, t)
}

// bare is an import without a token: of a connection that its user has to
// reauthorize, or of what else is known of an existing one.
func (d *Desk) bare(ctx context.Context, im *hub.Import, r *hub.Resolved, conn *hub.Connection, t *tried) (*hub.Imported, error) {
	out := &hub.Imported{Connection: conn, Renewed: conn.Generation > 0}
	if !out.Renewed {
		fill(conn, im, r, t, d.cfg.Now())
		return out, d.store(ctx, conn, t)
	}
	if im.Scopes != nil {
		conn.Scopes = im.Scopes
	}
	if im.NeedsUser && conn.State == hub.StateConnected {
		conn.State, conn.Reason = hub.StateNeedsReauthorization, hub.ReasonUnknown
	}
	conn.UpdatedAt = d.cfg.Now()
	return out, d.store(ctx, conn, t)
}

// guard keeps one connection per account.
func guard(im *hub.Import, t *tried, conn *hub.Connection, siblings []*hub.Connection) (*hub.Connection, error) {
	if t.account.Subject == "" {
		return conn, nil
	}
	if conn.Generation > 0 {
		if conn.Account.Subject != "" && !conn.Account.Same(t.account) {
			return nil, hub.Errorf(hub.CodeAccountMismatch, "the tokens are of %s, but the connection is of %s", t.account.Label(), conn.Account.Label()).
				WithRemedy("Import them as a connection of their own.")
		}
		return conn, nil
	}
	for _, s := range siblings {
		if !s.Account.Same(t.account) {
			continue
		}
		if im.Replace {
			return s, nil
		}
		return nil, connected(s)
	}
	return conn, nil
}

func connected(s *hub.Connection) error {
	e := hub.Errorf(hub.CodeConflict, "%s is connected already through %s", s.Account.Label(), s.Integration).
		WithRemedy("To renew that connection with these tokens, import with --replace.")
	e.Choices = []hub.Choice{s.Choice()}
	return e
}

// fill says in a connection what was imported.
func fill(conn *hub.Connection, im *hub.Import, r *hub.Resolved, t *tried, now time.Time) {
	conn.Provider = r.Integration.Provider
	if t.account.Subject != "" {
		conn.Account = t.account
	}
	conn.State, conn.Reason, conn.Backup = hub.StateConnected, "", ""
	if t.verified == "" {
		conn.State, conn.Reason = hub.StateNeedsReauthorization, hub.ReasonRefreshMissing
	}
	conn.Requested = r.Scopes
	if conn.Scopes = t.scopes; conn.Scopes == nil {
		conn.Scopes = []string{}
	}
	if im.Config != nil || conn.Config == nil {
		conn.Config = im.Config
	}
	// Which client an access token without a refresh token was issued to, nobody
	// says; it is not ours to revoke.
	conn.ClientID = ""
	if !t.set.RefreshToken.IsZero() {
		conn.ClientID = r.Target.ClientID
	}
	conn.RedirectURI = r.RedirectURI
	conn.Sandbox = r.Integration.Credentials == hub.CredentialsSandbox
	conn.UpdatedAt, conn.LastRefresh, conn.Expiry = now, time.Time{}, t.set.Expiry
	if t.verified == byRefresh {
		conn.LastRefresh = now
	}
}

func (d *Desk) store(ctx context.Context, conn *hub.Connection, t *tried) error {
	return d.cfg.Connections.Update(ctx, func(tx *hub.ConnectionsTx) error {
		if conn.Generation > 0 {
			before, err := tx.Connection(conn.ID)
			if errors.Is(err, hub.ErrNotFound) {
				return hub.Errorf(hub.CodeConflict, "the connection was disconnected meanwhile").WithRemedy("Import it anew.")
			}
			if err != nil {
				return err
			}
			conn.Picture = before.Picture
			conn.Generation = before.Generation // a refresh may have written since; its tokens give way
		}
		if err := tx.PutConnection(conn); err != nil {
			return err
		}
		if t.set.AccessToken.IsZero() && t.set.RefreshToken.IsZero() {
			return nil
		}
		_, err := tx.PutTokenSet(conn.ID, t.set)
		return err
	})
}
