// SPDX-License-Identifier: Apache-2.0

package oauth

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/standpipe/standpipe/sdk"
)

// said is what an answer says of an error.
type said struct{ code, detail, text string }

// judge returns nil for an answer that is a success, and its error otherwise.
// needDoc is set where a success without a readable body is none.
func (s *Standard) judge(c *call, a *answer, paths errorPaths, needDoc bool) *sdk.Error {
	e := said{code: a.doc.text(paths.code), detail: a.doc.text(paths.detail), text: a.doc.text(paths.text)}
	if e.code == "false" { // "error": false
		e.code = ""
	}
	status2xx := a.status >= 200 && a.status <= 299
	notOK := paths.ok != "" && a.doc.text(paths.ok) != "true"
	if status2xx && e.code == "" && !notOK && (a.doc != nil || !needDoc) {
		return nil
	}
	out := s.classify(c.leg, a, e)
	out.ProviderCode = cleanCode(or(e.code, e.detail), c.carried())
	if out.Message == "" {
		out.Message = s.message(c, a, e)
	}
	return out
}

// errorPaths says where an answer's errors are.
type errorPaths struct{ ok, code, detail, text string }

func (s *Standard) errorPaths(ok, code string) errorPaths {
	return errorPaths{
		ok: ok, code: or(code, or(s.Answer.Error, "error")),
		detail: s.Answer.ErrorDetail, text: or(s.Answer.ErrorText, "error_description"),
	}
}

// classify decides what an error means, from the provider's own table first.
func (s *Standard) classify(leg Leg, a *answer, e said) *sdk.Error {
	for _, r := range s.Errors {
		if r.matches(leg, a.status, e) {
			out := &sdk.Error{Code: r.As, Reason: r.Reason, Field: r.Field, Message: r.Message, RetryAfter: time.Duration(r.RetryAfter)}
			if after := retryAfter(a.header); after > 0 && (r.As == sdk.CodeTemporary || r.As == sdk.CodeRateLimited) {
				out.RetryAfter = after
			}
			return out
		}
	}
	after := retryAfter(a.header)
	switch {
	case a.status == http.StatusTooManyRequests:
		return &sdk.Error{Code: sdk.CodeRateLimited, RetryAfter: after}
	case a.status == http.StatusForbidden && (after > 0 || a.header.Get("X-RateLimit-Remaining") == "0"):
		return &sdk.Error{Code: sdk.CodeRateLimited, RetryAfter: after}
	case a.status >= 500 || a.doc == nil && leg != LegIdentify:
		return &sdk.Error{Code: sdk.CodeTemporary, RetryAfter: after}
	case a.status == http.StatusUnauthorized && leg == LegIdentify:
		// RFC 6750 section 3.1: expired, revoked, malformed or otherwise invalid.
		return &sdk.Error{Code: sdk.CodeReauthorizationRequired, Reason: sdk.ReasonUnknown}
	case a.status == http.StatusForbidden && leg == LegIdentify:
		return &sdk.Error{Code: sdk.CodeReauthorizationRequired, Reason: sdk.ReasonScopeMissing}
	case e.code == "" || !definite(a.status):
		return &sdk.Error{Code: sdk.CodeTemporary, RetryAfter: after}
	default:
		return rfcError(leg, e)
	}
}

// definite reports whether a status lets an error code be believed: those of
// RFC 6749 section 5.2, 403 as some use it, and 200 as others do.
func definite(status int) bool {
	return status >= 200 && status <= 299 ||
		status == http.StatusBadRequest || status == http.StatusUnauthorized || status == http.StatusForbidden
}

// matches reports whether the rule speaks of this answer. What a failing server
// says in passing ends no connection: a rule with lasting consequences has to
// name such a status to mean it.
func (r *ErrorRule) matches(leg Leg, status int, e said) bool {
	if status >= 500 && r.Status == 0 && !r.passes() {
		return false
	}
	return (len(r.On) == 0 || slices.Contains(r.On, leg)) &&
		(r.Status == 0 || r.Status == status) &&
		(r.Code == "" || r.Code == e.code) &&
		(r.Detail == "" || r.Detail == e.detail) &&
		(r.Text == "" || strings.Contains(strings.ToLower(e.text), strings.ToLower(r.Text)))
}

// passes reports whether the rule tells of something that time may mend.
func (r *ErrorRule) passes() bool {
	return r.As == sdk.CodeTemporary || r.As == sdk.CodeRateLimited || r.As == sdk.CodeSlowDown
}

// rfcError gives the standard codes their meaning (RFC 6749 sections 4.1.2.1
// and 5.2, RFC 8628 section 3.5, OpenID Connect Core section 3.1.2.6). A code
// that nobody knows, said with a definite status, is permanent: trying it
// again for ever helps no one.
func rfcError(leg Leg, e said) *sdk.Error {
	switch e.code {
	case "invalid_grant":
		return &sdk.Error{Code: sdk.CodeReauthorizationRequired, Reason: grantReason(leg, e.text)}
	case "invalid_client", "unauthorized_client":
		return &sdk.Error{Code: sdk.CodeMisconfigured, Field: "client_secret"}
	case "invalid_scope":
		return &sdk.Error{Code: sdk.CodeMisconfigured, Field: "scopes"}
	case "redirect_uri_mismatch", "invalid_redirect_uri":
		return &sdk.Error{Code: sdk.CodeMisconfigured, Field: "redirect_uri"}
	case "unsupported_grant_type", "unsupported_response_type", "invalid_request", "invalid_target":
		return &sdk.Error{Code: sdk.CodeMisconfigured}
	case "unsupported_token_type":
		return &sdk.Error{Code: sdk.CodeUnsupported}
	case "access_denied":
		return &sdk.Error{Code: sdk.CodeUserDenied}
	case "login_required", "interaction_required", "consent_required", "account_selection_required":
		return &sdk.Error{Code: sdk.CodeReauthorizationRequired, Reason: sdk.ReasonPolicy}
	case "insufficient_scope":
		return &sdk.Error{Code: sdk.CodeReauthorizationRequired, Reason: sdk.ReasonScopeMissing}
	case "temporarily_unavailable", "server_error", "authorization_pending":
		return &sdk.Error{Code: sdk.CodeTemporary}
	case "expired_token": // RFC 8628 section 3.5
		return &sdk.Error{Code: sdk.CodeReauthorizationRequired, Reason: sdk.ReasonUnknown, Message: "The code was not entered in time. Connect again."}
	case "slow_down":
		return &sdk.Error{Code: sdk.CodeSlowDown}
	default:
		return &sdk.Error{Code: sdk.CodeReauthorizationRequired, Reason: sdk.ReasonUnknown}
	}
}

// grantReason reads the text of an invalid_grant, which is all there is to
// tell an expired token from a revoked one. "expired or revoked" tells neither.
func grantReason(leg Leg, text string) sdk.Reason {
	text = strings.ToLower(text)
	expired, revoked := strings.Contains(text, "expired"), strings.Contains(text, "revoked")
	switch {
	case leg == LegRefresh && expired && !revoked:
		return sdk.ReasonRefreshExpired
	case revoked && !expired:
		return sdk.ReasonRevoked
	default:
		return sdk.ReasonUnknown
	}
}
