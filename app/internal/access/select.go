// SPDX-License-Identifier: Apache-2.0

package access

import (
	"fmt"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// policy is what differs between the kinds of keys.
type policy interface {
	// owner is on whose behalf an app acts.
	owner(user, organization string, shared bool) (hub.Owner, error)
	// sees reports whether a client knows of a connection at all.
	sees(c *hub.Connection, multiple bool) bool
}

func policyOf(app *hub.App) policy {
	if app.Kind == hub.AppServer {
		return serverPolicy{}
	}
	return localPolicy{}
}

// localPolicy is for programs of the person at this machine.
type localPolicy struct{}

func (localPolicy) owner(user, organization string, shared bool) (hub.Owner, error) {
	if user != "" && user != hub.Me.User || organization != "" || shared {
		return hub.Owner{}, hub.Errorf(hub.CodeForbidden, "this key acts for the user %q only", hub.Me.User).
			WithRemedy("Leave user_id and organization_id out, or use a server key (`standpipe apps add NAME --server`).")
	}
	return hub.Me, nil
}

// sees: who was granted all accounts has to choose among all.
func (localPolicy) sees(*hub.Connection, bool) bool { return true }

// serverPolicy is for backends, by the rules of the Pipes API.
type serverPolicy struct{}

func (serverPolicy) owner(user, organization string, shared bool) (hub.Owner, error) {
	if user == "" {
		return hub.Owner{}, &hub.Error{Code: hub.CodeInvalid, Message: "user_id is missing", Field: "user_id", Remedy: "A server key names the user it acts for."}
	}
	owner := hub.Owner{User: user, Organization: organization}
	if shared {
		owner = hub.Owner{Organization: organization, Shared: true} // user is the member who acts
	}
	if err := owner.Validate(); err != nil {
		return hub.Owner{}, err
	}
	return owner, nil
}

// sees: clients that know of one connection only get the one in the
// compatibility slot, and never another in its place.
func (serverPolicy) sees(c *hub.Connection, multiple bool) bool { return multiple || c.Compatibility }

// Owner is on whose behalf an app acts when it names a user and an
// organization, or nobody. shared means the organization itself.
func (a *Access) Owner(app *hub.App, user, organization string, shared bool) (hub.Owner, error) {
	return policyOf(app).owner(user, organization, shared)
}

// Select picks the connection that an app means, if the app may have it. It
// depends on nothing but the request. The errors are CodeConsentRequired,
// CodeNotInstalled, CodeNotFound and CodeAccountSelection.
func (a *Access) Select(req hub.SelectRequest) (hub.Selection, error) { return choose(req) }

func choose(req hub.SelectRequest) (hub.Selection, error) {
	p := policyOf(req.App)
	var seen, allowed []*hub.Connection
	for _, c := range req.Connections {
		if c.Owner != req.Owner || c.Integration != req.Integration || c.State == hub.StateDisconnected || !p.sees(c, req.Multiple) {
			continue
		}
		if req.Connection != "" && req.Connection != c.ID {
			continue
		}
		seen = append(seen, c)
		if req.App.May(c) {
			allowed = append(allowed, c)
		}
	}
	switch {
	case len(allowed) == 1:
		return hub.Selection{Connection: allowed[0], Rule: rule(req.App, allowed[0])}, nil
	case len(allowed) > 1:
		e := hub.Errorf(hub.CodeAccountSelection, "%d accounts of %s are connected", len(allowed), req.Integration).
			WithRemedy("Name one of them in connected_account_id.")
		for _, c := range allowed {
			e.Choices = append(e.Choices, hub.Choice{Connection: c.ID, Account: c.Account.Label()})
		}
		return hub.Selection{}, e
	case len(seen) > 0 || !granted(req.App, req.Integration):
		// Whether there is such a connection is none of the app's business
		// where it was granted nothing.
		return hub.Selection{}, hub.Errorf(hub.CodeConsentRequired, "the app %q was not granted %s", req.App.Name, wanted(req)).
			WithRemedy("`standpipe apps add NAME --grant %s` makes a key that may.", req.Integration)
	case req.Connection != "":
		return hub.Selection{}, hub.Errorf(hub.CodeNotFound, "there is no connection %q of %s", req.Connection, req.Integration)
	default:
		return hub.Selection{}, hub.Errorf(hub.CodeNotInstalled, "no account of %s is connected", req.Integration).
			WithRemedy("Connect one in the window, or with `standpipe connect %s`.", req.Integration)
	}
}

// granted reports whether an app may draw anything of an integration.
func granted(app *hub.App, integration string) bool {
	if app.All {
		return true
	}
	for _, g := range app.Grants {
		if g.Integration == integration {
			return true
		}
	}
	return false
}

// rule names what allowed a connection, for the audit: the narrowest grant.
func rule(app *hub.App, c *hub.Connection) string {
	found := ""
	for _, g := range app.Grants {
		if g.Allows(c) && (found == "" || g.Connection != "") {
			found = g.ID
		}
	}
	if found == "" && app.All {
		return "all"
	}
	return found
}

func wanted(req hub.SelectRequest) string {
	if req.Connection == "" {
		return req.Integration
	}
	return fmt.Sprintf("the connection %s of %s", req.Connection, req.Integration)
}
