// SPDX-License-Identifier: Apache-2.0

package access

import "github.com/standpipe/standpipe/app/internal/hub"

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
