// SPDX-License-Identifier: Apache-2.0

// Package api is the hub's HTTP: the app API of the Pipes contract, the
// callback and hosted pages, and the JSON of the page and the command line.
//
// Every route stands in one table (routes.go) and has one class; every class
// has one guard on each surface where it is served (guard.go). Handlers never
// touch the store or a plugin: they call the domain services of Config.
package api

import (
	"context"
	"io"
	"io/fs"
	"iter"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk/secret"
)

// Config is what an API needs. Every field must be set, but where it says otherwise.
type Config struct {
	Catalog     Catalog
	Flows       Flows
	Tokens      Tokens
	Connections *hub.Connections
	Access      Access
	Lock        Lock
	Sessions    Sessions
	Backups     Backups
	Transfers   Transfers
	Plugins     Plugins
	Declared    Declared
	Vault       Vault
	Relay       Relay
	Events      Events
	Auditor     hub.Auditor
	Activity    Activity

	// Avatars is set where pictures of accounts are shown.
	Avatars bool

	// Peer refuses the connection of a request that came over TCP; nil: none.
	Peer func(context.Context) error

	Assets fs.FS // the built page
	Logger *slog.Logger
	Now    func() time.Time
	NewID  func(prefix string) string

	// ServerKey proves to clients which hub this is; see prove. It is in the
	// discovery file.
	ServerKey []byte

	Version string
	Data    string // the data folder
	// ConfigFile is where the configuration file is, or would be.
	ConfigFile string
	Sandbox    string // base URL of the sandbox; may be empty
	Listen     string // host:port of the app API
	UI         string // host:port of the browser UI; empty: none
	BaseURL    string // https origin from outside; may be empty
	// EmbedOrigins are the origins of the pages that may embed <standpipe-connect>.
	EmbedOrigins []string
	// Notices are what the user should know at the moment; nil: nothing.
	Notices func(context.Context) []contract.Notice
}

// Catalog knows the integrations.
type Catalog interface {
	List(context.Context) []hub.Entry
	Get(ctx context.Context, slug string) (hub.Entry, error)
	Save(ctx context.Context, slug string, change hub.IntegrationChange) (hub.Entry, error)
	Wanted(slug string) []string
	// Descriptor is what is known of an integration's provider, or nil; it
	// asks no plugin.
	Descriptor(slug string) *hub.Descriptor
	// ResolveFor prepares a call for a connection.
	ResolveFor(context.Context, *hub.Connection) (*hub.Resolved, error)
	// Try prepares calls as they would be after Save, and saves nothing.
	Try(ctx context.Context, slug string, change hub.IntegrationChange) (*hub.Resolved, error)

	Custom(ctx context.Context, slug string) (hub.Custom, error)
	CustomFile(ctx context.Context, slug string) ([]byte, error)
	SaveCustom(ctx context.Context, p hub.Custom, create bool) (hub.Entry, error)
	RemoveCustom(ctx context.Context, slug string) error
	DraftCustom(ctx context.Context, p hub.Custom) (*hub.Resolved, error)
}

// Relay calls the APIs of providers.
type Relay interface {
	// Target is where a call goes: to address, or below the usual API to rest.
	Target(d *hub.Descriptor, values func(string) string, private bool, address, rest string) (*url.URL, error)
	// Serve makes the call that r is. Fail answers where the provider did not.
	Serve(w http.ResponseWriter, r *http.Request, call hub.RelayCall, fail func(error))
}

// Flows makes connections.
type Flows interface {
	Start(context.Context, hub.StartFlow) (*hub.Flow, error)
	Get(ctx context.Context, id string) (*hub.Flow, error)
	Confirm(ctx context.Context, id string, by hub.Initiator, acceptOther bool) (*hub.Flow, error)
	Cancel(ctx context.Context, id string) error
	Answer(ctx context.Context, id, prompt string, answer hub.PromptAnswer) (*hub.Flow, error)
	Expecting(path string) bool
	Callback(ctx context.Context, path string, q url.Values) (result string, err error)
	// Paste takes the address on which a browser ended that cannot reach the hub.
	Paste(ctx context.Context, id, address string) (*hub.Flow, error)
	Result(ctx context.Context, result string) (*hub.Flow, error)
	Link(context.Context, hub.StartFlow) (token string, err error)
	PeekLink(ctx context.Context, token string) (hub.StartFlow, *hub.Resolved, error)
	OpenLink(ctx context.Context, token string) (authorizationURL, binding string, err error)
	FinishLink(ctx context.Context, result, binding string) (*hub.Flow, error)
	// Preview makes the authorization URL of a draft, Check tries an integration.
	Preview(ctx context.Context, r *hub.Resolved, issuer string) (hub.Preview, error)
	Check(ctx context.Context, r *hub.Resolved) []hub.Check
}

// Tokens vends and revokes.
type Tokens interface {
	Vend(context.Context, hub.VendRequest) (*hub.Vended, error)
	DisconnectAs(ctx context.Context, caller, id string, grant hub.GrantChoice) (hub.Revocation, error)
	Health(id string) *hub.Health
	ProviderHealth() []hub.ProviderHealth
	Forecast(context.Context, *hub.Connection) hub.Forecast
}

// Access knows the apps and what they may draw.
type Access interface {
	Authenticate(ctx context.Context, key string) (*hub.App, error)
	// Owner is on whose behalf an app acts when it names a user (or nobody).
	Owner(app *hub.App, user, organization string, shared bool) (hub.Owner, error)
	// May reports whether an app may know of a connection.
	May(app *hub.App, c *hub.Connection) bool
	// Select picks the connection that an app means.
	Select(hub.SelectRequest) (hub.Selection, error)
	// Draw picks the connection to draw a token from; it may ask the user.
	Draw(context.Context, *hub.DrawRequest) (hub.Selection, error)
	GiveBack(app string, sel hub.Selection)
	Drew(app string, v *hub.Vended)

	List(context.Context) ([]hub.App, error)
	Damaged() []hub.DamagedApp // apps that cannot be read
	Add(context.Context, hub.NewApp) (app *hub.App, key string, err error)
	Rename(ctx context.Context, id, name string) (*hub.App, error)
	Rotate(ctx context.Context, id string, expiresIn time.Duration) (app *hub.App, key string, err error)
	Revoke(ctx context.Context, id string) ([]hub.Drawn, error)
	Grant(ctx context.Context, id string, g hub.Grant) (*hub.Grant, error)
	Withdraw(ctx context.Context, id, grant string) ([]hub.Drawn, error)

	Approvals(context.Context) []hub.Approval
	Approve(ctx context.Context, id string, yes hub.Approve) (*hub.Grant, error)
	Deny(ctx context.Context, id string) error

	Pair(context.Context, hub.NewPairing) (p *hub.Pairing, secret string, err error)
	Collect(ctx context.Context, secret string, wait time.Duration) (app *hub.App, key string, err error)
	Pairings(context.Context) []hub.Pairing
	ApprovePairing(ctx context.Context, code string, yes hub.ApprovePairing) error
	DenyPairing(ctx context.Context, code string) error
}

// Lock keeps everybody out while the user is away.
type Lock interface {
	State() hub.LockState
	Locked() bool
	Lock(context.Context, hub.LockCause)
	Unlock(ctx context.Context, passphrase secret.Value) error
	Configure(context.Context, hub.LockSettings) error
	// Used notes that somebody uses the hub, which is not idle then.
	Used()
}

// Sessions are the logins of the browser UI.
type Sessions interface {
	// NewCode makes a one-time code for a link.
	NewCode() (code string, expires time.Time)
	Login(ctx context.Context, code string) (token string, expires time.Time, err error)
	Check(ctx context.Context, token string) error
	Logout(ctx context.Context, token string) error
}

// Backups writes backups.
type Backups interface {
	// Write writes nothing to w where it refuses; an error after its first
	// write means that what was written is of no use.
	Write(ctx context.Context, req hub.BackupRequest, w io.Writer) error
}

// Transfers brings connections in and lets them leave.
type Transfers interface {
	Resume(ctx context.Context, caller string, req hub.ResumeRequest) ([]*hub.Connection, error)
	Import(ctx context.Context, caller string, im hub.Import) (*hub.Imported, error)
	// Export is as Backups.Write.
	Export(ctx context.Context, caller string, req hub.ExportRequest, w io.Writer) error
}

// Plugins tells of the plugin processes.
type Plugins interface {
	Status() []contract.Plugin
	// Holding is how firmly this system lets them be held.
	Holding() contract.Holding
	// Rescan looks at the plugin folders again, and returns what is different
	// as audit entries: action, and subject for the plugin.
	Rescan(context.Context) ([]hub.AuditEntry, error)
	// Logs yields what a plugin logs, until ctx ends.
	Logs(ctx context.Context, plugin string) <-chan contract.PluginLine
}

// Declared are the providers that files declare.
type Declared interface {
	// Reload reads the files again. It returns what is different as audit
	// entries: action, and subject for the provider; and what is wrong with the
	// files. A provider whose file is wrong stays as it was.
	Reload(context.Context) ([]hub.AuditEntry, []contract.Notice, error)
}

// Activity is the audit, to read.
type Activity interface {
	Page(ctx context.Context, filter hub.AuditFilter, before uint64, limit int) (hub.AuditPage, error)
	Read(ctx context.Context, filter hub.AuditFilter) iter.Seq2[hub.AuditRecord, error]
	Verify(context.Context) (hub.AuditReport, error)
}

// Events is the bus that the page listens to. The channel closes with ctx.
type Events interface {
	Subscribe(context.Context) <-chan hub.Event
}

// API serves the hub. It is safe for concurrent use.
type API struct {
	cfg   Config
	hosts map[string]bool // exact Host values of the app listener
	ui    map[string]bool // and of the UI listener
	pages *pages
	built func() handlers
	gone  *goneApps
}

// handlers are those of the surfaces. They are built together, once: they share
// the schemas of their bodies, which must not change any more when one of them
// serves.
type handlers struct{ app, ui, local http.Handler }

// New returns an API.
func New(cfg Config) *API {
	a := &API{cfg: cfg, hosts: exactHosts(cfg.Listen, cfg.BaseURL), ui: exactHosts(cfg.UI, "")}
	a.pages = newPages(cfg.EmbedOrigins)
	a.gone = newGoneApps(cfg.Activity)
	a.built = sync.OnceValue(func() handlers {
		schemas := humaConfig(cfg.Version).Components.Schemas
		return handlers{a.build(surfaceApp, schemas), a.build(surfaceUI, schemas), a.build(surfaceLocal, schemas)}
	})
	return a
}

// App is the handler of the app listener: the token API, callbacks, hosted
// pages and health.
func (a *API) App() http.Handler {
	return a.outer(a.hosts, a.built().app)
}

// UI is the handler of the browser UI's own listener.
func (a *API) UI() http.Handler {
	return a.outer(a.ui, http.NewCrossOriginProtection().Handler(a.built().ui))
}

// Local is the handler for programs of the same user, over the Unix socket or
// in process. Whoever calls it has been proven to be that user.
func (a *API) Local() http.Handler {
	routes := a.built().local
	return a.outer(nil, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		routes.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), localKey{}, true)))
	}))
}
