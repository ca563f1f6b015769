// SPDX-License-Identifier: Apache-2.0

package main

import (
	_ "embed"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/oauth"
)

//go:embed icon.svg
var icon string

// standard is Slack as a table. Every answer has status 200 and "ok".
// https://docs.slack.dev/authentication/installing-with-oauth
// https://docs.slack.dev/authentication/using-token-rotation
// https://docs.slack.dev/authentication/using-pkce
var standard = &oauth.Standard{
	Descriptor:     descriptor,
	AuthorizeURL:   "{base_url}/oauth/v2/authorize",
	TokenURL:       "{base_url}/api/oauth.v2.access",
	ClientAuth:     oauth.AuthBody,
	ScopeSeparator: ",",
	Answer: oauth.Answer{
		OK: "ok",
		// Where only user scopes were asked for, the user's token is all there is.
		AccessToken: "access_token|authed_user.access_token", RefreshToken: "refresh_token|authed_user.refresh_token",
		ExpiresIn: "expires_in|authed_user.expires_in", Scope: "scope|authed_user.scope",
		TokenType: "-", // "bot" and "user" are no types of RFC 6749
		// An app that does not rotate has tokens that live until they are revoked.
		NeverExpires: true,
		Metadata: map[string]string{
			"team_id": "team.id", "team_name": "team.name", "enterprise_id": "enterprise.id", "app_id": "app_id",
			"bot_user_id": "bot_user_id", "authed_user_id": "authed_user.id",
			"webhook_channel": "incoming_webhook.channel", "webhook_configuration_url": "incoming_webhook.configuration_url",
		},
		Named: map[string]oauth.NamedAnswer{userToken: {
			AccessToken: "authed_user.access_token", RefreshToken: "authed_user.refresh_token",
			ExpiresIn: "authed_user.expires_in", Scope: "authed_user.scope",
		}},
	},
	Errors: errorMap,
	Identity: &oauth.Identity{
		URL: "{base_url}/api/auth.test", Method: "POST", OK: "ok", Issuer: "{base_url}",
		Subject: "user_id", Tenant: "team_id", Login: "user", Name: "team",
	},
	Revocation: &oauth.Revocation{
		URL: "{base_url}/api/auth.revoke", Bearer: true, OK: "ok", Kinds: []sdk.TokenKind{sdk.AccessToken},
	},
}

// errorMap tells what lasts from what passes.
// https://docs.slack.dev/reference/methods/oauth.v2.access
// https://docs.slack.dev/reference/methods/auth.test
var errorMap = []oauth.ErrorRule{
	passing("ratelimited", sdk.CodeRateLimited), passing("rate_limited", sdk.CodeRateLimited),
	passing("internal_error", sdk.CodeTemporary), passing("fatal_error", sdk.CodeTemporary),
	passing("service_unavailable", sdk.CodeTemporary), passing("request_timeout", sdk.CodeTemporary),
	passing("team_added_to_org", sdk.CodeTemporary), passing("org_login_required", sdk.CodeTemporary),

	lasting("invalid_refresh_token", sdk.ReasonRefreshExpired, "Slack no longer accepts the refresh token: it was used before, has expired or was revoked."),
	lasting("token_expired", sdk.ReasonRefreshExpired, "Slack says that the token has expired."),
	lasting("token_revoked", sdk.ReasonRevoked, "The token was revoked at Slack."),
	lasting("invalid_auth", sdk.ReasonRevoked, "Slack no longer accepts the token."),
	lasting("account_inactive", sdk.ReasonRevoked, "The account or the workspace of this token is deactivated."),
	lasting("user_removed_from_team", sdk.ReasonRevoked, "The account is no longer a member of the workspace."),
	lasting("not_authed", sdk.ReasonRevoked, "Slack received no token."),
	lasting("app_uninstalled", sdk.ReasonProviderUninstalled, "The app was removed from the workspace."),
	lasting("team_access_not_granted", sdk.ReasonPolicy, "The workspace has not approved the app."),
	lasting("access_denied", sdk.ReasonPolicy, "Slack denies the access."),
	lasting("two_factor_setup_required", sdk.ReasonPolicy, "The workspace asks for two-factor authentication."),
	lasting("ekm_access_denied", sdk.ReasonPolicy, "The administrators of the workspace have suspended access."),
	lasting("missing_scope", sdk.ReasonScopeMissing, "A scope is missing that this needs."),
	lasting("invalid_code", sdk.ReasonUnknown, "The code from Slack has expired. Connect again."),
	lasting("code_already_used", sdk.ReasonUnknown, "The code from Slack was used before. Connect again."),

	wrong("invalid_client_id", "client_id", "Slack does not know this client id."),
	wrong("bad_client_secret", "client_secret", "Slack does not accept this client secret."),
	wrong("bad_redirect_uri", "redirect_uri", "The redirect URI is not registered in the app at Slack under OAuth & Permissions."),
	wrong("invalid_code_verifier", "", "Slack does not accept the proof of this attempt (PKCE). Connect again."),
	wrong("pkce_not_allowed", "client_id", "This Slack app has PKCE switched off. Switch it on under OAuth & Permissions, which cannot be undone, or use an https redirect."),
	wrong("invalid_scope", "scopes", "Slack does not give one of these scopes to this app."),
	wrong("invalid_grant_type", "", "Slack does not take this kind of request."),
}

func passing(code string, as sdk.Code) oauth.ErrorRule { return oauth.ErrorRule{Code: code, As: as} }

func lasting(code string, reason sdk.Reason, message string) oauth.ErrorRule {
	return oauth.ErrorRule{Code: code, As: sdk.CodeReauthorizationRequired, Reason: reason, Message: message}
}

func wrong(code, field, message string) oauth.ErrorRule {
	return oauth.ErrorRule{Code: code, As: sdk.CodeMisconfigured, Field: field, Message: message}
}
