// SPDX-License-Identifier: Apache-2.0

package access

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// Approvals lists the questions that wait, oldest first.
func (a *Access) Approvals(context.Context) []hub.Approval {
	a.asked.mu.Lock()
	defer a.asked.mu.Unlock()
	out := make([]hub.Approval, 0, len(a.asked.byKey))
	for _, q := range a.asked.byKey {
		out = append(out, q.Approval)
	}
	slices.SortFunc(out, func(a, b hub.Approval) int { return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID)) })
	return out
}

// Approve lets the app draw what it asked for. It returns the grant, which holds
// when it returns.
func (a *Access) Approve(ctx context.Context, id string, yes hub.Approve) (*hub.Grant, error) {
	q, err := a.asked.claim(id)
	if err != nil {
		return nil, err
	}
	g, err := a.allow(ctx, q, yes)
	if err != nil {
		a.asked.unclaim(q)
		return nil, err
	}
	// Who was allowed less than it asked for is not to ask for the rest at once.
	a.end(q, true, len(hub.Beyond(g.Scopes, q.Scopes)) > 0)
	return g, nil
}

// Deny refuses. The app is not to ask again for a minute.
func (a *Access) Deny(ctx context.Context, id string) error {
	q, err := a.asked.claim(id)
	if err != nil {
		return err
	}
	if err := a.audit(ctx, q.denied("user")); err != nil {
		a.asked.unclaim(q)
		return err
	}
	a.end(q, false, true)
	return nil
}

// timeOut takes silence for a no.
func (a *Access) timeOut(q *question) {
	if _, err := a.asked.claim(q.ID); err != nil {
		return // it is just being answered, or was
	}
	// There is nothing to withhold should the audit fail: the answer is no.
	_ = a.audit(context.Background(), q.denied("timeout"))
	a.end(q, false, true)
}

func (q *question) denied(rule string) hub.AuditEntry {
	return hub.AuditEntry{
		Action: hub.AuditApproval, Decision: hub.AuditDenied, Subject: q.App, Connection: q.Connection, Rule: rule, Code: hub.CodeConsentRequired,
	}
}

func (a *Access) end(q *question, yes, cool bool) {
	until := time.Time{}
	if cool {
		until = a.cfg.Now().Add(coolDown)
	}
	a.asked.end(q, yes, until)
	a.announce(q)
}

func (a *Access) announce(q *question) {
	a.cfg.Publisher.Publish(hub.Event{Type: hub.EventApproval, Subject: q.ID, Slug: q.Integration, Connection: q.Connection, Time: a.cfg.Now()})
}

func (a *Access) allow(ctx context.Context, q *question, yes hub.Approve) (*hub.Grant, error) {
	g, err := q.grant(yes, a.cfg.Now())
	if err != nil {
		return nil, err
	}
	if g, err = a.newGrant(g); err != nil {
		return nil, err
	}
	entry := hub.AuditEntry{Action: hub.AuditApproval, Subject: q.App, Connection: g.Connection, Rule: g.ID}
	if err := a.audit(ctx, entry); err != nil {
		return nil, err
	}
	return &g, a.give(ctx, q.App, g)
}

// grant is what an answer allows.
func (q *question) grant(yes hub.Approve, now time.Time) (hub.Grant, error) {
	g := hub.Grant{Integration: q.Integration, Connection: cmp.Or(yes.Connection, q.Connection), Lasts: cmp.Or(yes.Lasts, hub.LastsOnce), AcceptWider: yes.AcceptWider, Audience: q.Audience}
	if q.Relay {
		g.Mode = hub.GrantRelay
	}
	if g.Lasts == hub.LastsUntil {
		if yes.For <= 0 {
			return g, invalid("for", "how long is it allowed?")
		}
		g.ExpiresAt = now.Add(yes.For)
	}
	i := slices.IndexFunc(q.known, func(c *hub.Connection) bool { return c.ID == g.Connection })
	switch {
	case g.Connection == "" && len(q.known) > 0:
		e := hub.Errorf(hub.CodeAccountSelection, "%d accounts of %s are connected; say which one it may draw from", len(q.known), q.Integration).
			WithRemedy("Choose one, or name it with --connection.")
		e.Choices = q.Choices
		return g, e
	case g.Connection != "" && i < 0:
		return g, invalid("connection", "the connection %q is not among the choices", g.Connection)
	}
	g.Scopes = yes.Scopes
	if g.Scopes == nil {
		g.Scopes = q.Scopes
	}
	if i < 0 {
		return g, nil
	}
	c := q.known[i]
	if g.Scopes == nil && len(c.Scopes) > 0 {
		g.Scopes = c.Scopes // and not those that the connection may get later
	}
	if beyond := hub.Beyond(q.Scopes, yes.Scopes); len(beyond) > 0 {
		return g, invalid("scopes", "it did not ask for %s", strings.Join(beyond, ", "))
	}
	if _, wider, ok := (&permission{scopes: g.Scopes, wider: g.AcceptWider}).limit(c, nil, q.narrows); !ok {
		return g, invalid("accept_wider", "%s cannot issue a token with these scopes only; it would also hold %s", q.Integration, cmp.Or(strings.Join(wider, ", "), "whatever the account was connected with"))
	}
	return g, nil
}
