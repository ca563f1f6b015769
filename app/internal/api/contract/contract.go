// SPDX-License-Identifier: Apache-2.0

// Package contract holds the JSON bodies that the hub exchanges with its own
// faces: the page (classes ui) and the command line (class local). The app API
// has the shapes of another contract and lives in package api itself.
//
// Paths, all JSON, errors as Error with a 4xx or 5xx status:
//
//	ui: the page in the window and in the browser
//	  POST   /ui/api/session                  Login → LoggedIn         (browser only: trades the one-time code)
//	  DELETE /ui/api/session                  204                      (browser only: logs out)
//	  GET    /ui/api/hub                      Hub
//	  GET    /ui/api/accounts                 Accounts
//	  GET    /ui/api/integrations/{slug}      Integration
//	  PUT    /ui/api/integrations/{slug}      SaveIntegration → Integration
//	  POST   /ui/api/integrations/{slug}/check  SaveIntegration → Checked  (tries it as it would be; saves nothing)
//	  POST   /ui/api/providers                CustomProvider → Integration (declares one)
//	  POST   /ui/api/provider-preview        CustomProvider → ProviderPreview (saves nothing)
//	  GET    /ui/api/providers/{slug}         CustomProvider
//	  PUT    /ui/api/providers/{slug}         CustomProvider → Integration
//	  DELETE /ui/api/providers/{slug}         204                      (with its set-up; not while accounts are connected)
//	  POST   /ui/api/flows                    StartFlow → Flow
//	  GET    /ui/api/flows/{id}               Flow
//	  POST   /ui/api/flows/{id}/confirm       Confirm → Flow
//	  POST   /ui/api/flows/{id}/callback      Paste → Flow             (the callback URL, pasted)
//	  POST   /ui/api/flows/{id}/prompts/{prompt}  AnswerPrompt → Flow  (what the plugin asked)
//	  DELETE /ui/api/flows/{id}               204                      (cancel)
//	  GET    /ui/api/connections/{id}/picture Picture                  (of the account; where Connection.Picture is there)
//	  DELETE /ui/api/connections/{id}         Disconnect → Disconnected
//	  GET    /ui/api/activity                 Activity                 (query: app, connection, decision, action, since, until, before, limit)
//	  GET    /ui/api/activity/export          application/x-ndjson     (the same query; an ActivityEntry a line, oldest first)
//	  GET    /ui/api/activity/check           AuditReport
//	  GET    /ui/api/apps                     Apps
//	  POST   /ui/api/apps                     AddApp → AddedApp        (holds the key, this once)
//	  PATCH  /ui/api/apps/{id}                RenameApp → App
//	  POST   /ui/api/apps/{id}/key            RotateApp → AddedApp     (the old key ends)
//	  DELETE /ui/api/apps/{id}                Revoked
//	  POST   /ui/api/apps/{id}/grants         NewGrant → Grant
//	  DELETE /ui/api/apps/{id}/grants/{grant} Revoked
//	  GET    /ui/api/approvals                Approvals
//	  POST   /ui/api/approvals/{id}/approve   Approve → Grant
//	  POST   /ui/api/approvals/{id}/deny      204
//	  GET    /ui/api/pairings                 Pairings
//	  POST   /ui/api/pairings/{code}/approve  ApprovePairing → 204     (the program collects its key)
//	  POST   /ui/api/pairings/{code}/deny     204
//	  GET    /ui/api/lock                     Lock
//	  POST   /ui/api/lock                     Lock                     (lock now)
//	  POST   /ui/api/lock/unlock              Unlock → Lock
//	  PUT    /ui/api/lock/settings            LockSettings → Lock
//	  POST   /ui/api/connections/{id}/resume  Connection               (tokens that may have been in use elsewhere)
//	  GET    /ui/api/events                   text/event-stream; each "data:" is a hub.Event,
//	                                          comments are heartbeats every 15 s
//
//	local: same-user programs, over the Unix socket only. Also serves the ui paths.
//	  GET    /local/hello                     Hello                    (the version handshake)
//	  POST   /local/token                     TokenRequest → Token
//	  POST   /local/links                     Link                     (a one-time link to the browser UI)
//	  GET    /local/providers                 Providers
//	  POST   /local/plugins/rescan            Providers                (after an installation)
//	  GET    /local/plugins/{plugin}/log      application/x-ndjson of PluginLine, as it is logged
//	  GET    /local/keys                      Keys
//	  POST   /local/keys/rotate               Rotation                 (answers when it is done)
//	  POST   /local/keys/source               ChangeSource → Keys
//	  POST   /local/keys/recovery             RecoveryKey              (shown once)
//	  POST   /local/compact                   Compaction
//	  GET    /local/doctor                    Diagnosis
//	  GET    /local/connections               Connections              (of all owners)
//	  POST   /local/connections/resume        Resume → Connections
//	  POST   /local/connections/import        Import → Imported
//	  POST   /local/connections/export        Export → an age file, and BackupHeader
//	  POST   /local/backup                    Backup → an age file, and BackupHeader
package contract

import (
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// Error is the body of every 4xx and 5xx answer, on all routes.
type Error struct {
	Message    string       `json:"message" doc:"What happened and why, in words"`
	Code       hub.Code     `json:"code" doc:"The outcome by name"`
	Remedy     string       `json:"remedy,omitempty" doc:"The command or click that mends it"`
	Field      string       `json:"field,omitempty" doc:"What in the request was wrong"`
	Reason     hub.Reason   `json:"reason,omitempty"`
	Choices    []hub.Choice `json:"choices,omitempty" doc:"With account_selection_required: the accounts that could be meant; with grant_shared: those that would end too"`
	ApprovalID string       `json:"approval_id,omitempty" doc:"With consent_required: the question that waits for the user"`
	RetryAfter int          `json:"retry_after,omitempty" doc:"Seconds; equal to the Retry-After header"`
}

// Hello is the version handshake of the socket.
type Hello struct {
	Name     string `json:"name"`     // "standpipe"
	Version  string `json:"version"`  // of the program
	Protocol int    `json:"protocol"` // of these bodies; equal or no attaching
	PID      int    `json:"pid"`
	Data     string `json:"data"` // the data folder
}

// Protocol is the version of this package's bodies.
const Protocol = 1

// Login trades the code of a one-time link.
type Login struct {
	Code string `json:"code"`
}

// LoggedIn is a session of the browser UI. The token goes into the header
// Standpipe-Session of every further call.
type LoggedIn struct {
	Token     string    `json:"token"`
	ExpiresAt time.Time `json:"expires_at"`
}

// SessionHeader carries the session token of the page.
const SessionHeader = "Standpipe-Session"

// Hub says what the page is talking to.
type Hub struct {
	Version   string   `json:"version"`
	AppAPI    string   `json:"app_api"`    // "http://127.0.0.1:4780"
	KeySource string   `json:"key_source"` // "keychain", "file", …
	Sandbox   string   `json:"sandbox"`    // base URL of the sandbox integrations
	Data      string   `json:"data"`       // the data folder
	Config    string   `json:"config"`     // the configuration file, which may be absent
	Notices   []Notice `json:"notices"`
}

// Notice is something the user should know, such as a secret in clear text in
// the configuration file.
type Notice struct {
	Severity string `json:"severity"` // "info" | "warning" | "error"
	Message  string `json:"message"`
	Remedy   string `json:"remedy,omitempty"`
}

// Accounts is the accounts page in one answer.
type Accounts struct {
	Integrations []Integration `json:"integrations"`
	Connections  []Connection  `json:"connections"`
	// Providers tells how the providers answer, of those that were asked since
	// the hub started.
	Providers []ProviderHealth `json:"providers"`
}

// Integration is a provider that is, or can be, made available here.
type Integration struct {
	Slug        string   `json:"slug"`
	Provider    string   `json:"provider"`
	Name        string   `json:"name"`
	Description string   `json:"description"`
	Icon        string   `json:"icon"` // inline SVG, sanitised; may be empty
	DocsURL     string   `json:"docs_url"`
	ConsoleURL  string   `json:"console_url"`
	SetupSteps  []string `json:"setup_steps"`
	BrandColor  string   `json:"brand_color,omitempty"` // "#24292f"
	Categories  []string `json:"categories"`
	Warnings    []string `json:"warnings"` // what to know before, a sentence each
	// ConnectWays are the kinds of flow that work, the most convenient first.
	ConnectWays []hub.FlowKind   `json:"connect_ways"`
	State       IntegrationState `json:"state"`
	Problem     string           `json:"problem,omitempty"` // with needs_setup and unavailable: why
	Damaged     bool             `json:"damaged,omitempty"` // what was set up cannot be read any more
	Enabled     bool             `json:"enabled"`
	FromFile    bool             `json:"from_file"` // read-only here
	// Custom is set where the provider was declared on the page, DeclaredIn
	// where a file of the user's declares it, or a part of it: its path.
	Custom     bool   `json:"custom"`
	DeclaredIn string `json:"declared_in,omitempty"`
	// HidesCustom: that file wins over a provider of the same name that was
	// declared on the page, and is kept.
	HidesCustom bool         `json:"hides_custom"`
	Plugin      *PluginBrief `json:"plugin,omitempty"` // that serves it; absent: none does

	Credentials        hub.CredentialsKind   `json:"credentials"` // "" while needs_setup
	CredentialsOffered []hub.CredentialsKind `json:"credentials_offered"`
	ClientID           string                `json:"client_id"`
	ClientSecretSet    bool                  `json:"client_secret_set"`
	ClientSecretHint   string                `json:"client_secret_hint"` // last four characters
	SecretRequired     bool                  `json:"secret_required"`
	RedirectURI        string                `json:"redirect_uri"`

	Scopes       []ScopeChoice    `json:"scopes"`
	Config       []ConfigField    `json:"config"`
	Capabilities []hub.Capability `json:"capabilities"`
	// RevokesGrant: a disconnect can, on request, end the whole authorization
	// too, other connections of the same client and account included.
	RevokesGrant bool `json:"revokes_grant"`
	// Relays: it is known where the API is that the hub can call for apps.
	Relays bool `json:"relays"`
	// NarrowsScopes: a token can be for fewer scopes than the account has.
	NarrowsScopes bool `json:"narrows_scopes"`
	// NarrowsAudience: a token can be for one resource server only; Audiences are
	// those for which the user's consent is asked.
	NarrowsAudience bool     `json:"narrows_audience"`
	Audiences       []string `json:"audiences"`
}

// PluginBrief is what to tell of the plugin of a provider. Network and Files
// say how it is held, or would be while it does not run, and Missing why it is
// not held more firmly, in the words of Holding.
type PluginBrief struct {
	Name        string `json:"name"`
	Source      string `json:"source"`
	Version     string `json:"version,omitempty"`
	Development bool   `json:"development"`
	State       string `json:"state"`
	Error       string `json:"error,omitempty"`

	Network string   `json:"network"`
	Files   string   `json:"files"`
	Missing []string `json:"missing"`
}

// IntegrationState says whether one can connect.
type IntegrationState string

// The states.
const (
	IntegrationReady       IntegrationState = "ready"
	IntegrationNeedsSetup  IntegrationState = "needs_setup" // credentials are missing
	IntegrationDisabled    IntegrationState = "disabled"
	IntegrationUnavailable IntegrationState = "unavailable" // its plugin is missing or broken
)

// ScopeChoice is a scope with what was chosen.
type ScopeChoice struct {
	hub.Scope
	Selected bool `json:"selected"`
}

// ConfigField is a setting with its value.
type ConfigField struct {
	Key          string `json:"key"`
	Label        string `json:"label"`
	Description  string `json:"description"`
	Example      string `json:"example"`
	Pattern      string `json:"pattern"`
	Default      string `json:"default"`
	Required     bool   `json:"required"`
	Installation bool   `json:"installation"` // asked for at each connect
	Value        string `json:"value"`
}

// SaveIntegration sets an integration. Absent fields stay as they are.
type SaveIntegration struct {
	Credentials  *hub.CredentialsKind `json:"credentials,omitempty" enum:"own,public,sandbox"`
	ClientID     *string              `json:"client_id,omitempty" maxLength:"512"`
	ClientSecret *string              `json:"client_secret,omitempty" maxLength:"4096"`
	Scopes       []string             `json:"scopes,omitempty" maxItems:"200"`
	Description  *string              `json:"description,omitempty" maxLength:"280"`
	Enabled      *bool                `json:"enabled,omitempty"`
	Config       map[string]string    `json:"config,omitempty"`
}

// Connection is one connected account.
type Connection struct {
	ID            string     `json:"id"`
	Integration   string     `json:"integration"`
	Provider      string     `json:"provider"`
	Owner         hub.Owner  `json:"owner"`
	State         hub.State  `json:"state"`
	Reason        hub.Reason `json:"reason,omitempty"`
	Remedy        string     `json:"remedy,omitempty"`
	Backup        string     `json:"backup,omitempty"` // with moved_away and restored: which one
	Account       Account    `json:"account"`
	Picture       string     `json:"picture,omitempty"` // changes with the account's picture; absent: there is none
	Scopes        []string   `json:"scopes"`
	MissingScopes []string   `json:"missing_scopes"`
	// RequestedScopes is what was asked for when it was connected.
	RequestedScopes []string   `json:"requested_scopes"`
	Sandbox         bool       `json:"sandbox"`
	Health          *Health    `json:"health,omitempty"`   // absent: well
	Forecast        *Forecast  `json:"forecast,omitempty"` // absent: nothing will end it, as far as is known
	Expiry          *time.Time `json:"expires_at,omitempty"`
	LastRefresh     *time.Time `json:"last_refresh,omitempty"`
	CreatedAt       time.Time  `json:"created_at"`
	UpdatedAt       time.Time  `json:"updated_at"`
}

// Picture is the picture of an account, drawn anew by the hub: a PNG of 96 by 96
// pixels, in base64.
type Picture struct {
	PNG []byte `json:"png"`
}

// Account is how to recognise whose it is. All of it is text from outside.
type Account struct {
	Label string `json:"label"`
	Login string `json:"login,omitempty"`
	Name  string `json:"name,omitempty"`
	Email string `json:"email,omitempty"`
}

// Health is transient trouble of a connection.
type Health struct {
	Code    hub.Code  `json:"code"`
	Message string    `json:"message"`
	Tries   int       `json:"tries"` // that failed, in a row; 0 while the machine is offline
	Since   time.Time `json:"since"`
	NextTry time.Time `json:"next_try"`
}

// Forecast says when a connection will need its user if all goes on as it is.
type Forecast struct {
	NeedsUserAt time.Time          `json:"needs_user_at"`
	Why         hub.ForecastReason `json:"why" enum:"no_refresh_token,refresh_token_expires,refresh_token_idle"`
}

// ProviderHealth is how an integration's provider answers, over all its
// connections.
type ProviderHealth struct {
	Integration string            `json:"integration"`
	State       hub.ProviderState `json:"state" enum:"ok,degraded,down"` // down: it is asked again at next_try only
	Failing     int               `json:"failing"`                       // connections whose last try failed
	Code        hub.Code          `json:"code,omitempty"`
	Message     string            `json:"message,omitempty"`
	Since       *time.Time        `json:"since,omitempty"`
	NextTry     *time.Time        `json:"next_try,omitempty"`
}

// StartFlow begins to connect an account.
type StartFlow struct {
	Integration string            `json:"integration"`
	Connection  string            `json:"connection,omitempty" doc:"Reauthorize this one; it keeps its id"`
	Config      map[string]string `json:"config,omitempty" doc:"Installation-level settings"`
	Device      bool              `json:"device,omitempty" doc:"Connect with a code that the user enters at the provider"`
	Scopes      []string          `json:"scopes,omitempty" maxItems:"200" doc:"Ask for these beyond the integration's: a scope upgrade"`
	// ConfirmSelf finishes without a confirmation: for the command line, which
	// prints the account. Only class local may set it.
	ConfirmSelf bool `json:"confirm_self,omitempty"`
}

// Flow is a connection in the making.
type Flow struct {
	ID          string `json:"id"`
	Integration string `json:"integration"`
	// Kind says how the provider's answer comes: by the browser, by an address
	// that the user pastes (nobody listens at the redirect URI), or by a code.
	Kind             hub.FlowKind `json:"kind" enum:"browser,paste,device"`
	State            FlowState    `json:"state"`
	AuthorizationURL string       `json:"authorization_url,omitempty"` // while waiting; not of a device flow
	Device           *DeviceCode  `json:"device,omitempty"`            // of a device flow, while waiting
	RequestedScopes  []string     `json:"requested_scopes"`
	ExpiresAt        time.Time    `json:"expires_at"`
	Account          *Account     `json:"account,omitempty"` // what came back
	Scopes           []string     `json:"scopes,omitempty"`  // what was granted
	MissingScopes    []string     `json:"missing_scopes,omitempty"`
	Replaces         *Account     `json:"replaces,omitempty"`    // a reauthorization came back with another account than this
	Reauthorize      string       `json:"reauthorize,omitempty"` // the connection that is reauthorized
	Connection       string       `json:"connection,omitempty"`  // when done
	Prompts          []Prompt     `json:"prompts,omitempty"`     // what the plugin shows or asks, while waiting
	Error            *Error       `json:"error,omitempty"`       // when failed
}

// DeviceCode is what to show to the user of a device flow.
type DeviceCode struct {
	UserCode                string    `json:"user_code"`
	VerificationURI         string    `json:"verification_uri"`
	VerificationURIComplete string    `json:"verification_uri_complete,omitempty" doc:"With the code in it, for a link or a QR code; where it is missing, verification_uri"`
	Interval                int       `json:"interval" doc:"Seconds between two looks of the hub at the provider"`
	ExpiresAt               time.Time `json:"expires_at"`
}

// Prompt is what a plugin shows to, or wants from, the user during a connect.
// All of it is text from outside: show it as the plugin's words.
type Prompt struct {
	ID     string         `json:"id"`
	Kind   hub.PromptKind `json:"kind" enum:"message,ask,open"` // "ask" and "open" wait for AnswerPrompt; a message may be dismissed with it
	Text   string         `json:"text"`
	Label  string         `json:"label,omitempty"`  // of the value asked for
	Secret bool           `json:"secret,omitempty"` // hide it while it is typed
	URL    string         `json:"url,omitempty"`    // with "open"; its host is one of the provider's
}

// AnswerPrompt answers one.
type AnswerPrompt struct {
	Value   string `json:"value,omitempty" maxLength:"4096" doc:"With ask: what was typed"`
	Decline bool   `json:"decline,omitempty" doc:"The user does not want to; the flow most likely fails"`
}

// FlowState is how far it came.
type FlowState string

// The states.
const (
	FlowWaiting FlowState = "waiting" // for the user, at the provider
	FlowConfirm FlowState = "confirm" // for the user, here
	FlowDone    FlowState = "done"
	FlowFailed  FlowState = "failed"
)

// Confirm accepts the account that came back.
type Confirm struct {
	AcceptOtherAccount bool `json:"accept_other_account,omitempty" doc:"Required where Flow.replaces is set"`
}

// Paste hands in the URL on which the browser ended, where it cannot reach the
// hub (SSH, containers).
type Paste struct {
	URL string `json:"url" maxLength:"8192"`
}

// Disconnect is the optional body of a disconnect.
type Disconnect struct {
	// RevokeGrant ends the whole authorization, and with it the other
	// connections of the same client and account (true), or revokes nothing that
	// they use (false). Left out, a provider that knows nothing narrower raises
	// the question: 409 grant_shared, with the other connections as choices.
	RevokeGrant *bool `json:"revoke_grant,omitempty"`
}

// Disconnected says what became of the tokens at the provider.
type Disconnected struct {
	Revoked hub.Reach `json:"revoked"` // "none", "token", "grant"
	Message string    `json:"message"` // in words
}

// TokenRequest asks for a token on behalf of the person at this machine.
type TokenRequest struct {
	Integration string `json:"integration"`
	Account     string `json:"account,omitempty" doc:"Login, e-mail or connection id, where several are connected"`
	MinTTL      int    `json:"min_ttl,omitempty" doc:"Seconds the token must live at least"`
	Token       string `json:"token,omitempty" doc:"Which of the connection's tokens, where it has several; the main one by default"`
	Force       bool   `json:"force,omitempty" doc:"Renew it, whatever its expiry says"`
}

// Token is a live access token.
type Token struct {
	AccessToken  string            `json:"access_token"`
	TokenType    string            `json:"token_type"`
	ExpiresAt    *time.Time        `json:"expires_at"`
	ExpirySource hub.ExpirySource  `json:"expiry_source,omitempty"`
	Scopes       []string          `json:"scopes"`
	Connection   string            `json:"connection"`
	Account      string            `json:"account"`
	Metadata     map[string]string `json:"metadata,omitempty"`
	Warning      *Error            `json:"warning,omitempty"`
}

// Link is a one-time link to the browser UI.
type Link struct {
	URL       string    `json:"url"`
	ExpiresAt time.Time `json:"expires_at"`
}

// Providers lists what the plugins serve, and the plugins that failed.
type Providers struct {
	Providers []Provider `json:"providers"`
	Plugins   []Plugin   `json:"plugins"`
	Holding   Holding    `json:"holding"`
}

// Holding is how firmly this system lets plugins be held.
type Holding struct {
	Network string `json:"network"` // "closed" | "open"
	Files   string `json:"files"`   // "closed" | "open"
	// Landlock is the version of the kernel's interface; 0: it has none.
	Landlock int `json:"landlock"`
	// Missing says, a sentence each, what the system withholds and why.
	Missing []string `json:"missing"`
}

// Provider is one of them.
type Provider struct {
	Slug         string           `json:"slug"`
	Name         string           `json:"name"`
	Plugin       string           `json:"plugin"`
	Capabilities []hub.Capability `json:"capabilities"`
	AllowedHosts []string         `json:"allowed_hosts"`
	// Custom, DeclaredIn and HidesCustom are as of an Integration.
	Custom      bool   `json:"custom"`
	DeclaredIn  string `json:"declared_in,omitempty"`
	HidesCustom bool   `json:"hides_custom"`
}

// Plugin is the state of a plugin's process.
type Plugin struct {
	Name     string `json:"name"`
	Path     string `json:"path"`
	SHA256   string `json:"sha256"`
	State    string `json:"state"` // "stopped" | "starting" | "running" | "backoff" | "crashed" | "refused"
	PID      int    `json:"pid,omitempty"`
	Restarts int    `json:"restarts"` // starts after it died
	Error    string `json:"error,omitempty"`
	// Untaken are the slugs of the declared providers that it does not take.
	Untaken []string `json:"untaken,omitempty"`

	Source      string `json:"source"`            // "bundled" | "installed" | "development"
	Version     string `json:"version,omitempty"` // of an installed one
	Development bool   `json:"development"`       // its hash is pinned anew at each rebuild: mark it
	// Network and Files say what keeps a running plugin from the network and
	// from the user's files, in the words of Holding. Empty while it does not run.
	Network string `json:"network,omitempty"`
	Files   string `json:"files,omitempty"`
}

// PluginLine is a line of a plugin's log, without control characters and secrets.
type PluginLine struct {
	Time    time.Time         `json:"time"`
	Level   string            `json:"level"` // "DEBUG", "INFO", "WARN", "ERROR"
	Message string            `json:"message"`
	Fields  map[string]string `json:"fields,omitempty"` // provider, op, request and the plugin's own
}
