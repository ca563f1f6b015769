// SPDX-License-Identifier: Apache-2.0

package sdk

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Code is what an error means to the host's state machine. Each code has one
// consequence; choose by that.
type Code string

// The codes.
const (
	// CodeReauthorizationRequired: only the user can mend it, by connecting
	// again. The connection becomes needs_reauthorization.
	CodeReauthorizationRequired Code = "reauthorization_required"
	// CodeUserDenied: the user said no.
	CodeUserDenied Code = "user_denied"
	// CodeMisconfigured: the integration is wrong (Field says where); its
	// owner has to mend it, not the user.
	CodeMisconfigured Code = "misconfigured"
	// CodeTemporary: try again later. Nothing about the connection changes.
	CodeTemporary Code = "temporary"
	// CodeRateLimited: try again, not before RetryAfter.
	CodeRateLimited Code = "rate_limited"
	// CodeSlowDown: a device poll came too soon (RFC 8628 section 3.5).
	CodeSlowDown Code = "slow_down"
	// CodeUnsupported: this provider cannot do that.
	CodeUnsupported Code = "unsupported"
	// CodePluginBug: anything else. Its text is for the log, not for users.
	CodePluginBug Code = "plugin_bug"
)

// Reason refines CodeReauthorizationRequired. Each has a remedy of its own.
type Reason string

// The reasons.
const (
	ReasonRevoked             Reason = "revoked_by_user"
	ReasonRefreshExpired      Reason = "refresh_token_expired"
	ReasonRefreshMissing      Reason = "refresh_token_missing"
	ReasonScopeMissing        Reason = "consent_scope_missing"
	ReasonClientInvalid       Reason = "client_credentials_invalid"
	ReasonPolicy              Reason = "policy_or_mfa"
	ReasonProviderUninstalled Reason = "provider_uninstalled"
	ReasonUnknown             Reason = "unknown_permanent"
)

// reasons lists them.
var reasons = []Reason{
	ReasonRevoked, ReasonRefreshExpired, ReasonRefreshMissing, ReasonScopeMissing,
	ReasonClientInvalid, ReasonPolicy, ReasonProviderUninstalled, ReasonUnknown,
}

// Error is a failed provider operation. It survives the wire: errors.As finds
// it on the host's side with all its fields.
type Error struct {
	Code         Code
	Reason       Reason        // with CodeReauthorizationRequired
	Field        string        // with CodeMisconfigured
	RetryAfter   time.Duration // with CodeRateLimited and CodeTemporary; zero: not said
	ProviderCode string        // what the provider said, e.g. "invalid_grant"
	// Message is for people: what happened, in words. It must not hold a
	// secret, nor text of the provider's that was not cut and checked.
	Message string
}

// Error implements error.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(string(e.Code))
	if e.Reason != "" {
		fmt.Fprintf(&b, " (%s)", e.Reason)
	}
	if e.Field != "" {
		fmt.Fprintf(&b, " in %s", e.Field)
	}
	if e.Message != "" {
		b.WriteString(": " + e.Message)
	}
	if e.ProviderCode != "" {
		fmt.Fprintf(&b, " [%s]", e.ProviderCode)
	}
	return b.String()
}

// ReauthorizationRequired returns an error after which only the user can help.
func ReauthorizationRequired(r Reason, message string) *Error {
	return &Error{Code: CodeReauthorizationRequired, Reason: r, Message: message}
}

// UserDenied returns the error for a refused consent.
func UserDenied(message string) *Error { return &Error{Code: CodeUserDenied, Message: message} }

// Misconfigured returns an error about a field of the integration.
func Misconfigured(field, message string) *Error {
	return &Error{Code: CodeMisconfigured, Field: field, Message: message}
}

// Temporary returns an error that time may mend.
func Temporary(message string) *Error { return &Error{Code: CodeTemporary, Message: message} }

// RateLimited returns an error that time will mend.
func RateLimited(after time.Duration) *Error {
	return &Error{Code: CodeRateLimited, RetryAfter: after, Message: "the provider asks to wait"}
}

// Unsupported returns the error of an operation that a provider does not have.
func Unsupported(message string) *Error { return &Error{Code: CodeUnsupported, Message: message} }

// CodeOf returns the code of err: CodePluginBug for any error that is not an
// *Error, and "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return CodePluginBug
}
