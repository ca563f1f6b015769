// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"errors"
	"fmt"
	"time"
)

// Code is the machine-readable name of an outcome. It is the same in the HTTP
// answer, in --json output, in the audit and in the UI.
type Code string

// The codes. outcomes gives each its consequences.
const (
	CodeInvalid                  Code = "invalid_request"
	CodeUnauthorized             Code = "unauthorized"
	CodeForbidden                Code = "forbidden"
	CodeConsentRequired          Code = "consent_required"
	CodeNotFound                 Code = "entity_not_found"
	CodeNotImplemented           Code = "not_implemented"
	CodeNotInstalled             Code = "not_installed"
	CodeNeedsReauthorization     Code = "needs_reauthorization"
	CodeAccountSelection         Code = "account_selection_required"
	CodeAccountMismatch          Code = "account_mismatch"
	CodeConflict                 Code = "conflict"
	CodeGrantShared              Code = "grant_shared" // a revocation would end other connections: yes or no?
	CodeReadOnly                 Code = "read_only"
	CodeUnprocessable            Code = "unprocessable_entity" // well-formed, and makes no sense
	CodeIntegrationDisabled      Code = "integration_disabled"
	CodeIntegrationNotConfigured Code = "integration_not_configured"
	CodeFlowExpired              Code = "flow_expired"
	CodeFlowMismatch             Code = "flow_mismatch"
	CodeUserDenied               Code = "access_denied"
	CodeProviderMisconfigured    Code = "provider_misconfigured"
	CodeProviderUnavailable      Code = "provider_unavailable"
	CodeProviderRefused          Code = "provider_refused"
	CodeRateLimited              Code = "rate_limited"      // the provider asks to wait
	CodeTooManyRequests          Code = "too_many_requests" // the hub does
	CodePluginUnavailable        Code = "plugin_unavailable"
	CodePluginFailed             Code = "plugin_failed"
	CodeIntegrity                Code = "integrity_error"
	CodeStorage                  Code = "storage_unavailable"
	CodeAudit                    Code = "audit_unavailable"
	CodeLocked                   Code = "locked"
	CodeNotConfigured            Code = "not_configured" // the hub itself lacks something it needs to start
	CodeInternal                 Code = "internal_error"
)

// Exit codes of the command line.
const (
	ExitOK            = 0
	ExitError         = 1
	ExitUsage         = 2
	ExitNeedsUser     = 3
	ExitNotAllowed    = 4
	ExitNotConfigured = 78
)

// Outcome is what a code means to each of the hub's faces.
type Outcome struct {
	HTTP int
	Exit int
	// RetryAfter is what to tell the caller when the error does not say.
	RetryAfter time.Duration
}

// outcomes is the one table that turns a code into a status, an exit code and
// a waiting time.
var outcomes = map[Code]Outcome{
	CodeInvalid:                  {HTTP: 400, Exit: ExitUsage},
	CodeUnauthorized:             {HTTP: 401, Exit: ExitNotAllowed},
	CodeForbidden:                {HTTP: 403, Exit: ExitNotAllowed},
	CodeConsentRequired:          {HTTP: 403, Exit: ExitNotAllowed},
	CodeNotFound:                 {HTTP: 404, Exit: ExitError},
	CodeNotImplemented:           {HTTP: 404, Exit: ExitError},
	CodeNotInstalled:             {HTTP: 200, Exit: ExitNeedsUser}, // an inactive answer by contract
	CodeNeedsReauthorization:     {HTTP: 200, Exit: ExitNeedsUser}, // an inactive answer by contract
	CodeAccountSelection:         {HTTP: 409, Exit: ExitUsage},
	CodeAccountMismatch:          {HTTP: 409, Exit: ExitNeedsUser},
	CodeConflict:                 {HTTP: 409, Exit: ExitError},
	CodeGrantShared:              {HTTP: 409, Exit: ExitNeedsUser},
	CodeReadOnly:                 {HTTP: 409, Exit: ExitError},
	CodeUnprocessable:            {HTTP: 422, Exit: ExitUsage},
	CodeIntegrationDisabled:      {HTTP: 422, Exit: ExitNotConfigured},
	CodeIntegrationNotConfigured: {HTTP: 422, Exit: ExitNotConfigured},
	CodeFlowExpired:              {HTTP: 404, Exit: ExitNeedsUser},
	CodeFlowMismatch:             {HTTP: 400, Exit: ExitError},
	CodeUserDenied:               {HTTP: 403, Exit: ExitNeedsUser},
	CodeProviderMisconfigured:    {HTTP: 422, Exit: ExitNotConfigured},
	CodeProviderUnavailable:      {HTTP: 503, Exit: ExitError, RetryAfter: 30 * time.Second},
	CodeProviderRefused:          {HTTP: 422, Exit: ExitError},
	CodeRateLimited:              {HTTP: 503, Exit: ExitError, RetryAfter: 30 * time.Second},
	CodeTooManyRequests:          {HTTP: 429, Exit: ExitError, RetryAfter: time.Minute},
	CodePluginUnavailable:        {HTTP: 503, Exit: ExitError, RetryAfter: 5 * time.Second},
	CodePluginFailed:             {HTTP: 503, Exit: ExitError, RetryAfter: 5 * time.Second},
	CodeIntegrity:                {HTTP: 500, Exit: ExitError},
	CodeStorage:                  {HTTP: 503, Exit: ExitError, RetryAfter: 5 * time.Second},
	CodeAudit:                    {HTTP: 503, Exit: ExitError, RetryAfter: 5 * time.Second},
	CodeLocked:                   {HTTP: 423, Exit: ExitNeedsUser},
	CodeNotConfigured:            {HTTP: 503, Exit: ExitNotConfigured},
	CodeInternal:                 {HTTP: 500, Exit: ExitError},
}

// OutcomeOf returns the consequences of a code; of an unknown one, those of
// CodeInternal.
func OutcomeOf(c Code) Outcome {
	if o, ok := outcomes[c]; ok {
		return o
	}
	return outcomes[CodeInternal]
}

// Codes returns every code, for documentation and tests.
func Codes() []Code {
	out := make([]Code, 0, len(outcomes))
	for c := range outcomes {
		out = append(out, c)
	}
	return out
}

// Error is a failure with a name, told in words: what happened, why, and how
// to mend it. It never holds a secret.
type Error struct {
	Code       Code
	Message    string // what happened and why
	Remedy     string // the command or click that mends it; may be empty
	Field      string // with CodeInvalid: what was wrong
	RetryAfter time.Duration
	Reason     Reason // with CodeNeedsReauthorization
	Choices    []Choice
	Approval   string // with CodeConsentRequired: the question that waits for the user
	Err        error  // for the log; not shown
}

// Choice is an account that could have been meant (CodeAccountSelection), or one
// that would be reached too (CodeGrantShared).
type Choice struct {
	Connection string `json:"connected_account_id"`
	Account    string `json:"account"`
}

// Choice is the connection as one of several to choose from.
func (c *Connection) Choice() Choice { return Choice{c.ID, c.Account.Label()} }

// Errorf returns an Error with a formatted message. A %w is kept in Err.
func Errorf(c Code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: c, Message: err.Error(), Err: errors.Unwrap(err)}
}

// WithRemedy returns e with a remedy.
func (e *Error) WithRemedy(format string, args ...any) *Error {
	e.Remedy = fmt.Sprintf(format, args...)
	return e
}

// Error implements error.
func (e *Error) Error() string {
	if e.Remedy == "" {
		return e.Message
	}
	return e.Message + "\n" + e.Remedy
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Wait is how long the caller should wait before the next try.
func (e *Error) Wait() time.Duration {
	if e.RetryAfter > 0 {
		return e.RetryAfter
	}
	return OutcomeOf(e.Code).RetryAfter
}

// AsError turns any error into an *Error. What it does not know becomes
// CodeInternal, whose text is not shown to callers.
func AsError(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if e, ok := errors.AsType[*IntegrityError](err); ok {
		return &Error{Code: CodeIntegrity, Message: e.Error(), Err: err}
	}
	if errors.Is(err, ErrNotFound) {
		return &Error{Code: CodeNotFound, Message: "not found", Err: err}
	}
	return &Error{Code: CodeInternal, Message: "an internal error; the hub's log says more", Err: err}
}

// ProviderClass is what a provider's failure means to a connection.
type ProviderClass string

// The classes.
const (
	ProviderReauthorize   ProviderClass = "reauthorize"   // only the user can mend it
	ProviderDenied        ProviderClass = "denied"        // the user said no
	ProviderMisconfigured ProviderClass = "misconfigured" // the integration's owner must mend it
	ProviderTemporary     ProviderClass = "temporary"     // time may mend it
	ProviderUnsupported   ProviderClass = "unsupported"   // the provider has no such thing
	ProviderBug           ProviderClass = "bug"           // the plugin broke the contract
	ProviderGone          ProviderClass = "gone"          // the plugin died, hung or could not be started
)

// ProviderError is a failed provider operation, classified.
type ProviderError struct {
	Class        ProviderClass
	Reason       Reason
	Field        string
	RetryAfter   time.Duration
	ProviderCode string // as the provider said it, cut and cleaned
	Message      string // for people, cut and cleaned
	// SlowDown is set when a device flow was asked about too often; with
	// ProviderTemporary.
	SlowDown bool
	// Unsent is true when the request certainly never reached the provider,
	// so that a single-use refresh token is certainly unspent.
	Unsent bool
}

// Error implements error.
func (e *ProviderError) Error() string {
	s := string(e.Class) + ": " + e.Message
	if e.ProviderCode != "" {
		s += " [" + e.ProviderCode + "]"
	}
	return s
}

// Public turns a provider's failure into what callers get.
func (e *ProviderError) Public(provider string) *Error {
	switch e.Class {
	case ProviderReauthorize:
		return &Error{Code: CodeNeedsReauthorization, Message: e.Message, Reason: e.Reason, Remedy: e.Reason.Remedy(), Err: e}
	case ProviderDenied:
		return &Error{Code: CodeUserDenied, Message: fmt.Sprintf("the access was refused at %s", provider), Remedy: "Connect again and confirm at the provider.", Err: e}
	case ProviderMisconfigured:
		return &Error{Code: CodeProviderMisconfigured, Message: fmt.Sprintf("%s refuses the settings of this integration: %s", provider, e.Message), Field: e.Field, Remedy: "Correct the integration's settings.", Err: e}
	case ProviderTemporary:
		if e.RetryAfter > 0 {
			return &Error{Code: CodeRateLimited, Message: fmt.Sprintf("%s asks to wait", provider), RetryAfter: e.RetryAfter, Err: e}
		}
		return &Error{Code: CodeProviderUnavailable, Message: fmt.Sprintf("%s cannot be reached or is out of order: %s", provider, e.Message), Err: e}
	case ProviderUnsupported:
		return &Error{Code: CodeProviderRefused, Message: fmt.Sprintf("%s does not offer this: %s", provider, e.Message), Err: e}
	case ProviderGone:
		return &Error{Code: CodePluginUnavailable, Message: fmt.Sprintf("the plugin of %s does not answer", provider), Remedy: "It is restarted by itself; `standpipe providers` shows its state.", Err: e}
	default:
		return &Error{Code: CodePluginFailed, Message: fmt.Sprintf("the plugin of %s failed", provider), Remedy: "This is a bug of the plugin; the hub's log says more.", Err: e}
	}
}
