// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// class says who may call a route. Each has one guard on each surface.
type class string

const (
	classApp      class = "app"      // apps, with a bearer key, never a browser
	classRelay    class = "relay"    // apps that have the hub call a provider's API
	classPairing  class = "pairing"  // programs that have no key yet
	classCallback class = "callback" // the browser, sent by a provider
	classPage     class = "page"     // the browser of an end user, by a one-time link
	classHealth   class = "health"   // anybody on this machine
	classLogin    class = "login"    // the browser UI, before it has a session
	classUI       class = "ui"       // the page
	classStatic   class = "static"   // the page's files, which hold no secret
	classLocal    class = "local"    // programs of the same user
)

// surface is a place where routes are served.
type surface struct {
	name    string
	classes []class
}

var (
	surfaceApp   = surface{"app", []class{classApp, classRelay, classPairing, classCallback, classPage, classHealth}}
	surfaceUI    = surface{"ui", []class{classLogin, classUI, classStatic}}
	surfaceLocal = surface{"local", []class{classUI, classLocal}}
)

// route is a line of the table. Exactly one of typed and raw is set.
type route struct {
	class   class
	method  string // empty: any, the handler looks
	path    string
	id      string // operation id; typed routes only
	summary string
	status  int  // of success; 0: 200, or 204 for an empty answer
	always  bool // answers while the hub is locked as well
	typed   func(*API, huma.API, huma.Operation)
	raw     func(*API, http.ResponseWriter, *http.Request)
	plain   func(*API, http.Handler) http.Handler // answers some of a typed route's requests before huma; nil: none
}

// typed registers a handler whose input and output are described by types.
func typed[I, O any](h func(*API, context.Context, *I) (*O, error)) func(*API, huma.API, huma.Operation) {
	return func(a *API, api huma.API, op huma.Operation) {
		huma.Register(api, op, func(ctx context.Context, in *I) (*O, error) {
			out, err := h(a, ctx, in)
			if err != nil {
				return nil, a.failure(ctx, err)
			}
			return out, nil
		})
	}
}

// routes is the one table of everything the hub answers.
var routes = []route{
	// The app API: the Pipes contract.
	{class: classApp, method: "POST", path: "/data-integrations/{slug}/token", id: "getAccessToken", summary: "Vend a live access token", typed: typed((*API).vendToken), plain: (*API).plainVend},
	{class: classApp, method: "POST", path: "/data-integrations/{slug}/credentials", id: "createDataIntegrationCredential", summary: "Vend the credential of a connection, of whatever kind", typed: typed((*API).vendCredential)},
	{class: classApp, method: "POST", path: "/data-integrations/{slug}/authorize", id: "authorizeDataIntegration", summary: "Make a one-time link with which a user connects an account", typed: typed((*API).authorize)},
	{class: classApp, method: "GET", path: "/user_management/users/{user_id}/data_providers", id: "listUserDataProviders", summary: "List the providers with a user's connections", typed: typed((*API).listProviders)},
	{class: classApp, method: "GET", path: "/user_management/users/{user_id}/connected_accounts/{slug}", id: "getUserConnectedAccount", summary: "Read a user's connection", typed: typed((*API).getAccount)},
	{class: classApp, method: "POST", path: "/user_management/users/{user_id}/connected_accounts/{slug}", id: "createUserConnectedAccount", summary: "Import a user's connection; its tokens are tried first", status: 201, typed: typed((*API).createAccount)},
	{class: classApp, method: "PUT", path: "/user_management/users/{user_id}/connected_accounts/{slug}", id: "updateUserConnectedAccount", summary: "Import other tokens into a user's connection", typed: typed((*API).updateAccount)},
	{class: classApp, method: "DELETE", path: "/user_management/users/{user_id}/connected_accounts/{slug}", id: "deleteUserConnectedAccount", summary: "Disconnect: revoke at the provider and delete", status: 204, typed: typed((*API).deleteAccount)},

	// Any method: a provider's API, called by the hub.
	{class: classRelay, path: "/relay", id: "relay", summary: "Call the API of a provider at the address in X-Relay-URL, with a token that the app does not see", raw: (*API).relay},
	{class: classRelay, path: "/relay/{slug}/{path...}", id: "relayPath", summary: "The same, below the provider's usual API", raw: (*API).relay},

	// Programs that want to become apps, or to know whom they talk to.
	{class: classPairing, method: "POST", path: "/hello", always: true, id: "prove", summary: "Prove which hub this is, before a key is sent to it", typed: typed((*API).prove)},
	{class: classPairing, method: "POST", path: "/apps/pair", id: "pair", summary: "Ask for a key", status: 201, typed: typed((*API).pair)},
	{class: classPairing, method: "POST", path: "/apps/pair/collect", id: "collectKey", summary: "Collect the key, once the user has agreed", typed: typed((*API).collect)},

	{class: classHealth, method: "GET", path: "/health", always: true, raw: (*API).health},

	// The browser, sent by a provider.
	{class: classCallback, method: "GET", path: "/callback/{provider}", raw: (*API).callback},
	{class: classCallback, method: "GET", path: "/callback/{provider}/{key}", raw: (*API).callback},
	{class: classCallback, method: "GET", path: "/connected/{result}", raw: (*API).resultPage},
	{class: classCallback, method: "GET", path: "/pages/{file}", always: true, raw: (*API).pageFile},

	// Hosted pages: an end user, by a one-time link.
	{class: classPage, method: "GET", path: "/connect/{token}", raw: (*API).connectPage},
	{class: classPage, method: "POST", path: "/connect/{token}", raw: (*API).openLink},
	{class: classPage, method: "POST", path: "/connected/{result}", raw: (*API).finishLink},

	// The page.
	{class: classLogin, method: "POST", path: "/ui/api/session", always: true, id: "login", summary: "Trade a one-time code for a session", typed: typed((*API).login)},
	{class: classUI, method: "DELETE", path: "/ui/api/session", always: true, id: "logout", summary: "End the session", status: 204, typed: typed((*API).logout)},
	{class: classUI, method: "GET", path: "/ui/api/hub", always: true, id: "hub", summary: "What the page talks to", typed: typed((*API).hub)},
	{class: classUI, method: "GET", path: "/ui/api/accounts", id: "accounts", summary: "Integrations and connections", typed: typed((*API).accounts)},
	{class: classUI, method: "GET", path: "/ui/api/integrations/{slug}", id: "integration", summary: "One integration", typed: typed((*API).integration)},
	{class: classUI, method: "PUT", path: "/ui/api/integrations/{slug}", id: "saveIntegration", summary: "Set an integration", typed: typed((*API).saveIntegration)},
	{class: classUI, method: "POST", path: "/ui/api/integrations/{slug}/check", id: "checkIntegration", summary: "Try an integration as far as that goes without a person", typed: typed((*API).checkIntegration)},
	{class: classUI, method: "POST", path: "/ui/api/providers", id: "addProvider", summary: "Declare a provider", status: 201, typed: typed((*API).addProvider)},
	{class: classUI, method: "POST", path: "/ui/api/provider-preview", id: "previewProvider", summary: "The authorization URL of a provider that is not declared yet", typed: typed((*API).previewProvider)},
	{class: classUI, method: "GET", path: "/ui/api/providers/{slug}", id: "provider", summary: "A provider that was declared here", typed: typed((*API).provider)},
	{class: classUI, method: "GET", path: "/ui/api/providers/{slug}/file", id: "providerFile", summary: "One as a configuration file", typed: typed((*API).providerFile)},
	{class: classUI, method: "PUT", path: "/ui/api/providers/{slug}", id: "saveProvider", summary: "Change one", typed: typed((*API).saveProvider)},
	{class: classUI, method: "DELETE", path: "/ui/api/providers/{slug}", id: "removeProvider", summary: "Remove one, with its set-up", status: 204, typed: typed((*API).removeProvider)},
	{class: classUI, method: "POST", path: "/ui/api/flows", id: "startFlow", summary: "Begin to connect an account", status: 201, typed: typed((*API).startFlow)},
	{class: classUI, method: "GET", path: "/ui/api/flows/{id}", id: "flow", summary: "How far a flow came", typed: typed((*API).flow)},
	{class: classUI, method: "POST", path: "/ui/api/flows/{id}/confirm", id: "confirmFlow", summary: "Accept the account that came back", typed: typed((*API).confirmFlow)},
	{class: classUI, method: "POST", path: "/ui/api/flows/{id}/callback", id: "pasteCallback", summary: "Hand in the callback URL by hand", typed: typed((*API).pasteCallback)},
	{class: classUI, method: "POST", path: "/ui/api/flows/{id}/prompts/{prompt}", id: "answerPrompt", summary: "Answer what a plugin asks during a flow", typed: typed((*API).answerPrompt)},
	{class: classUI, method: "DELETE", path: "/ui/api/flows/{id}", id: "cancelFlow", summary: "Cancel a flow", status: 204, typed: typed((*API).cancelFlow)},
	{class: classUI, method: "DELETE", path: "/ui/api/connections/{id}", id: "disconnect", summary: "Disconnect an account", typed: typed((*API).disconnect)},
	{class: classUI, method: "GET", path: "/ui/api/activity", id: "activity", summary: "Who was given what, newest first", typed: typed((*API).activity)},
	{class: classUI, method: "GET", path: "/ui/api/activity/check", id: "checkActivity", summary: "Check that the audit is as it was written", typed: typed((*API).checkActivity)},
	{class: classUI, method: "GET", path: "/ui/api/activity/export", raw: (*API).exportActivity},
	{class: classUI, method: "GET", path: "/ui/api/connections/{id}", id: "connection", summary: "All there is to tell of a connection", typed: typed((*API).connection)},
	{class: classUI, method: "GET", path: "/ui/api/connections/{id}/picture", id: "picture", summary: "The picture of a connection's account", typed: typed((*API).picture)},
	{class: classUI, method: "POST", path: "/ui/api/connections/{id}/refresh", id: "refreshConnection", summary: "Renew a token now", typed: typed((*API).refreshConnection)},
	{class: classUI, method: "POST", path: "/ui/api/connections/{id}/reveal", id: "reveal", summary: "A token for the clipboard", typed: typed((*API).reveal)},
	{class: classUI, method: "GET", path: "/ui/api/diagnostics", id: "diagnostics", summary: "A report that can be shared", typed: typed((*API).diagnostics)},
	{class: classUI, method: "POST", path: "/ui/api/connections/{id}/resume", id: "resumeConnection", summary: "Use tokens here again that may have been in use elsewhere", typed: typed((*API).resumeOne)},
	{class: classUI, method: "GET", path: "/ui/api/apps", id: "apps", summary: "List apps", typed: typed((*API).apps)},
	{class: classUI, method: "POST", path: "/ui/api/apps", id: "addApp", summary: "Register an app", status: 201, typed: typed((*API).addApp)},
	{class: classUI, method: "PATCH", path: "/ui/api/apps/{id}", id: "renameApp", summary: "Give an app another name", typed: typed((*API).renameApp)},
	{class: classUI, method: "POST", path: "/ui/api/apps/{id}/key", id: "rotateApp", summary: "Give an app a new key; the old one ends", status: 201, typed: typed((*API).rotateApp)},
	{class: classUI, method: "DELETE", path: "/ui/api/apps/{id}", id: "revokeApp", summary: "End an app", typed: typed((*API).revokeApp)},
	{class: classUI, method: "POST", path: "/ui/api/apps/{id}/grants", id: "addGrant", summary: "Let an app draw something", status: 201, typed: typed((*API).addGrant)},
	{class: classUI, method: "DELETE", path: "/ui/api/apps/{id}/grants/{grant}", id: "withdrawGrant", summary: "Withdraw a grant", typed: typed((*API).withdrawGrant)},
	{class: classUI, method: "GET", path: "/ui/api/approvals", id: "approvals", summary: "List what waits for an answer", typed: typed((*API).approvals)},
	{class: classUI, method: "POST", path: "/ui/api/approvals/{id}/approve", id: "approve", summary: "Allow it", typed: typed((*API).approve)},
	{class: classUI, method: "POST", path: "/ui/api/approvals/{id}/deny", id: "deny", summary: "Refuse it", status: 204, typed: typed((*API).deny)},
	{class: classUI, method: "GET", path: "/ui/api/pairings", id: "pairings", summary: "List the programs that ask for a key", typed: typed((*API).listPairings)},
	{class: classUI, method: "POST", path: "/ui/api/pairings/{code}/approve", id: "approvePairing", summary: "Let it collect a key", status: 204, typed: typed((*API).approvePairing)},
	{class: classUI, method: "POST", path: "/ui/api/pairings/{code}/deny", id: "denyPairing", summary: "Refuse it", status: 204, typed: typed((*API).denyPairing)},
	{class: classUI, method: "GET", path: "/ui/api/lock", always: true, id: "lockState", summary: "Whether the hub is locked", typed: typed((*API).lockState)},
	{class: classUI, method: "POST", path: "/ui/api/lock", always: true, id: "lockNow", summary: "Lock the hub", typed: typed((*API).lockNow)},
	{class: classUI, method: "POST", path: "/ui/api/lock/unlock", always: true, id: "unlock", summary: "Unlock it", typed: typed((*API).unlock)},
	{class: classUI, method: "PUT", path: "/ui/api/lock/settings", id: "lockSettings", summary: "Say when it locks by itself", typed: typed((*API).setLock)},
	{class: classUI, method: "GET", path: "/ui/api/events", always: true, raw: (*API).events},
	{class: classStatic, path: "/", always: true, raw: (*API).static},

	// Programs of the same user, over the socket.
	{class: classLocal, method: "GET", path: "/local/hello", always: true, id: "hello", summary: "Version handshake", typed: typed((*API).hello)},
	{class: classLocal, method: "POST", path: "/local/token", id: "localToken", summary: "Vend a token to the person at this machine", typed: typed((*API).localToken)},
	{class: classLocal, method: "POST", path: "/local/links", always: true, id: "link", summary: "Make a one-time link to the browser UI", status: 201, typed: typed((*API).link)},
	{class: classLocal, method: "GET", path: "/local/providers", id: "providers", summary: "Providers and plugins", typed: typed((*API).providers)},
	{class: classLocal, method: "GET", path: "/local/connections", id: "connections", summary: "List the connections of all owners", typed: typed((*API).listConnections)},
	{class: classLocal, method: "POST", path: "/local/connections/resume", id: "resumeConnections", summary: "Use tokens here again that may have been in use elsewhere", typed: typed((*API).resume)},
	{class: classLocal, method: "POST", path: "/local/connections/import", id: "importConnection", summary: "Take over the tokens of a connection; they are tried first", status: 201, typed: typed((*API).importConnection)},
	{class: classLocal, method: "POST", path: "/local/connections/export", raw: (*API).export},
	{class: classLocal, method: "POST", path: "/local/backup", raw: (*API).backup},
	{class: classLocal, method: "GET", path: "/local/plugins/{plugin}/log", raw: (*API).pluginLog},
	{class: classLocal, method: "POST", path: "/local/plugins/rescan", id: "rescanPlugins", summary: "Look at the plugin folders again", typed: typed((*API).rescanPlugins)},
	{class: classLocal, method: "POST", path: "/local/providers/reload", id: "reloadProviders", summary: "Read the files of declared providers again", typed: typed((*API).reloadProviders)},
	{class: classLocal, method: "GET", path: "/local/keys", id: "keys", summary: "Where the master key comes from", typed: typed((*API).keys)},
	{class: classLocal, method: "POST", path: "/local/keys/rotate", id: "rotateKeys", summary: "Seal everything anew under a new data key", typed: typed((*API).rotateKeys)},
	{class: classLocal, method: "POST", path: "/local/keys/source", id: "changeKeySource", summary: "Keep the master key elsewhere", typed: typed((*API).changeSource)},
	{class: classLocal, method: "POST", path: "/local/keys/recovery", id: "newRecoveryKey", summary: "Make a recovery key", typed: typed((*API).recoveryKey)},
	{class: classLocal, method: "GET", path: "/local/lost", id: "lost", summary: "What a reset of lost keys left to reconnect", typed: typed((*API).lost)},
	{class: classLocal, method: "DELETE", path: "/local/lost", id: "forgetLost", summary: "Give that up", status: 204, typed: typed((*API).forgetLost)},
	{class: classLocal, method: "POST", path: "/local/compact", id: "compact", summary: "Copy what is alive into a new store", typed: typed((*API).compact)},
	{class: classLocal, method: "GET", path: "/local/doctor", always: true, id: "doctor", summary: "Check everything", typed: typed((*API).doctor)},
}

// notImplemented are the routes of the Pipes contract that are not built yet.
// They answer 404 not_implemented, so that a client learns why.
var notImplemented = []string{
	"GET /data-integrations", "POST /data-integrations",
	"GET /data-integrations/{slug}", "PUT /data-integrations/{slug}", "DELETE /data-integrations/{slug}",
	"GET /data-integrations/{slug}/organization", "PUT /data-integrations/{slug}/organization", "DELETE /data-integrations/{slug}/organization",
	"POST /data-integrations/{slug}/api-key", "PUT /data-integrations/{slug}/api-key",
	"POST /data-integrations/{slug}/client-credentials", "PUT /data-integrations/{slug}/client-credentials",
	"GET /organizations/{organization_id}/connected_accounts/{slug}", "POST /organizations/{organization_id}/connected_accounts/{slug}",
	"PUT /organizations/{organization_id}/connected_accounts/{slug}", "DELETE /organizations/{organization_id}/connected_accounts/{slug}",
	"GET /organizations/{organization_id}/data_providers",
	"GET /organizations/{organization_id}/data_integration_configurations", "PUT /organizations/{organization_id}/data_integration_configurations/{slug}",
	"POST /widgets/token", "GET /events",
}

// Route is a line of the table, for documentation and tests.
type Route struct {
	Class, Method, Path, ID, Summary string
	Always                           bool // answers while the hub is locked as well
}

// Routes lists everything that is served.
func Routes() []Route {
	out := make([]Route, 0, len(routes))
	for _, r := range routes {
		out = append(out, Route{string(r.class), r.method, r.path, r.id, r.summary, r.always})
	}
	return out
}
