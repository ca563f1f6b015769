// SPDX-License-Identifier: Apache-2.0

package access

import (
	"cmp"
	"slices"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// permission is what lets an app draw from a connection.
type permission struct {
	rule   string   // for the audit
	scopes []string // the ceiling; nil: whatever the connection has
	wider  bool     // a token with more than scopes is accepted
	once   *hub.Grant
	// audience is the one that tokens are for; empty: what the provider chooses.
	audience string
}

// subject is an app at the moment of a decision.
type subject struct {
	app       *hub.App
	namesakes int // how many apps have its name
	policies  []hub.Policy
	now       time.Time
}

// subject returns an app as one decides about it.
func (a *Access) subject(app *hub.App, namesakes int) *subject {
	return &subject{app: app, namesakes: namesakes, policies: a.cfg.Policies, now: a.cfg.Now()}
}

// May reports whether an app may know of a connection and draw from it.
func (a *Access) May(app *hub.App, c *hub.Connection) bool {
	a.mu.Lock()
	namesakes := a.namesakes(app.Name)
	a.mu.Unlock()
	s := a.subject(app, namesakes)
	return s.denial(c) == "" && len(s.permissions(c, false)) > 0
}

// denial is the rule that forbids a connection whatever was granted; empty:
// none.
func (s *subject) denial(c *hub.Connection) string {
	for i := range s.policies {
		if p := &s.policies[i]; p.Deny && p.Covers(s.app, s.namesakes, c) {
			return p.Rule()
		}
	}
	return ""
}

// permissions are all that cover a connection, the one to prefer first: the
// narrowest in what it names, and what is not used up by it.
func (s *subject) permissions(c *hub.Connection, relay bool) []permission {
	var grants []*hub.Grant
	for i := range s.app.Grants {
		if g := &s.app.Grants[i]; g.Allows(c, relay) && !g.Expired(s.now) {
			grants = append(grants, g)
		}
	}
	slices.SortStableFunc(grants, func(a, b *hub.Grant) int {
		return cmp.Or(order(a.Connection == "", b.Connection == ""), order(a.Lasts == hub.LastsOnce, b.Lasts == hub.LastsOnce), b.CreatedAt.Compare(a.CreatedAt))
	})
	var out []permission
	for _, g := range grants {
		p := permission{rule: g.ID, scopes: g.Scopes, wider: g.AcceptWider, audience: g.Audience}
		if g.Lasts == hub.LastsOnce {
			p.once = g
		}
		out = append(out, p)
	}
	for i := range s.policies {
		if p := &s.policies[i]; !p.Deny && p.Covers(s.app, s.namesakes, c) {
			out = append(out, permission{rule: p.Rule(), scopes: p.Scopes, wider: p.AcceptWider, audience: p.Audience})
		}
	}
	if s.app.All {
		out = append(out, permission{rule: "all"})
	}
	return out
}

// order puts false before true.
func order(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// granted reports whether an app may draw anything of an integration, were it
// there.
func (s *subject) granted(integration string, relay bool) bool {
	if s.app.All {
		return true
	}
	for i := range s.app.Grants {
		if g := &s.app.Grants[i]; g.Allows(&hub.Connection{ID: g.Connection, Integration: integration}, relay) && !g.Expired(s.now) {
			return true
		}
	}
	for i := range s.policies {
		p := &s.policies[i]
		one := hub.Connection{ID: p.Connection, Integration: integration}
		if !p.Deny && p.Covers(s.app, s.namesakes, &one) {
			return true
		}
	}
	return false
}

// limit is what a token has to be narrowed to (nil: nothing to do) for an app
// that asks for certain scopes (nil: all that it was granted). Where that is
// not allowed or not possible, ok is false, and wider is what the token would
// hold beyond what was asked for.
func (p *permission) limit(c *hub.Connection, asked []string, narrows bool) (scopes, wider []string, ok bool) {
	if len(hub.Beyond(p.scopes, asked)) > 0 {
		return nil, nil, false
	}
	want := asked
	if want == nil {
		want = p.scopes
	}
	if want == nil {
		return nil, nil, true
	}
	if len(c.Scopes) > 0 {
		want = slices.DeleteFunc(slices.Clone(want), func(s string) bool { return !slices.Contains(c.Scopes, s) })
		wider = hub.Beyond(want, c.Scopes)
		if len(wider) == 0 {
			return nil, nil, true
		}
	}
	switch {
	case narrows:
		return want, nil, len(want) > 0
	case p.wider || p.scopes == nil || len(c.Scopes) > 0 && len(hub.Beyond(p.scopes, c.Scopes)) == 0:
		return nil, nil, true
	}
	return nil, wider, false
}
