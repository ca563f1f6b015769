// SPDX-License-Identifier: Apache-2.0

package access

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// maxWait is how long a draw waits for the user at most.
const maxWait = 30 * time.Second

// Draw picks the connection that an app draws a token from, and says to which
// scopes the token has to be narrowed. What the app was not granted is asked
// of the user: the error is CodeConsentRequired with the Approval, after
// req.Wait without a yes. A grant that is good for one token is used up; give
// it back with GiveBack should there be none.
func (a *Access) Draw(ctx context.Context, req *hub.DrawRequest) (hub.Selection, error) {
	sel, q := a.take(req)
	if q == nil {
		return sel, nil
	}
	if q.denial != nil {
		return hub.Selection{}, q.denial
	}
	asked, err := a.asked.raise(a, ctx, req, q)
	if err != nil {
		return hub.Selection{}, err
	}
	if asked.wait(ctx, min(req.Wait, maxWait)) {
		if sel, q = a.take(req); q == nil {
			return sel, nil
		}
		if q.denial != nil {
			return hub.Selection{}, q.denial
		}
	}
	return hub.Selection{}, asked.refusal()
}

// open is a draw that is not allowed as things stand.
type open struct {
	denial     error // nobody is asked
	connection *hub.Connection
	candidates []*hub.Connection // where there is none, or several
	wider      []string
}

// take decides, and uses up a grant that is good for one token.
func (a *Access) take(req *hub.DrawRequest) (hub.Selection, *open) {
	for {
		app, namesakes := a.live(req.App.ID)
		if app == nil {
			return hub.Selection{}, &open{denial: hub.Errorf(hub.CodeUnauthorized, "the app was removed").
				WithRemedy("`standpipe apps add NAME` makes a key.")}
		}
		sel, no := a.decide(a.subject(app, namesakes), req)
		if no != nil || sel.Once == nil || a.useUp(app.ID, sel.Once.ID) {
			return sel, no
		}
	}
}

func (a *Access) decide(s *subject, req *hub.DrawRequest) (hub.Selection, *open) {
	c := choose(s, &req.SelectRequest)
	switch {
	case c.err == nil:
	case c.err.Code != hub.CodeConsentRequired, c.denied:
		return hub.Selection{}, &open{denial: c.err}
	case len(c.candidates) == 0 && req.Connection != "":
		return hub.Selection{}, &open{denial: c.err} // a made-up id is no question
	case len(c.candidates) == 1:
		// Whether its token would be too wide for a ceiling that nobody set
		// yet is asked together with the rest.
		_, wider, _ := (&permission{scopes: req.Scopes}).limit(c.candidates[0], req.Scopes, req.Narrows)
		return hub.Selection{}, &open{connection: c.candidates[0], wider: wider}
	default:
		return hub.Selection{}, &open{candidates: c.candidates}
	}
	audience, err := audienceOf(c.permissions, req)
	if err != nil {
		return hub.Selection{}, &open{denial: err}
	}
	var wider []string
	for i := range c.permissions {
		p := &c.permissions[i]
		if p.audience != "" && p.audience != audience {
			continue
		}
		scopes, beyond, ok := p.limit(c.connection, req.Scopes, req.Narrows)
		if ok {
			return hub.Selection{Connection: c.connection, Rule: p.rule, Scopes: scopes, Audience: audience, Once: p.once}, nil
		}
		if wider == nil {
			wider = beyond
		}
	}
	return hub.Selection{}, &open{connection: c.connection, wider: wider}
}

// audienceOf is what a token has to be for; empty: what the provider chooses. An
// app that names none means the only one that it was granted.
func audienceOf(permissions []permission, req *hub.DrawRequest) (string, *hub.Error) {
	audience := req.Audience
	if audience == "" {
		var granted []string
		for i := range permissions {
			if a := permissions[i].audience; !slices.Contains(granted, a) {
				granted = append(granted, a)
			}
		}
		switch {
		case slices.Contains(granted, ""):
			return "", nil
		case len(granted) > 1:
			e := hub.Errorf(hub.CodeInvalid, "the app was granted tokens of %s for %d audiences", req.Integration, len(granted)).
				WithRemedy("Name one of them in audience: %s.", strings.Join(granted, ", "))
			e.Field = "audience"
			return "", e
		}
		audience = granted[0]
	}
	if !req.NarrowsAudience {
		e := hub.Errorf(hub.CodeInvalid, "%s issues no tokens for one audience only", req.Integration).
			WithRemedy("Use a provider with narrows_audience, or a grant without an audience.")
		e.Field = "audience"
		return "", e
	}
	return audience, nil
}

// useUp takes a grant away, and reports whether it was there.
func (a *Access) useUp(app, grant string) (found bool) {
	_ = a.sitting(app, func(e *entry) error {
		i := slices.IndexFunc(e.session, func(g hub.Grant) bool { return g.ID == grant })
		if found = i >= 0; found {
			e.session = slices.Delete(slices.Clone(e.session), i, i+1)
		}
		return nil
	})
	return found
}
