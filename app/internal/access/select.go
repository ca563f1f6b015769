// SPDX-License-Identifier: Apache-2.0

package access

import (
	"fmt"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// Select picks the connection that an app means, if the app may have it. It
// depends on nothing but the request and the policies of the file, and asks
// nobody. The errors are CodeConsentRequired, CodeNotInstalled, CodeNotFound
// and CodeAccountSelection.
func (a *Access) Select(req hub.SelectRequest) (hub.Selection, error) {
	a.mu.Lock()
	namesakes := a.namesakes(req.App.Name)
	a.mu.Unlock()
	c := choose(a.subject(req.App, namesakes), &req)
	if c.err != nil {
		return hub.Selection{}, c.err
	}
	return hub.Selection{Connection: c.connection, Rule: c.permissions[0].rule}, nil
}

// choice is the outcome of choose: a connection with what allows it, or err.
type choice struct {
	connection  *hub.Connection
	permissions []permission
	err         *hub.Error
	// candidates are, with CodeConsentRequired, the connections that a user
	// could let the app have; denied says that a policy forbids them all.
	candidates []*hub.Connection
	denied     bool
}

// choose is the one decision about who may have which connection.
func choose(s *subject, req *hub.SelectRequest) choice {
	p := policyOf(s.app)
	var allowed []choice
	var seen, candidates []*hub.Connection
	for _, c := range req.Connections {
		if c.Owner != req.Owner || c.Integration != req.Integration || c.State == hub.StateDisconnected || !p.sees(c, req.Multiple) {
			continue
		}
		if req.Connection != "" && req.Connection != c.ID {
			continue
		}
		seen = append(seen, c)
		if s.denial(c) != "" {
			continue
		}
		if list := s.permissions(c, req.Relay); len(list) > 0 {
			allowed = append(allowed, choice{connection: c, permissions: list})
		} else {
			candidates = append(candidates, c)
		}
	}
	if len(allowed) == 1 {
		return allowed[0]
	}
	return s.unclear(req, allowed, seen, candidates)
}

// unclear is choose where not exactly one connection is allowed. It stands apart
// for the size of its frame: choose is where a request's stack is deepest, and
// each caller of a crowd has one.
func (s *subject) unclear(req *hub.SelectRequest, allowed []choice, seen, candidates []*hub.Connection) choice {
	switch {
	case len(allowed) > 1:
		e := hub.Errorf(hub.CodeAccountSelection, "%d accounts of %s are connected", len(allowed), req.Integration).
			WithRemedy("Name one of them in %s.", accountField(req))
		for _, c := range allowed {
			e.Choices = append(e.Choices, c.connection.Choice())
		}
		return choice{err: e}
	case len(seen) > 0 || !s.granted(req.Integration, req.Relay):
		// Whether there is such a connection is none of the app's business
		// where it was granted nothing.
		return choice{err: notGranted(s.app, req), candidates: candidates, denied: len(seen) > 0 && len(candidates) == 0}
	case req.Connection != "":
		return choice{err: hub.Errorf(hub.CodeNotFound, "there is no connection %q of %s", req.Connection, req.Integration).
			WithRemedy("Leave %s out, or name one that is connected.", accountField(req))}
	default:
		return choice{err: notInstalled(req)}
	}
}

// accountField is where a request names one of several accounts.
func accountField(req *hub.SelectRequest) string {
	if req.Relay {
		return "X-Relay-Connection"
	}
	return "connected_account_id"
}

func notInstalled(req *hub.SelectRequest) *hub.Error {
	e := hub.Errorf(hub.CodeNotInstalled, "no account of %s is connected", req.Integration)
	if req.Owner != hub.Me { // window and command line connect accounts of the person at this machine only
		return e.WithRemedy("Send the user to a link that POST /data-integrations/%s/authorize gives.", req.Integration)
	}
	return e.WithRemedy("Connect one in the window, or with `standpipe connect %s`.", req.Integration)
}

func notGranted(app *hub.App, req *hub.SelectRequest) *hub.Error {
	what := req.Integration
	if req.Connection != "" {
		what = fmt.Sprintf("the connection %s of %s", req.Connection, req.Integration)
	}
	return hub.Errorf(hub.CodeConsentRequired, "the app %q was not granted %s", app.Name, what).
		WithRemedy("`standpipe apps grant %s %s` lets it.", app.ID, req.Integration)
}
